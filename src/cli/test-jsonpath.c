/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/jsonpath.h"

static json_t *value(void)
{
    json_t *v = json_loads("{\"metadata\":{\"name\":\"n1\",\"labels\":{\"a.b/c\":\"x\"}},"
                           "\"spec\":{\"macs\":[\"m0\",\"m1\"],\"n\":3,\"on\":true},"
                           "\"items\":[{\"k\":1},{\"k\":2},{}]}",
                           0, NULL);
    assert_non_null(v);
    return v;
}

static void test_templates(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{.metadata.name}", "n1"},
        {"name={.metadata.name}{\"\\n\"}", "name=n1\n"},
        {"{$.spec.macs[1]}", "m1"},
        {"{.spec.macs[-1]}", "m1"},
        {"{.spec.macs[7]}", ""},
        {"{.spec.macs[*]}", "m0 m1"},
        {"{.spec.macs}", "[\"m0\",\"m1\"]"},
        {"{.items[*].k}", "1 2"},
        {"{.spec.n}/{.spec.on}", "3/true"},
        {"{.metadata.labels['a.b/c']}", "x"},
        {"{.metadata.labels.a\\.b/c}", "x"},
        {"{.metadata.*}", "n1 {\"a.b/c\":\"x\"}"},
        {"{.nothing.here}", ""},
        {"plain", "plain"},
    };
    json_auto_t *v = value();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autobuf_ struct buf out = BUF_INIT;
        struct err err = ERR_INIT;
        if (jsonpath_write(cases[i][0], v, &out, &err) < 0)
            fail_msg("%s: %s", cases[i][0], err_text(&err));
        assert_string_equal(buf_str(&out), cases[i][1]);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const cases[] = {"{.a",      "{a}",     "{.a[}", "{.a[x]}",
                                        "{.a['b]}", "{.a[1}]", "{..a}"};
    json_auto_t *v = value();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autobuf_ struct buf out = BUF_INIT;
        if (jsonpath_write(cases[i], v, &out, NULL) != -EINVAL)
            fail_msg("%s was accepted", cases[i]);
    }
}

UNIT_MAIN(cmocka_unit_test(test_templates), cmocka_unit_test(test_malformed))
