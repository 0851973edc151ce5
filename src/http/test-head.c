/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/str.h"
#include "http/chunked.h"
#include "http/head.h"

static struct http_head head;

static int request(const char *text)
{
    return http_head_parse_request(text, strlen(text), &head);
}

static int response(const char *text)
{
    return http_head_parse_response(text, strlen(text), &head);
}

static void test_request(void **state)
{
    (void)state;
    assert_int_equal(request("GET /a?b HTTP/1.1\r\nHost: x\r\nRange:\t bytes=0-1 \r\n\r\nrest"), 0);
    assert_string_equal(head.method, "GET");
    assert_string_equal(head.target, "/a?b");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.size,
                     strlen("GET /a?b HTTP/1.1\r\nHost: x\r\nRange:\t bytes=0-1 \r\n\r\n"));
    assert_string_equal(http_head_find(&head, "RANGE"), "bytes=0-1");
    assert_null(http_head_find(&head, "Rang"));
    assert_int_equal(http_head_count(&head, "host"), 1);
}

static void test_response(void **state)
{
    (void)state;
    assert_int_equal(response("HTTP/1.1 206 Partial Content\r\nA:\r\nB: 1\r\nb: 2\r\n\r\n"), 0);
    assert_int_equal(head.status, 206);
    assert_string_equal(http_head_find(&head, "a"), "");
    assert_int_equal(http_head_count(&head, "B"), 2);
    assert_string_equal(http_head_find(&head, "B"), "1");
    assert_int_equal(response("HTTP/1.0 200\r\n\r\n"), 0);
    assert_int_equal(head.minor, 0);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "GET /a HTTP/1.1\r\nA : b\r\n\r\n",
        "GET /a HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET  /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/2.0\r\n\r\n",
        "GET /a HTTP/1.1\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\n: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nA: b\x01\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        " GET /a HTTP/1.1\r\n\r\n",
        "GET /a\r\n\r\n",
        "GET /a HTTP/1.1\r\nA: b\rc: d\r\n\r\n",
    };
    static const char *const bad_answers[] = {
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 600 x\r\n\r\n", "HTTP/1.12 200 x\r\n\r\n",  "ICY 200 OK\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(request(bad[i]), -EBADMSG);
    for (size_t i = 0; i < ARRAY_SIZE(bad_answers); i++)
        assert_int_equal(response(bad_answers[i]), -EBADMSG);
}

static void test_every_prefix_needs_more(void **state)
{
    const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    (void)state;
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_equal(http_head_parse_request(text, n, &head), -EAGAIN);
    assert_int_equal(http_head_parse_request(text, strlen(text), &head), 0);
}

static void test_limits(void **state)
{
    static char text[HTTP_HEAD_MAX + 100];
    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(http_head_parse_request(text, sizeof(text), &head), -EMSGSIZE);
    size_t n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "A: b\r\n");
    (void)snprintf(text + n, sizeof(text) - n, "\r\n");
    assert_int_equal(request(text), -EMSGSIZE);
}

static void test_value_lists(void **state)
{
    (void)state;
    assert_true(http_value_has("keep-alive, Close", "close"));
    assert_true(http_value_has(" close ", "close"));
    assert_false(http_value_has("closed", "close"));
    assert_false(http_value_has("cl", "close"));
    assert_false(http_value_has(NULL, "close"));
    assert_false(http_value_has(",,", "close"));
}

static void test_chunked(void **state)
{
    const char *text = "3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\nnext";
    struct http_chunked c = {0};
    struct rd r = rd_init(text, strlen(text));
    (void)state;
    assert_int_equal(http_chunked_step(&c, &r), HTTP_CHUNKED_HAVE);
    assert_int_equal(c.left, 3);
    rd_skip(&r, 3);
    http_chunked_taken(&c, 3);
    assert_int_equal(http_chunked_step(&c, &r), HTTP_CHUNKED_DONE);
    assert_string_equal((const char *)r.buf + r.pos, "next");
}

static void test_chunked_refused(void **state)
{
    static const char *const bad[] = {
        "\r\n", "x\r\n", "-1\r\n", "3\nabc", "1234567890abcdef\r\n", "0\r\nTrailer\n", "3;a\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct http_chunked c = {0};
        struct rd r = rd_init(bad[i], strlen(bad[i]));
        assert_int_equal(http_chunked_step(&c, &r), -EBADMSG);
    }
}

UNIT_MAIN(cmocka_unit_test(test_request), cmocka_unit_test(test_response),
          cmocka_unit_test(test_refused), cmocka_unit_test(test_every_prefix_needs_more),
          cmocka_unit_test(test_limits), cmocka_unit_test(test_value_lists),
          cmocka_unit_test(test_chunked), cmocka_unit_test(test_chunked_refused))
