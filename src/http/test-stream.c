/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come late, in pieces, or not at all. */
#include "http/test-fixture.h"

struct watch {
    struct http_request *request;
    int started, closed, writable;
    size_t written;
    bool answer_late;
};

static void on_close(struct http_request *r, void *data)
{
    struct watch *watched = data;
    if (watched->request == r)
        watched->request = NULL;
    watched->closed++;
}

static void on_writable(struct http_request *r, void *data)
{
    struct watch *watched = data;
    assert_ptr_equal(r, watched->request);
    watched->writable++;
}

static void watch(struct http_request *r, void *data)
{
    struct watch *watched = data;
    watched->request = r;
    watched->started++;
    http_on_close(r, on_close, watched);
    http_stream_on_writable(r, on_writable, watched);
    http_stream_start(r, 200, "application/json", 100000);
}

static void later(struct http_request *r, void *data)
{
    struct watch *watched = data;
    watched->request = r;
    watched->started++;
    if (!watched->answer_late)
        http_on_close(r, on_close, watched);
}

static struct watch w;

static const struct http_route routes[] = {
    {.path = "/watch", .handler = watch, .data = &w},
    {.path = "/later", .handler = later, .data = &w},
};

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    w = (struct watch){0};
    fixture_start(&f, (struct http_options){.threads = 1}, routes, ARRAY_SIZE(routes));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(&f, 0);
    return 0;
}

static void run_until(const int *counter)
{
    while (*counter == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
}

static void test_stream(void **state)
{
    struct client c = {.send = GET("/watch")};
    (void)state;
    client_start(&f, &c);
    run_until(&w.started);
    assert_int_equal(http_stream_write(w.request, "one\n", 4), 0);
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(http_stream_write(w.request, "two\n", 4), 0);
    http_stream_end(w.request);
    client_wait(&f, &c);
    assert_true(has(&c.got, "Transfer-Encoding: chunked\r\n"));
    assert_true(has(&c.got, "one\n"));
    assert_true(has(&c.got, "two\n"));
    assert_true(str_ends_with(buf_str(&c.got), "\r\n0\r\n\r\n"));
    assert_int_equal(w.closed, 0);
    buf_free(&c.got);
}

/* A piece reaches the client while the stream is open. */
static void test_stream_is_prompt(void **state)
{
    struct client c = {.send = GET("/watch"), .until = "event 1\n", .keep = true};
    (void)state;
    client_start(&f, &c);
    run_until(&w.started);
    assert_int_equal(http_stream_write(w.request, "event 1\n", 8), 0);
    client_wait(&f, &c);
    assert_true(has(&c.got, "event 1\n"));
    assert_int_equal(w.closed, 0);
    (void)close(c.fd);
    run_until(&w.closed); /* noticed although nothing is being sent */
    assert_null(w.request);
    buf_free(&c.got);
}

/* A client that reads nothing fills the queue, which does not grow; then it reads on. */
static void test_back_pressure(void **state)
{
    static char block[10000];
    struct client c = {.send = GET("/watch"), .until = "\r\n\r\n", .keep = true};
    int r = 0;
    (void)state;
    memset(block, 'x', sizeof(block));
    client_start(&f, &c);
    run_until(&w.started);
    assert_int_equal(http_stream_write(w.request, block, 100001), -EAGAIN);
    assert_int_equal(http_stream_write(w.request, "head", 4), 0);
    client_wait(&f, &c);
    for (int i = 0; i < 100000 && (r = http_stream_write(w.request, block, sizeof(block))) == 0;
         i++)
        w.written += sizeof(block);
    assert_int_equal(r, -EAGAIN);
    w.writable = 0;
    char waste[65536];
    size_t got = 0;
    assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    while (!w.writable) {
        ssize_t n = recv(c.fd, waste, sizeof(waste), 0);
        got += n > 0 ? (size_t)n : 0;
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(http_stream_write(w.request, "more", 4), 0);
    http_stream_end(w.request);
    assert_int_equal(fcntl(c.fd, F_SETFL, 0), 0);
    for (ssize_t n; (n = recv(c.fd, waste, sizeof(waste), 0)) > 0;)
        got += (size_t)n;
    assert_true(got > w.written);
    (void)close(c.fd);
    buf_free(&c.got);
}

static void test_answer_later(void **state)
{
    struct client c = {.send = GET("/later")};
    (void)state;
    client_start(&f, &c);
    run_until(&w.started);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    http_reply_text(w.request, 202, "text/plain", "at last");
    client_wait(&f, &c);
    assert_true(has(&c.got, "HTTP/1.1 202 "));
    assert_string_equal(body_of(&c.got), "at last");
    buf_free(&c.got);
}

static void test_client_leaves_before_answer(void **state)
{
    struct client c = {.send = GET("/later"), .keep = true, .until = "never"};
    (void)state;
    client_start(&f, &c);
    run_until(&w.started);
    (void)shutdown(c.fd, SHUT_RDWR); /* the handler ran, so the thread had connected */
    run_until(&w.closed);
    assert_null(w.request);
    client_wait(&f, &c);
    (void)close(c.fd);
    buf_free(&c.got);
}

/* Without a callback the request stays valid and the answer is dropped. */
static void test_answer_into_the_void(void **state)
{
    struct client c = {.send = GET("/later")};
    (void)state;
    w.answer_late = true;
    client_start(&f, &c);
    run_until(&w.started);
    struct fixture closing = f;
    http_server_close(f.server, 0, fixture_on_closed, &f.closed);
    while (!f.closed)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    client_wait(&f, &c);
    assert_int_equal(c.got.len, 0);
    http_reply_text(w.request, 200, "text/plain", "too late");
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(tree_remove(closing.folder, NULL), 0);
    buf_free(&c.got);
    setup(NULL); /* for the teardown */
}

static void test_close_ends_streams(void **state)
{
    struct client c[5] = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        c[i].send = i % 2 ? GET("/later") : GET("/watch");
        w.started = 0;
        client_start(&f, &c[i]);
        run_until(&w.started);
    }
    http_server_close(f.server, 0, fixture_on_closed, &f.closed);
    while (!f.closed)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(w.closed, ARRAY_SIZE(c));
    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        client_wait(&f, &c[i]);
        assert_false(has(&c[i].got, "\r\n0\r\n\r\n")); /* cut, not ended as if complete */
        buf_free(&c[i].got);
    }
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(tree_remove(f.folder, NULL), 0);
    setup(NULL);
}

/* A graceful close waits for the answer in progress. */
static void test_close_waits(void **state)
{
    struct client c = {.send = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"};
    (void)state;
    client_start(&f, &c);
    run_until(&w.started);
    http_server_close(f.server, 60000, fixture_on_closed, &f.closed);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    assert_false(f.closed);
    http_reply_text(w.request, 200, "text/plain", "done");
    while (!f.closed)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    client_wait(&f, &c);
    assert_string_equal(body_of(&c.got), "done");
    buf_free(&c.got);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(tree_remove(f.folder, NULL), 0);
    setup(NULL);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
          cmocka_unit_test_setup_teardown(test_stream_is_prompt, setup, teardown),
          cmocka_unit_test_setup_teardown(test_back_pressure, setup, teardown),
          cmocka_unit_test_setup_teardown(test_answer_later, setup, teardown),
          cmocka_unit_test_setup_teardown(test_client_leaves_before_answer, setup, teardown),
          cmocka_unit_test_setup_teardown(test_answer_into_the_void, setup, teardown),
          cmocka_unit_test_setup_teardown(test_close_ends_streams, setup, teardown),
          cmocka_unit_test_setup_teardown(test_close_waits, setup, teardown))
