/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/test.h"

#include <time.h>

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

/* Beside the C library's own, over some thousand years. */
static void test_civil_is_gmtime(void **state)
{
    (void)state;
    for (int64_t s = -62135596800; s < 253402300800; s += 86400 * 3 + 12347) {
        time_t seconds = (time_t)s;
        struct tm tm;
        struct clock_civil c = clock_civil_of(s * 1000 + 999);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday);
        assert_true(c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec);
    }
}

static void test_text_of_times_without_one(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_text(INT64_MAX, text), "1970-01-01T00:00:00Z");
    assert_string_equal(clock_text(INT64_MIN, text), "1970-01-01T00:00:00Z");
    assert_string_equal(clock_text(-1, text), "1969-12-31T23:59:59Z");
    assert_string_equal(clock_text(1709164800000, text), "2024-02-29T00:00:00Z");
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

UNIT_MAIN(cmocka_unit_test(test_text_round_trip), cmocka_unit_test(test_civil_is_gmtime),
          cmocka_unit_test(test_text_of_times_without_one), cmocka_unit_test(test_age),
          cmocka_unit_test(test_fake))
