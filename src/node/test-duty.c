/* SPDX-License-Identifier: Apache-2.0 */
#include "node/duty.h"

#include "base/test.h"

static void assert_duty(const struct duties *d, int64_t now, enum duty expected, int64_t until)
{
    int64_t got = 0;
    assert_int_equal(duty_next(d, now, &got), expected);
    if (expected == DUTY_WAIT)
        assert_int_equal(got, until);
}

static void test_reports_as_soon_as_there_is_an_address(void **state)
{
    (void)state;
    struct duties d = {.has_identity = true, .started = 1000};
    assert_duty(&d, 1000, DUTY_WAIT, INT64_MAX);
    d.has_address = true;
    assert_duty(&d, 1100, DUTY_HELLO, 0);
    d.said_hello = true;
    assert_duty(&d, 1300, DUTY_WAIT, INT64_MAX);
    d.next_heartbeat = 9000;
    assert_duty(&d, 1300, DUTY_WAIT, 9000);
}

static void test_a_silent_server_is_asked_again(void **state)
{
    (void)state;
    struct duties d = {.has_identity = true, .has_address = true, .next_try = 500};
    assert_duty(&d, 100, DUTY_WAIT, 500);
    assert_duty(&d, 500, DUTY_HELLO, 0);
}

static void test_news_of_a_task(void **state)
{
    (void)state;
    struct duties d = {
        .has_identity = true, .has_address = true, .said_hello = true, .task_news = true};
    assert_duty(&d, 100, DUTY_TASK, 0);
    /* Why it failed comes before the hello that asks what is next. */
    d.said_hello = false;
    assert_duty(&d, 100, DUTY_TASK, 0);
    d.next_try = 500;
    assert_duty(&d, 100, DUTY_WAIT, 500);
    d.has_address = false;
    assert_duty(&d, 100, DUTY_WAIT, INT64_MAX);
}

static void test_when_to_ask_again(void **state)
{
    (void)state;
    /* The server has something coming, and says when. */
    assert_int_equal(duty_poll_seconds(true, 2, false), 2);
    assert_int_equal(duty_poll_seconds(true, 2, true), 2);
    assert_int_equal(duty_poll_seconds(true, 0, false), 60);
    assert_int_equal(duty_poll_seconds(false, 0, false), 60);
    assert_int_equal(duty_poll_seconds(false, 2, false), 10);
    assert_int_equal(duty_poll_seconds(false, 30, true), 300);
}

static void test_commands_come_before_the_hello(void **state)
{
    (void)state;
    struct duties d = {.has_identity = true, .commands_pending = true, .started = 1000};
    assert_duty(&d, 1000, DUTY_WAIT, 1000 + DUTY_NETWORK_ANYWAY_MS);
    d.has_address = true;
    assert_duty(&d, 1100, DUTY_ANNOUNCE, 0);
    d.announced = true;
    assert_duty(&d, 1200, DUTY_COMMANDS, 0);
    d.commands_pending = false;
    assert_duty(&d, 2000, DUTY_HELLO, 0);
}

static void test_commands_run_without_a_network_in_the_end(void **state)
{
    (void)state;
    struct duties d = {.has_identity = true, .commands_pending = true};
    assert_duty(&d, 0, DUTY_WAIT, DUTY_NETWORK_ANYWAY_MS);
    assert_duty(&d, DUTY_NETWORK_ANYWAY_MS, DUTY_COMMANDS, 0);
    struct duties nobody = {.commands_pending = true, .has_address = true};
    assert_duty(&nobody, 0, DUTY_COMMANDS, 0);
}

static void test_failures_are_told_behind_the_hello(void **state)
{
    (void)state;
    struct duties d = {.has_identity = true, .has_address = true, .failed = true};
    assert_duty(&d, 0, DUTY_HELLO, 0);
    d.said_hello = true;
    assert_duty(&d, 0, DUTY_FAILURE, 0);
    d.said_failure = true;
    assert_duty(&d, 0, DUTY_WAIT, INT64_MAX);
}

static void test_backoff(void **state)
{
    (void)state;
    assert_int_equal(duty_backoff_ms(0, 0), 100);
    assert_int_equal(duty_backoff_ms(3, 0), 800);
    assert_int_equal(duty_backoff_ms(8, 0), 25600);
    assert_int_equal(duty_backoff_ms(9, 0), 30000);
    assert_int_equal(duty_backoff_ms(4000000000u, 0), 30000);
    for (uint32_t random = 0; random < 1000; random++)
        assert_in_range(duty_backoff_ms(0, random * 7919), 75, 100);
}

UNIT_MAIN(cmocka_unit_test(test_reports_as_soon_as_there_is_an_address),
          cmocka_unit_test(test_a_silent_server_is_asked_again),
          cmocka_unit_test(test_news_of_a_task), cmocka_unit_test(test_when_to_ask_again),
          cmocka_unit_test(test_commands_come_before_the_hello),
          cmocka_unit_test(test_commands_run_without_a_network_in_the_end),
          cmocka_unit_test(test_failures_are_told_behind_the_hello), cmocka_unit_test(test_backoff))
