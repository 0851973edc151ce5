/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "agent/system-clock.h"
#include "base/clock.h"

static void check(const char *own_text, const char *server_text, bool wrong)
{
    int64_t own = 0, server = 0;
    assert_int_equal(clock_parse(own_text, &own), 0);
    assert_int_equal(clock_parse(server_text, &server), 0);
    assert_true(system_clock_is_wrong(own, server) == wrong);
}

static void far_away_is_wrong(void **state)
{
    (void)state;
    check("1970-01-01T00:01:00Z", "2026-11-21T12:00:00Z", true);
    check("2030-01-01T00:00:00Z", "2026-11-21T12:00:00Z", true);
    check("2026-11-21T11:59:29Z", "2026-11-21T12:00:00Z", true);
    check("2026-11-21T12:00:31Z", "2026-11-21T12:00:00Z", true);
    check("2026-11-21T11:59:30Z", "2026-11-21T12:00:00Z", false);
    check("2026-11-21T12:00:30Z", "2026-11-21T12:00:00Z", false);
}

static void a_server_that_knows_no_better_is_not_followed(void **state)
{
    (void)state;
    assert_false(system_clock_is_wrong(0, 0));
    assert_false(system_clock_is_wrong(1000000, 0));
    check("2026-11-21T12:00:00Z", "1970-01-01T00:00:00Z", false);
    check("1970-01-01T00:01:00Z", "2025-12-31T23:59:59Z", false);
}

UNIT_MAIN(cmocka_unit_test(far_away_is_wrong),
          cmocka_unit_test(a_server_that_knows_no_better_is_not_followed))
