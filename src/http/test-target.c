/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/str.h"
#include "http/target.h"

static void check_path(const char *raw, const char *path)
{
    struct http_target t;
    assert_int_equal(http_target_parse(raw, strlen(raw), &t), 0);
    assert_string_equal(t.path, path);
    http_target_free(&t);
}

static void test_paths(void **state)
{
    (void)state;
    check_path("/", "/");
    check_path("//a///b/", "/a/b/");
    check_path("/a%20b", "/a b");
    check_path("/%2e%2ea", "/..a");
    check_path("/a..b/...", "/a..b/...");
    check_path("/%c3%a4", "/\xc3\xa4");
    check_path("http://host:8080/x/y?z", "/x/y");
    check_path("/a+b", "/a+b");
    check_path("/%25%32%65", "/%2e");
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",        "a",      "*",           "/..",     "/../a",  "/a/..",  "/a/../b",
        "/.",      "/./a",   "/%2e%2e",     "/%2E./a", "/.%2e",  "/a%2fb", "/a%2Fb",
        "/%00",    "/a%0ab", "/%",          "/%1",     "/%zz",   "/a#b",   "/\x01",
        "/?a=%00", "/?a=%1", "http://host", "/a/%2e",  "/a//..", "/..?a",  "/%7f",
    };
    struct http_target t;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(http_target_parse(bad[i], strlen(bad[i]), &t), -EINVAL);
    assert_int_equal(http_target_parse("/a\0b", 4, &t), -EINVAL);
}

static void test_arguments(void **state)
{
    const char *raw = "/x?mac=52%3a54&name=a+b%2B&flag&&empty=&=v&mac=2&q=a=b?c/../d";
    struct http_target t;
    (void)state;
    assert_int_equal(http_target_parse(raw, strlen(raw), &t), 0);
    assert_string_equal(http_target_arg(&t, "mac"), "52:54");
    assert_string_equal(http_target_arg(&t, "name"), "a b+");
    assert_string_equal(http_target_arg(&t, "flag"), "");
    assert_string_equal(http_target_arg(&t, "empty"), "");
    assert_string_equal(http_target_arg(&t, ""), "v");
    assert_string_equal(http_target_arg(&t, "q"), "a=b?c/../d");
    assert_null(http_target_arg(&t, "none"));
    assert_int_equal(t.count, 7);
    http_target_free(&t);
}

static void test_too_many_arguments(void **state)
{
    char raw[3 * HTTP_TARGET_ARGS_MAX + 8] = "/?";
    struct http_target t;
    (void)state;
    size_t len = 2;
    for (int i = 0; i < HTTP_TARGET_ARGS_MAX; i++) {
        raw[len++] = 'a';
        raw[len++] = '&';
    }
    assert_int_equal(http_target_parse(raw, len, &t), 0);
    assert_int_equal(t.count, HTTP_TARGET_ARGS_MAX);
    http_target_free(&t);
    raw[len] = 'a';
    assert_int_equal(http_target_parse(raw, len + 1, &t), -E2BIG);
}

UNIT_MAIN(cmocka_unit_test(test_paths), cmocka_unit_test(test_refused),
          cmocka_unit_test(test_arguments), cmocka_unit_test(test_too_many_arguments))
