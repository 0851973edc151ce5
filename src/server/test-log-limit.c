/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "server/log-limit.h"

static void a_flood_is_cut_and_told(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    unsigned left_out = 1, allowed = 0;
    for (unsigned i = 0; i < 1000; i++) {
        allowed += log_limit_allows(&limit, 5000, &left_out);
        assert_int_equal(left_out, 0);
    }
    assert_int_equal(allowed, LOG_LIMIT_LINES);
    assert_false(log_limit_allows(&limit, 5000 + LOG_LIMIT_PERIOD_MS - 1, &left_out));
    assert_true(log_limit_allows(&limit, 5000 + LOG_LIMIT_PERIOD_MS, &left_out));
    assert_int_equal(left_out, 1000 - LOG_LIMIT_LINES + 1);
    assert_true(log_limit_allows(&limit, 5000 + LOG_LIMIT_PERIOD_MS, &left_out));
    assert_int_equal(left_out, 0);
}

static void a_few_lines_pass(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    unsigned left_out;
    for (int64_t now = 0; now < 3600000; now += 1000)
        assert_true(log_limit_allows(&limit, now, &left_out));
}

UNIT_MAIN(cmocka_unit_test(a_flood_is_cut_and_told), cmocka_unit_test(a_few_lines_pass))
