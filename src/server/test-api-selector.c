/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "server/api-selector.h"

static json_t *machine(void)
{
    json_t *m = json_loads("{\"metadata\":{\"name\":\"n1\",\"labels\":{\"rack\":\"a\",\"tier\":"
                           "\"\",\"slipway.dev/x\":\"1.2\"}},"
                           "\"spec\":{\"approved\":true,\"installGeneration\":3},"
                           "\"status\":{\"phase\":\"Ready\"}}",
                           0, NULL);
    assert_non_null(m);
    return m;
}

struct selector_case {
    const char *text;
    bool matches;
};

static void test_labels(void **state)
{
    (void)state;
    static const struct selector_case cases[] = {
        {"", true},
        {"  ", true},
        {"rack=a", true},
        {"rack==a", true},
        {"rack = a", true},
        {"rack=b", false},
        {"rack!=b", true},
        {"rack!=a", false},
        {"other!=a", true},
        {"other=a", false},
        {"rack", true},
        {"!rack", false},
        {"! other", true},
        {"tier=", true},
        {"rack=", false},
        {"slipway.dev/x=1.2", true},
        {"rack in (a,b)", true},
        {"rack in (b, c)", false},
        {"rack notin (b,c)", true},
        {"rack notin (a)", false},
        {"other notin (a)", true},
        {"rack in(a)", true},
        {"rack=a,tier,!zone,rack in (a,b)", true},
        {"rack=a,zone", false},
    };
    json_auto_t *object = machine();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(api_selector_freep) struct api_selector *s = NULL;
        struct err err = ERR_INIT;
        if (api_label_selector_parse(cases[i].text, &s, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err_text(&err));
        if (api_labels_match(s, object) != cases[i].matches)
            fail_msg("%s", cases[i].text);
    }
    assert_true(api_labels_match(NULL, object));
}

static void test_fields(void **state)
{
    (void)state;
    static const struct selector_case cases[] = {
        {"metadata.name=n1", true},
        {"metadata.name=n2", false},
        {"metadata.name!=n2,status.phase=Ready", true},
        {"spec.approved=true", true},
        {"spec.installGeneration=3", true},
        {"metadata.namespace=", true},
        {"status.phase.deeper=", true},
        {"spec=", true},
        {"status.failure.reason!=", false},
    };
    json_auto_t *object = machine();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(api_selector_freep) struct api_selector *s = NULL;
        assert_int_equal(api_field_selector_parse(cases[i].text, &s, NULL), 0);
        if (api_fields_match(s, object) != cases[i].matches)
            fail_msg("%s", cases[i].text);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const labels[] = {",",        "=a",      "rack in a",  "rack in (a",
                                         "a=b,,c=d", "a b",     "rack=(a)",   "rack in (a b)",
                                         "a=b\x01",  "ra ck=a", "rack!in (a)"};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        struct api_selector *s = NULL;
        if (api_label_selector_parse(labels[i], &s, NULL) != -EINVAL)
            fail_msg("accepted: %s", labels[i]);
        assert_null(s);
    }
    struct api_selector *s = NULL;
    assert_int_equal(api_field_selector_parse("status.phase", &s, NULL), -EINVAL);
    assert_int_equal(api_field_selector_parse("sta tus=x", &s, NULL), -EINVAL);
    _autofree_ char *many = str_format("%0*d", 300, 0);
    memset(many, ',', 300);
    assert_int_equal(api_label_selector_parse(many, &s, NULL), -EINVAL);
}

static void test_exact(void **state)
{
    (void)state;
    _cleanup_(api_selector_freep) struct api_selector *s = NULL;
    assert_int_equal(api_field_selector_parse("a.b!=x,metadata.name=n1", &s, NULL), 0);
    assert_string_equal(api_selector_exact(s, "metadata.name"), "n1");
    assert_null(api_selector_exact(s, "a.b"));
    assert_string_equal(api_selector_key(s, 0), "a.b");
    assert_null(api_selector_key(s, 2));
}

UNIT_MAIN(cmocka_unit_test(test_labels), cmocka_unit_test(test_fields),
          cmocka_unit_test(test_malformed), cmocka_unit_test(test_exact))
