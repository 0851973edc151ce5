/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 7386 appendix A and RFC 6902 appendix A, and the bounds. */
#include "base/test.h"

#include "base/str.h"
#include "server/api-patch.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void assert_json(const json_t *value, const char *expected)
{
    json_auto_t *wanted = parse(expected);
    if (json_equal(value, wanted))
        return;
    _autofree_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    fail_msg("expected %s, found %s", expected, text);
}

static void test_merge(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_auto_t *document = parse(cases[i][0]), *patch = parse(cases[i][1]);
        json_t *result = NULL;
        assert_int_equal(api_merge_patch(document, patch, &result), 0);
        assert_json(result, cases[i][2]);
        assert_json(document, cases[i][0]);
        json_decref(result);
    }
}

/* result NULL: the patch must fail with that code. */
struct patch_case {
    const char *document, *patch, *result;
    int code;
};

static const struct patch_case patch_cases[] = {
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
     "{\"baz\":\"qux\",\"foo\":\"bar\"}", 0},
    {"{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
     "{\"foo\":[\"bar\",\"qux\",\"baz\"]}", 0},
    {"{\"foo\":[\"bar\"]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\"]}]",
     "{\"foo\":[\"bar\",[\"abc\"]]}", 0},
    {"{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]",
     "{\"foo\":\"bar\"}", 0},
    {"{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]",
     "{\"foo\":[\"bar\",\"baz\"]}", 0},
    {"{\"baz\":\"qux\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
     "{\"baz\":\"boo\"}", 0},
    {"{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
     "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
     "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}", 0},
    {"{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
     "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
     "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}", 0},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]",
     "{\"a\":{\"b\":1},\"c\":{\"b\":1}}", 0},
    {"{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
     "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},"
     "{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
     "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}", 0},
    {"{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
     "{\"/\":9,\"~1\":10}", 0},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}", 0},
    {"{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL,
     -EBADMSG},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", NULL,
     -EBADMSG},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":1}]", NULL, -EBADMSG},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]", NULL, -EBADMSG},
    {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/01\",\"value\":1}]", NULL, -EBADMSG},
    {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/2\",\"value\":1}]", NULL, -EBADMSG},
    {"{\"foo\":[1]}", "[{\"op\":\"replace\",\"path\":\"/foo/1\",\"value\":1}]", NULL, -EBADMSG},
    {"{\"foo\":[1]}", "[{\"op\":\"replace\",\"path\":\"/foo/-\",\"value\":1}]", NULL, -EBADMSG},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL, -EBADMSG},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL, -EBADMSG},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", NULL, -EINVAL},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/~2\",\"value\":1}]", NULL, -EINVAL},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\"}]", NULL, -EINVAL},
    {"{\"a\":1}", "[{\"op\":\"copy\",\"path\":\"/b\"}]", NULL, -EINVAL},
    {"{\"a\":1}", "[{\"op\":\"frob\",\"path\":\"/b\"}]", NULL, -EINVAL},
    {"{\"a\":1}", "[7]", NULL, -EINVAL},
    {"{\"a\":1}", "{\"a\":2}", NULL, -EINVAL},
};

static void test_json_patch(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(patch_cases); i++) {
        const struct patch_case *c = &patch_cases[i];
        json_auto_t *document = parse(c->document), *patch = parse(c->patch);
        json_t *result = NULL;
        struct err err = ERR_INIT;
        int r = api_json_patch(document, patch, &result, &err);
        if (r != c->code)
            fail_msg("%s: code %d, %s", c->patch, r, err_text(&err));
        if (c->result)
            assert_json(result, c->result);
        else
            assert_null(result);
        assert_json(document, c->document);
        json_decref(result);
    }
}

/* All or nothing: the second operation fails, so the first is not seen either. */
static void test_atomic(void **state)
{
    (void)state;
    json_auto_t *document = parse("{\"a\":1}");
    json_auto_t *patch = parse("[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2},"
                               "{\"op\":\"remove\",\"path\":\"/b\"}]");
    json_t *result = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(api_json_patch(document, patch, &result, &err), -EBADMSG);
    assert_string_equal(err_text(&err), "operation 1: path \"/b\" is not there");
    assert_json(document, "{\"a\":1}");
}

/* Each copy into itself doubles the object: refused long before memory or the stack ends. */
static void test_growth_is_bounded(void **state)
{
    (void)state;
    json_auto_t *document = parse("{\"a\":{}}");
    json_auto_t *wide = json_array(), *deep = json_array();
    for (int i = 0; i < 60; i++) {
        _autofree_ char *path = str_format("/a/n%d", i);
        json_array_append_new(wide,
                              json_pack("{ssssss}", "op", "copy", "from", "/a", "path", path));
        json_array_append_new(deep,
                              json_pack("{ssssss}", "op", "copy", "from", "/a", "path", "/a/b"));
    }
    json_t *result = NULL;
    assert_int_equal(api_json_patch(document, wide, &result, NULL), -E2BIG);
    assert_int_equal(api_json_patch(document, deep, &result, NULL), 0);
    json_decref(result);
    result = NULL;
    for (int i = 0; i < 1000; i++)
        json_array_append_new(wide, json_object());
    assert_int_equal(api_json_patch(document, wide, &result, NULL), -E2BIG);
    assert_null(result);
}

static void test_bounded(void **state)
{
    (void)state;
    json_auto_t *value = parse("{\"a\":[[1,2],{\"b\":3}]}");
    assert_true(api_json_bounded(value, 3, 7));
    assert_false(api_json_bounded(value, 2, 7));
    assert_false(api_json_bounded(value, 3, 6));
}

UNIT_MAIN(cmocka_unit_test(test_merge), cmocka_unit_test(test_json_patch),
          cmocka_unit_test(test_atomic), cmocka_unit_test(test_growth_is_bounded),
          cmocka_unit_test(test_bounded))
