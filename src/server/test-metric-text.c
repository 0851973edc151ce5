/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/metric-text.h"

static void families_and_samples(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    metric_single(&out, "a_total", "counter", "Things.", UINT64_MAX);
    metric_family(&out, "b", "gauge", "More things.");
    metric_sample(&out, "b", (struct metric_label[]){{"x", "1"}, {"y", "two"}}, 2, 0);
    assert_string_equal(buf_str(&out), "# HELP a_total Things.\n"
                                       "# TYPE a_total counter\n"
                                       "a_total 18446744073709551615\n"
                                       "# HELP b More things.\n"
                                       "# TYPE b gauge\n"
                                       "b{x=\"1\",y=\"two\"} 0\n");
}

static void values_of_labels_are_quoted(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    metric_sample(&out, "a", (struct metric_label[]){{"x", "\"\\\nü"}}, 1, 7);
    assert_string_equal(buf_str(&out), "a{x=\"\\\"\\\\\\nü\"} 7\n");
}

UNIT_MAIN(cmocka_unit_test(families_and_samples), cmocka_unit_test(values_of_labels_are_quoted))
