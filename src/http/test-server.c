/* SPDX-License-Identifier: Apache-2.0 */
#include "http/test-fixture.h"

static void echo(struct http_request *r, void *data)
{
    size_t len;
    const char *body = http_request_body(r, &len);
    const char *arg = http_request_arg(r, "q");
    const char *header = http_request_header(r, "x-test");
    (void)data;
    char *text = str_format("%s %s rest=%s q=%s h=%s len=%zu body=%s", http_request_method(r),
                            http_request_path(r), http_request_rest(r), arg ? arg : "-",
                            header ? header : "-", len, len < 100 ? body : "(long)");
    assert_non_null(text);
    assert_int_equal(http_header(r, "X-Answer", "yes"), 0);
    assert_int_equal(http_header(r, "X-Bad", "a\r\nb"), -EINVAL);
    http_reply_take(r, 200, "text/plain", text, strlen(text));
}

static void peer(struct http_request *r, void *data)
{
    const struct http_peer *p = http_request_peer(r);
    char text[200];
    (void)data;
    (void)snprintf(text, sizeof(text), "%d %x %x %u uid=%u pid=%d %s", (int)p->transport,
                   p->address, p->local_address, p->local_port, p->uid, (int)p->pid, p->text);
    http_reply_text(r, 200, "text/plain", text);
}

static const struct http_route routes[] = {
    {.path = "/echo/", .handler = echo, .body_max = 1 << 20},
    {.path = "/peer", .handler = peer},
    {.path = "/files/", .folder = "."},
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fixture_start(f, (struct http_options){.threads = 2}, routes, ARRAY_SIZE(routes));
    fixture_put(f->folder, "a.txt", "0123456789", 10);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f, 1000);
    free(f);
    return 0;
}

static void test_dynamic(void **state)
{
    _autobuf_ struct buf got = fetch(*state, GET("/echo//a%20b?x=1&q=%2fz+y", "X-Test: 7\r\n"));
    assert_true(has(&got, "HTTP/1.1 200 "));
    assert_true(has(&got, "X-Answer: yes\r\n"));
    assert_false(has(&got, "X-Bad"));
    assert_string_equal(body_of(&got), "GET /echo/a b rest=a b q=/z y h=7 len=0 body=");
}

static void test_body(void **state)
{
    _autobuf_ struct buf got = fetch(*state, "POST /echo/ HTTP/1.1\r\nHost: x\r\nConnection: "
                                             "close\r\nContent-Length: 5\r\n\r\nhello");
    assert_string_equal(body_of(&got), "POST /echo/ rest= q=- h=- len=5 body=hello");
    _autobuf_ struct buf chunked =
        fetch(*state, "POST /echo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_string_equal(body_of(&chunked), "POST /echo/ rest= q=- h=- len=5 body=abcde");
}

static void test_body_limit(void **state)
{
    _autobuf_ struct buf got =
        fetch(*state, "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n");
    assert_true(has(&got, "HTTP/1.1 413 "));
    _autobuf_ struct buf none =
        fetch(*state, "POST /peer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1");
    assert_true(has(&none, "HTTP/1.1 413 "));
    _autobuf_ struct buf request = BUF_INIT;
    buf_adds(&request, "POST /echo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 17; i++) {
        buf_adds(&request, "10000\r\n");
        char *room = buf_room(&request, 0x10000);
        assert_non_null(room);
        memset(room, 'x', 0x10000);
        buf_commit(&request, 0x10000);
        buf_adds(&request, "\r\n");
    }
    buf_adds(&request, "0\r\n\r\n");
    _autobuf_ struct buf chunked = fetch(*state, buf_str(&request));
    assert_true(has(&chunked, "HTTP/1.1 413 "));
}

static void test_file(void **state)
{
    _autobuf_ struct buf got = fetch(*state, GET("/files/a.txt"));
    assert_true(has(&got, "HTTP/1.1 200 "));
    assert_true(has(&got, "Content-Length: 10\r\n"));
    assert_true(has(&got, "Content-Type: text/plain\r\n"));
    assert_true(has(&got, "ETag: \""));
    assert_string_equal(body_of(&got), "0123456789");
    _autobuf_ struct buf range = fetch(*state, GET("/files/a.txt", "Range: bytes=2-4\r\n"));
    assert_true(has(&range, "HTTP/1.1 206 "));
    assert_true(has(&range, "Content-Range: bytes 2-4/10\r\n"));
    assert_string_equal(body_of(&range), "234");
    _autobuf_ struct buf bad = fetch(*state, GET("/files/a.txt", "Range: bytes=10-\r\n"));
    assert_true(has(&bad, "HTTP/1.1 416 "));
    assert_true(has(&bad, "Content-Range: bytes */10\r\n"));
}

static void test_keep_alive(void **state)
{
    _autobuf_ struct buf got =
        fetch(*state, "GET /files/a.txt HTTP/1.1\r\nHost: x\r\n\r\nHEAD /files/a.txt "
                      "HTTP/1.1\r\nHost: x\r\n\r\n" GET("/echo/z"));
    const char *second = strstr(body_of(&got), "HTTP/1.1 200 ");
    assert_non_null(second);
    assert_non_null(strstr(second, "Content-Length: 10\r\n"));
    assert_non_null(strstr(second, "\r\n\r\nHTTP/1.1 200 "));
    assert_non_null(strstr(second, "GET /echo/z rest=z"));
}

static void test_peer(void **state)
{
    struct fixture *f = *state;
    char want[100];
    _autobuf_ struct buf got = fetch(f, GET("/peer"));
    (void)snprintf(want, sizeof(want), "0 7f000001 7f000001 %u ", http_listener_port(f->listener));
    assert_non_null(strstr(body_of(&got), want));
}

static void test_unix_credentials(void **state)
{
    struct fixture *f = *state;
    struct http_listener *listener;
    char path[100], want[100];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/api.sock", f->folder);
    const struct http_listen listen = {.transport = HTTP_UNIX, .fd = -1, .address = path};
    assert_int_equal(http_listen(f->server, f->site, &listen, &listener, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct http_listener *second;
    assert_int_equal(http_listen(f->server, f->site, &listen, &second, NULL), -EADDRINUSE);
    struct client c = {.path = path, .send = GET("/peer")};
    client_start(f, &c);
    client_wait(f, &c);
    (void)snprintf(want, sizeof(want), "2 0 0 0 uid=%u pid=%d unix uid=%u", getuid(), (int)getpid(),
                   getuid());
    assert_non_null(strstr(body_of(&c.got), want));
    buf_free(&c.got);
    http_listener_close(listener);
    assert_int_equal(access(path, F_OK), -1);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_dynamic, setup, teardown),
          cmocka_unit_test_setup_teardown(test_body, setup, teardown),
          cmocka_unit_test_setup_teardown(test_body_limit, setup, teardown),
          cmocka_unit_test_setup_teardown(test_file, setup, teardown),
          cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
          cmocka_unit_test_setup_teardown(test_peer, setup, teardown),
          cmocka_unit_test_setup_teardown(test_unix_credentials, setup, teardown))
