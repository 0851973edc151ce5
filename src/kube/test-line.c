/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <errno.h>

#include "base/str.h"
#include "kube/line.h"

struct seen {
    struct buf text; /* the lines, each in brackets */
    int stop_after;  /* lines; 0: never */
    int n;
};

static int on_line(void *user, const char *text, size_t len)
{
    struct seen *seen = user;
    buf_adds(&seen->text, "[");
    buf_add(&seen->text, text, len);
    buf_adds(&seen->text, "]");
    return ++seen->n == seen->stop_after ? -ECANCELED : 0;
}

static void test_lines_cut_anywhere(void **state)
{
    (void)state;
    static const char stream[] = "one\n\ntwo\nthree\nfo";
    for (size_t step = 1; step < sizeof(stream); step++) {
        struct kube_lines lines = KUBE_LINES_INIT(8);
        struct seen seen = {0};
        for (size_t at = 0; at < sizeof(stream) - 1; at += step) {
            size_t n = sizeof(stream) - 1 - at < step ? sizeof(stream) - 1 - at : step;
            assert_int_equal(kube_lines_feed(&lines, stream + at, n, on_line, &seen), 0);
        }
        assert_string_equal(buf_str(&seen.text), "[one][two][three]");
        assert_int_equal(lines.rest.len, 2);
        kube_lines_clear(&lines);
        buf_free(&seen.text);
    }
}

static void test_line_length_is_bounded(void **state)
{
    (void)state;
    struct kube_lines lines = KUBE_LINES_INIT(4);
    struct seen seen = {0};
    assert_int_equal(kube_lines_feed(&lines, "abcd\n", 5, on_line, &seen), 0);
    assert_int_equal(kube_lines_feed(&lines, "abcde\n", 6, on_line, &seen), -EMSGSIZE);
    kube_lines_clear(&lines);
    assert_int_equal(kube_lines_feed(&lines, "abc", 3, on_line, &seen), 0);
    assert_int_equal(kube_lines_feed(&lines, "de", 2, on_line, &seen), -EMSGSIZE);
    assert_string_equal(buf_str(&seen.text), "[abcd]");
    kube_lines_clear(&lines);
    buf_free(&seen.text);
}

static void test_reader_of_lines_may_stop(void **state)
{
    (void)state;
    struct kube_lines lines = KUBE_LINES_INIT(16);
    struct seen seen = {.stop_after = 2};
    assert_int_equal(kube_lines_feed(&lines, "a\nb\nc\n", 6, on_line, &seen), -ECANCELED);
    assert_string_equal(buf_str(&seen.text), "[a][b]");
    kube_lines_clear(&lines);
    buf_free(&seen.text);
}

static int parse(const char *text, struct kube_event *ret)
{
    return kube_event_parse(text, strlen(text), ret);
}

static void test_events(void **state)
{
    (void)state;
    struct kube_event e;
    assert_int_equal(parse("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"namespace\":\"n\","
                           "\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\"}}}",
                           &e),
                     0);
    assert_int_equal(e.type, KUBE_EVENT_MODIFIED);
    assert_string_equal(e.namespace, "n");
    assert_string_equal(e.name, "a");
    assert_string_equal(e.uid, "u");
    assert_string_equal(e.resource_version, "7");
    json_decref(e.object);
    assert_int_equal(parse("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
                           "\"resourceVersion\":\"9\"}}}",
                           &e),
                     0);
    assert_int_equal(e.type, KUBE_EVENT_BOOKMARK);
    assert_string_equal(e.name, "");
    json_decref(e.object);
    assert_int_equal(
        parse("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}", &e), 0);
    assert_int_equal(e.type, KUBE_EVENT_ERROR);
    json_decref(e.object);
}

static void test_strings_with_nul_are_read(void **state)
{
    (void)state;
    struct kube_event e;
    assert_int_equal(parse("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\","
                           "\"resourceVersion\":\"1\"},\"data\":\"\\u0000x\"}}",
                           &e),
                     0);
    json_decref(e.object);
}

static void test_events_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {"", -EBADMSG},
        {"x", -EBADMSG},
        {"[]", -EBADMSG},
        {"{}", -EBADMSG},
        {"{\"type\":5,\"object\":{}}", -EBADMSG},
        {"{\"type\":\"SOMETHING\",\"object\":{}}", -EOPNOTSUPP},
        {"{\"type\":\"ADDED\"}", -EBADMSG},
        {"{\"type\":\"ADDED\",\"object\":[]}", -EBADMSG},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}", -EBADMSG},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}", -EBADMSG},
        {"{\"type\":\"BOOKMARK\",\"object\":{}}", -EBADMSG},
        {"{\"type\":\"ERROR\",\"object\":\"x\"}", -EBADMSG},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":1}}}",
         -EBADMSG},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct kube_event e;
        assert_int_equal(parse(cases[i].text, &e), cases[i].error);
    }
}

UNIT_MAIN(cmocka_unit_test(test_lines_cut_anywhere), cmocka_unit_test(test_line_length_is_bounded),
          cmocka_unit_test(test_reader_of_lines_may_stop), cmocka_unit_test(test_events),
          cmocka_unit_test(test_strings_with_nul_are_read),
          cmocka_unit_test(test_events_that_are_none))
