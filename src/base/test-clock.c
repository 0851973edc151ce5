/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/test.h"

static void test_text_round_trip(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    int64_t ms;
    assert_string_equal(clock_text(1767182399000, text), "2025-12-31T11:59:59Z");
    assert_int_equal(clock_parse(text, &ms), 0);
    assert_true(ms == 1767182399000);
    assert_int_equal(clock_parse("2025-12-31", &ms), -EINVAL);
    assert_int_equal(clock_parse("", &ms), -EINVAL);
}

static void test_age(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(clock_age_text(5000, text, sizeof(text)), "5s");
    assert_string_equal(clock_age_text(185000, text, sizeof(text)), "3m5s");
    assert_string_equal(clock_age_text(3600000, text, sizeof(text)), "60m");
    assert_string_equal(clock_age_text(3 * 86400000ll, text, sizeof(text)), "3d");
    assert_string_equal(clock_age_text(-1, text, sizeof(text)), "0s");
}

static void test_fake(void **state)
{
    (void)state;
    struct clock_fake fake;
    clock_fake_init(&fake, 10, 1000);
    clock_fake_advance(&fake, 5);
    assert_int_equal(clock_now(&fake.clock), 15);
    assert_int_equal(clock_wall(&fake.clock), 1005);
}

UNIT_MAIN(cmocka_unit_test(test_text_round_trip), cmocka_unit_test(test_age),
          cmocka_unit_test(test_fake))
