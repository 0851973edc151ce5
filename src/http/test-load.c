/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients at once in many threads, with everything mixed: files by senders, files by workers,
 * handlers that answer at once or later, streams, clients that leave. Run it under ThreadSanitizer
 * after changes to threads or locks.
 */
#include <stdatomic.h>

#include "http/client.h"
#include "http/test-fixture.h"

enum { CLIENTS = 12, ROUNDS = 40, FILE_SIZE = 700001, LATER_MAX = 256 };

static char data[FILE_SIZE];

struct later {
    uv_timer_t timer;
    struct http_request *request; /* NULL: gone */
};

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
    struct later *l = timer->data;
    if (l->request)
        http_reply_text(l->request, 200, "text/plain", "later");
    uv_close((uv_handle_t *)timer, timer_closed);
}

static void forget_later(struct http_request *r, void *p)
{
    (void)r;
    ((struct later *)p)->request = NULL;
}

static void later(struct http_request *r, void *p)
{
    struct later *l = calloc(1, sizeof(*l));
    l->request = r;
    http_on_close(r, forget_later, l);
    assert_int_equal(uv_timer_init(p, &l->timer), 0);
    l->timer.data = l;
    assert_int_equal(uv_timer_start(&l->timer, on_later, 2, 0), 0);
}

static void now(struct http_request *r, void *p)
{
    size_t len;
    const char *body = http_request_body(r, &len);
    (void)p;
    http_reply(r, 200, "text/plain", body, len);
}

static void stream(struct http_request *r, void *p)
{
    (void)p;
    http_stream_start(r, 200, "text/plain", 0);
    for (int i = 0; i < 50; i++)
        (void)!http_stream_write(r, data + (ptrdiff_t)i * 1000, 1000);
    http_stream_end(r);
}

struct user {
    struct fixture *fixture;
    uint16_t port;
    unsigned seed;
    unsigned failures;
    pthread_t thread;
    atomic_int *running;
    uv_async_t *done;
};

static bool expect(struct http_client *c, const struct http_call *call, const void *want,
                   size_t want_len)
{
    _autofree_ char *got = malloc(FILE_SIZE);
    struct http_answer answer;
    size_t len;
    if (http_client_call(c, call, &answer, NULL) < 0 || answer.status / 100 != 2)
        return false;
    if (http_client_read_all(c, got, FILE_SIZE, &len, NULL) < 0 || len != want_len)
        return false;
    return memcmp(got, want, len) == 0;
}

static bool one_call(struct http_client *c, unsigned kind, unsigned where)
{
    switch (kind) {
    case 0:
        return expect(c, &(struct http_call){.target = "/now", .body = data, .body_len = 5000},
                      data, 5000);
    case 1:
        return expect(c, &(struct http_call){.target = "/later"}, "later", 5);
    case 2:
        return expect(c, &(struct http_call){.target = "/stream"}, data, 50000);
    case 3:
        return expect(c, &(struct http_call){.target = "/files/f"}, data, FILE_SIZE);
    default:
        return expect(
            c,
            &(struct http_call){.target = "/files/f", .offset = where % 600000, .length = 100000},
            data + where % 600000, 100000);
    }
}

static void leave_early(struct http_client *c)
{
    struct http_answer answer;
    (void)!http_client_call(c, &(struct http_call){.target = "/files/f"}, &answer, NULL);
    http_client_close(c);
    (void)!http_client_call(c, &(struct http_call){.target = "/later", .total_timeout_ms = 1},
                            &answer, NULL);
    http_client_close(c);
}

static void *user_main(void *p)
{
    struct user *u = p;
    struct http_client *c = malloc(sizeof(*c));
    const struct http_client_options options = {.address = INADDR_LOOPBACK, .port = u->port};
    http_client_init(c, &options);
    for (int i = 0; i < ROUNDS; i++) {
        u->seed = u->seed * 1103515245 + 12345;
        unsigned kind = u->seed >> 16 & 7;
        if (kind == 7)
            leave_early(c);
        else if (!one_call(c, kind, u->seed >> 8))
            u->failures++;
    }
    http_client_close(c);
    free(c);
    atomic_fetch_sub(u->running, 1);
    (void)uv_async_send(u->done);
    return NULL;
}

static void ignore(uv_async_t *handle)
{
    (void)handle;
}

static void test_many_clients(void **state)
{
    static struct fixture f;
    static struct user users[CLIENTS];
    static uv_async_t done;
    atomic_int running = CLIENTS;
    const struct http_route routes[] = {
        {.path = "/files/", .folder = "."},
        {.path = "/now", .handler = now, .body_max = 10000},
        {.path = "/later", .handler = later, .data = &f.loop},
        {.path = "/stream", .handler = stream},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 31 + i / 997);
    fixture_start(&f, (struct http_options){.threads = 3}, routes, ARRAY_SIZE(routes));
    fixture_put(f.folder, "f", data, sizeof(data));
    assert_int_equal(uv_async_init(&f.loop, &done, ignore), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        users[i] = (struct user){.port = http_listener_port(f.listener),
                                 .seed = i + 1,
                                 .running = &running,
                                 .done = &done};
        assert_int_equal(pthread_create(&users[i].thread, NULL, user_main, &users[i]), 0);
    }
    while (atomic_load(&running) > 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < CLIENTS; i++) {
        (void)pthread_join(users[i].thread, NULL);
        assert_int_equal(users[i].failures, 0);
    }
    uv_close((uv_handle_t *)&done, NULL);
    fixture_stop(&f, 5000);
}

/* The server closes at once while clients are at work: they see broken connections, nothing worse.
 */
static void test_close_under_load(void **state)
{
    static struct fixture f;
    static struct user users[CLIENTS];
    static uv_async_t done;
    atomic_int running = CLIENTS;
    const struct http_route routes[] = {
        {.path = "/files/", .folder = "."},
        {.path = "/now", .handler = now, .body_max = 10000},
        {.path = "/later", .handler = later, .data = &f.loop},
        {.path = "/stream", .handler = stream},
    };
    struct http_counters counters;
    (void)state;
    fixture_start(&f, (struct http_options){.threads = 2}, routes, ARRAY_SIZE(routes));
    fixture_put(f.folder, "f", data, sizeof(data));
    assert_int_equal(uv_async_init(&f.loop, &done, ignore), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        users[i] = (struct user){.port = http_listener_port(f.listener),
                                 .seed = i + 100,
                                 .running = &running,
                                 .done = &done};
        assert_int_equal(pthread_create(&users[i].thread, NULL, user_main, &users[i]), 0);
    }
    do {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        http_server_counters(f.server, &counters);
    } while (counters.requests < 50);
    http_server_close(f.server, 0, fixture_on_closed, &f.closed);
    while (!f.closed || atomic_load(&running) > 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < CLIENTS; i++)
        (void)pthread_join(users[i].thread, NULL);
    uv_close((uv_handle_t *)&done, NULL);
    (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(tree_remove(f.folder, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(test_many_clients), cmocka_unit_test(test_close_under_load))
