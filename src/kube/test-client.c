/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: trust, limits, endings. */
#include "test-fixture.h"

#include "kube/private.h"

struct script {
    struct fake_reply reply;
    char target[512];
    char method[16];
    char authorization[128];
    char peer[64];
};

static struct fake_reply answer_same(void *user, const struct fake_request *request)
{
    struct script *s = user;
    (void)snprintf(s->target, sizeof(s->target), "%s", request->target);
    (void)snprintf(s->method, sizeof(s->method), "%s", request->method);
    (void)snprintf(s->authorization, sizeof(s->authorization), "%s", request->authorization);
    (void)snprintf(s->peer, sizeof(s->peer), "%s", request->peer);
    return s->reply;
}

struct world {
    struct fake_pki pki;
    struct fake_server server;
    struct script script;
    struct test_loop l;
    struct test_answer seen;
};

static void world_start(struct world *w, struct fake_reply reply,
                        const struct kube_options *options)
{
    *w = (struct world){.script.reply = reply};
    fake_pki_make(&w->pki);
    fake_server_start(&w->server, &w->pki, 0, answer_same, &w->script);
    test_loop_start(&w->l, w->server.url, &w->pki, options);
}

static void world_stop(struct world *w)
{
    test_loop_stop(&w->l);
    test_answer_clear(&w->seen);
    fake_server_stop(&w->server);
    fake_pki_clear(&w->pki);
}

static void ask(struct world *w, const char *path)
{
    const struct kube_call call = {.path = path};
    const struct kube_then then = {test_done, &w->seen, NULL};
    unsigned before = w->seen.count;
    assert_int_equal(kube_call(w->l.client, &call, then), 0);
    assert_int_equal(w->seen.count, before);
    test_loop_until(&w->l, &w->seen.count, before + 1);
}

#define OK_TEXT "{\"kind\":\"Node\"}"
static const struct fake_reply ok = {.text = OK_TEXT};

/* ---- what comes back ---- */

static void test_json_over_one_connection(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, ok, NULL);
    for (int i = 0; i < 5; i++) {
        ask(&w, "/api/v1/nodes/node1?a=b");
        assert_int_equal(w.seen.error, 0);
        assert_int_equal(w.seen.status.code, 200);
        assert_string_equal(json_string_value(json_object_get(w.seen.object, "kind")), "Node");
    }
    assert_string_equal(w.script.target, "/api/v1/nodes/node1?a=b");
    assert_string_equal(w.script.method, "GET");
    assert_string_equal(w.script.authorization, "");
    assert_int_equal(w.server.connections, 1);
    world_stop(&w);
}

static void test_slow_bytes_arrive(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, (struct fake_reply){.text = OK_TEXT, .chunk = 1, .pause_ms = 2}, NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    assert_string_equal(w.seen.text, OK_TEXT);
    world_stop(&w);
}

static void test_failures_have_the_words_of_the_api(void **state)
{
    (void)state;
    struct world w;
    world_start(&w,
                (struct fake_reply){.http = 404,
                                    .text = "{\"kind\":\"Status\",\"reason\":\"NotFound\","
                                            "\"message\":\"nodes \\\"a\\\" not found\"}"},
                NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -ENOENT);
    assert_string_equal(w.seen.status.reason, "NotFound");
    assert_string_equal(w.seen.status.message, "nodes \"a\" not found");
    assert_non_null(w.seen.object);
    world_stop(&w);
}

static void test_overload_in_plain_text(void **state)
{
    (void)state;
    struct world w;
    world_start(&w,
                (struct fake_reply){.http = 429, .text = "Too many requests\n", .retry_after = "3"},
                NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -EAGAIN);
    assert_int_equal(w.seen.status.code, 429);
    assert_int_equal(w.seen.status.retry_after_seconds, 3);
    assert_non_null(strstr(w.seen.status.message, "429: Too many requests"));
    world_stop(&w);
}

static void test_no_json(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, (struct fake_reply){.text = "ok"}, NULL);
    ask(&w, "/readyz");
    assert_int_equal(w.seen.error, -EBADMSG);
    const struct kube_call call = {.path = "/readyz", .plain = true};
    assert_int_equal(kube_call(w.l.client, &call, (struct kube_then){test_done, &w.seen, NULL}), 0);
    test_loop_until(&w.l, &w.seen.count, 2);
    assert_int_equal(w.seen.error, 0);
    assert_string_equal(w.seen.text, "ok");
    world_stop(&w);
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, (struct fake_reply){.http = 302, .text = "x"}, NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -EREMOTEIO);
    assert_int_equal(w.server.requests, 1);
    world_stop(&w);
}

/* ---- trust ---- */

static void ask_elsewhere(const char *url, const struct fake_pki *pki, struct test_answer *seen)
{
    struct test_loop l;
    test_loop_start(&l, url, pki, NULL);
    const struct kube_call call = {.path = "/a"};
    assert_int_equal(kube_call(l.client, &call, (struct kube_then){test_done, seen, NULL}), 0);
    test_loop_until(&l, &seen->count, seen->count + 1);
    test_loop_stop(&l);
}

static void test_only_the_clusters_ca_is_believed(void **state)
{
    (void)state;
    struct world w;
    struct fake_pki other;
    char name_url[64];
    fake_pki_make(&other);
    world_start(&w, ok, NULL);
    ask_elsewhere(w.server.url, &other, &w.seen);
    assert_int_equal(w.seen.error, -EKEYREJECTED);
    assert_false(kube_error_is_transient(w.seen.error));
    /* The certificate is for 127.0.0.1 and for no name. */
    (void)snprintf(name_url, sizeof(name_url), "https://localhost:%u", fake_server_port(&w.server));
    ask_elsewhere(name_url, &w.pki, &w.seen);
    assert_int_equal(w.seen.error, -EKEYREJECTED);
    assert_int_equal(w.server.requests, 0);
    fake_pki_clear(&other);
    world_stop(&w);
}

static void test_certificate_and_token(void **state)
{
    (void)state;
    struct world w;
    struct err err = ERR_INIT;
    world_start(&w, ok, NULL);
    ask(&w, "/a");
    assert_string_equal(w.script.peer, "");
    const struct kube_credentials certificate = {w.pki.client_certificate, w.pki.client_key, NULL};
    assert_int_equal(kube_client_set_credentials(w.l.client, &certificate, &err), 0);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    assert_string_equal(w.script.peer, "tester");
    const struct kube_credentials token = {.token = "abc.def"};
    assert_int_equal(kube_client_set_credentials(w.l.client, &token, &err), 0);
    ask(&w, "/a");
    assert_string_equal(w.script.peer, "");
    assert_string_equal(w.script.authorization, "Bearer abc.def");
    world_stop(&w);
}

static void test_credentials_that_cannot_be(void **state)
{
    (void)state;
    struct world w;
    struct err err = ERR_INIT;
    world_start(&w, ok, NULL);
    const struct kube_credentials cases[] = {
        {.certificate = w.pki.client_certificate},
        {.key = w.pki.client_key},
        {.token = "a\r\nX-Remote-User: admin"},
        {.token = "a b"},
        {.certificate = "/etc/passwd", .key = w.pki.client_key},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(kube_client_set_credentials(w.l.client, &cases[i], &err), -EINVAL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    world_stop(&w);
}

static void test_options_that_cannot_be(void **state)
{
    (void)state;
    static const char *const bad_urls[] = {"http://a",    "https://",      "https:///a", "a",
                                           "https://u@a", "https://a?b=c", "https://a b"};
    uv_loop_t loop;
    struct fake_pki pki;
    struct kube_client *client = NULL;
    struct err err = ERR_INIT;
    fake_pki_make(&pki);
    assert_int_equal(uv_loop_init(&loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad_urls); i++) {
        const struct kube_options options = {
            .loop = &loop, .urls = &bad_urls[i], .n_urls = 1, .authority = pki.authority};
        assert_int_equal(kube_client_new(&options, &client, &err), -EINVAL);
    }
    static const char *const url[] = {"https://a"};
    struct kube_options options = {.loop = &loop, .urls = url, .n_urls = 1};
    assert_int_equal(kube_client_new(&options, &client, &err), -EINVAL);
    options = (struct kube_options){.loop = &loop, .authority = pki.authority};
    assert_int_equal(kube_client_new(&options, &client, &err), -EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0);
    fake_pki_clear(&pki);
}

static void test_no_proxy_from_the_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"};
    struct world w;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
    world_start(&w, ok, NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    world_stop(&w);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)unsetenv(names[i]);
}

/* ---- no answer ---- */

static void test_refused_connection(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, ok, NULL);
    ask_elsewhere("https://127.0.0.1:1", &w.pki, &w.seen);
    assert_int_equal(w.seen.error, -ECONNREFUSED);
    assert_true(kube_error_is_transient(w.seen.error));
    assert_non_null(strstr(w.seen.status.message, "127.0.0.1"));
    world_stop(&w);
}

static void test_hanging_answer(void **state)
{
    (void)state;
    struct world w;
    const struct kube_options options = {.request_timeout_ms = 300};
    world_start(&w, (struct fake_reply){.text = "{", .end = FAKE_HANG}, &options);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -ETIMEDOUT);
    world_stop(&w);
}

static void test_handshake_that_hangs(void **state)
{
    (void)state;
    struct world w;
    char silent[64];
    _autofd_ _unused_ int fd = fake_silent_port(silent, sizeof(silent));
    const char *const urls[] = {silent};
    const struct kube_options options = {.urls = urls, .n_urls = 1, .connect_timeout_ms = 200};
    world_start(&w, ok, &options);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -ETIMEDOUT);
    world_stop(&w);
}

static void test_next_address(void **state)
{
    (void)state;
    struct world w;
    struct err err = ERR_INIT;
    char silent[64];
    _autofd_ _unused_ int fd = fake_silent_port(silent, sizeof(silent));
    const struct kube_options options = {.connect_timeout_ms = 200};
    world_start(&w, ok, &options);
    const char *const urls[] = {"https://127.0.0.1:1/", silent, w.server.url};
    assert_int_equal(kube_client_set_urls(w.l.client, urls, 3, &err), 0);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    assert_string_equal(kube_client_url(w.l.client), w.server.url);
    /* All of them away: one try each. */
    const char *const nobody[] = {"https://127.0.0.1:1", "https://127.0.0.1:2"};
    assert_int_equal(kube_client_set_urls(w.l.client, nobody, 2, &err), 0);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -ECONNREFUSED);
    world_stop(&w);
}

static void test_torn_answer(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, (struct fake_reply){.text = "{\"kind\":", .end = FAKE_DROP}, NULL);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -ECONNRESET);
    world_stop(&w);
}

static void test_huge_answer(void **state)
{
    (void)state;
    struct world w;
    _autobuf_ struct buf text = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_adds(&text, "[[[[[[[[[[");
    const struct kube_options options = {.response_max = 65536};
    world_start(&w, (struct fake_reply){.text = buf_str(&text)}, &options);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, -EMSGSIZE);
    assert_int_equal(w.seen.len, 0);
    world_stop(&w);
}

/* ---- many, cancelled, ended ---- */

static void test_requests_wait_in_line(void **state)
{
    (void)state;
    struct world w;
    const struct kube_options options = {.concurrent_max = 2, .queue_max = 8};
    const struct kube_call call = {.path = "/a"};
    const struct kube_then then = {test_done, &w.seen, NULL};
    world_start(&w, ok, &options);
    for (int i = 0; i < 10; i++)
        assert_int_equal(kube_call(w.l.client, &call, then), 0);
    assert_int_equal(kube_call(w.l.client, &call, then), -ENOBUFS);
    test_loop_until(&w.l, &w.seen.count, 10);
    assert_int_equal(w.server.requests, 10);
    assert_in_range(w.server.connections, 1, 2);
    assert_int_equal(w.l.client->n_running + w.l.client->n_waiting, 0);
    world_stop(&w);
}

static void test_cancelled_requests_are_silent(void **state)
{
    (void)state;
    struct world w;
    struct kube_request *slots[4] = {0};
    const struct kube_options options = {.concurrent_max = 1};
    const struct kube_call call = {.path = "/a"};
    world_start(&w, ok, &options);
    for (int i = 0; i < 4; i++) {
        const struct kube_then then = {test_done, &w.seen, &slots[i]};
        assert_int_equal(kube_call(w.l.client, &call, then), 0);
        assert_non_null(slots[i]);
    }
    kube_request_cancel(slots[0]); /* runs: the line moves on */
    kube_request_cancel(slots[2]); /* waits */
    kube_request_cancel(NULL);
    assert_null(slots[0]);
    assert_null(slots[2]);
    test_loop_until(&w.l, &w.seen.count, 2);
    test_loop_for(&w.l, 50);
    assert_int_equal(w.seen.count, 2);
    assert_null(slots[1]);
    assert_null(slots[3]);
    world_stop(&w);
}

struct canceller {
    struct kube_request *other;
    unsigned count;
};

static void cancel_other(void *user, const struct kube_answer *answer)
{
    struct canceller *c = user;
    assert_int_equal(answer->error, 0);
    c->count++;
    kube_request_cancel(c->other);
    assert_null(c->other);
}

static void test_cancel_inside_a_callback(void **state)
{
    (void)state;
    struct world w;
    struct canceller c = {0};
    const struct kube_options options = {.concurrent_max = 1};
    const struct kube_call call = {.path = "/a"};
    world_start(&w, ok, &options);
    assert_int_equal(kube_call(w.l.client, &call, (struct kube_then){cancel_other, &c, NULL}), 0);
    assert_int_equal(kube_call(w.l.client, &call, (struct kube_then){test_done, &w.seen, &c.other}),
                     0);
    test_loop_until(&w.l, &c.count, 1);
    test_loop_for(&w.l, 50);
    assert_int_equal(w.seen.count, 0);
    world_stop(&w);
}

struct ender {
    struct world *world;
    unsigned count;
};

static void on_ender_freed(void *user)
{
    *(bool *)user = true;
}

static void end_client(void *user, const struct kube_answer *answer)
{
    struct ender *e = user;
    struct kube_client *client = e->world->l.client;
    const struct kube_call call = {.path = "/a"};
    (void)answer;
    e->count++;
    kube_client_free(client, on_ender_freed, &e->world->l.freed);
    assert_int_equal(e->world->seen.count, 2);
    assert_int_equal(kube_call(client, &call, (struct kube_then){0}), -ESHUTDOWN);
}

static void test_client_ends_inside_a_callback(void **state)
{
    (void)state;
    struct world w;
    struct kube_request *slot = NULL;
    const struct kube_options options = {.concurrent_max = 1};
    const struct kube_call call = {.path = "/a"};
    world_start(&w, ok, &options);
    struct ender e = {.world = &w};
    assert_int_equal(kube_call(w.l.client, &call, (struct kube_then){end_client, &e, NULL}), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            kube_call(w.l.client, &call, (struct kube_then){test_done, &w.seen, &slot}), 0);
    test_loop_until(&w.l, &e.count, 1);
    assert_int_equal(w.seen.error, -ECANCELED);
    assert_null(slot);
    world_stop(&w);
}

static void test_client_ends_while_connecting(void **state)
{
    (void)state;
    struct world w;
    char silent[64];
    _autofd_ _unused_ int fd = fake_silent_port(silent, sizeof(silent));
    const char *const urls[] = {silent};
    const struct kube_options options = {.urls = urls, .n_urls = 1};
    const struct kube_call call = {.path = "/a"};
    world_start(&w, ok, &options);
    assert_int_equal(kube_call(w.l.client, &call, (struct kube_then){test_done, &w.seen, NULL}), 0);
    test_loop_for(&w.l, 50);
    kube_client_free(w.l.client, on_ender_freed, &w.l.freed);
    assert_int_equal(w.seen.count, 1);
    assert_int_equal(w.seen.error, -ECANCELED);
    world_stop(&w);
}

/* ---- streams ---- */

struct streaming {
    struct test_answer seen;
    struct buf text;
    struct kube_request *slot;
    unsigned pieces;
    bool cancel;
};

static void on_piece(void *user, const char *data, size_t len)
{
    struct streaming *s = user;
    buf_add(&s->text, data, len);
    s->pieces++;
    if (s->cancel)
        kube_request_cancel(s->slot);
}

static void on_stream_end(void *user, const struct kube_answer *answer)
{
    struct streaming *s = user;
    test_done(&s->seen, answer);
}

static void stream(struct world *w, struct streaming *s)
{
    const struct kube_stream stream = {"/watch", on_piece, {on_stream_end, s, &s->slot}};
    assert_int_equal(kube_stream(w->l.client, &stream), 0);
}

static void test_stream(void **state)
{
    (void)state;
    struct world w;
    struct streaming s = {0};
    world_start(&w, (struct fake_reply){.text = "one\ntwo\n", .chunk = 3, .pause_ms = 2}, NULL);
    stream(&w, &s);
    test_loop_until(&w.l, &s.seen.count, 1);
    assert_int_equal(s.seen.error, 0);
    assert_string_equal(buf_str(&s.text), "one\ntwo\n");
    assert_string_equal(s.seen.text, "");
    assert_null(s.slot);
    buf_free(&s.text);
    world_stop(&w);
}

static void test_stream_that_drops_hands_over_what_came(void **state)
{
    (void)state;
    struct world w;
    struct streaming s = {0};
    world_start(&w, (struct fake_reply){.text = "one\ntw", .end = FAKE_DROP}, NULL);
    stream(&w, &s);
    test_loop_until(&w.l, &s.seen.count, 1);
    assert_int_equal(s.seen.error, -ECONNRESET);
    assert_string_equal(buf_str(&s.text), "one\ntw");
    buf_free(&s.text);
    world_stop(&w);
}

static void test_stream_that_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct streaming s = {0};
    world_start(
        &w,
        (struct fake_reply){.http = 410, .text = "{\"kind\":\"Status\",\"reason\":\"Expired\"}"},
        NULL);
    stream(&w, &s);
    test_loop_until(&w.l, &s.seen.count, 1);
    assert_int_equal(s.seen.error, -EIDRM);
    assert_int_equal(s.pieces, 0);
    test_answer_clear(&s.seen);
    world_stop(&w);
}

static void test_stream_cancelled_inside(void **state)
{
    (void)state;
    struct world w;
    struct streaming s = {.cancel = true};
    world_start(&w, (struct fake_reply){.text = "one\n", .end = FAKE_HANG}, NULL);
    stream(&w, &s);
    test_loop_until(&w.l, &s.pieces, 1);
    test_loop_for(&w.l, 20);
    assert_int_equal(s.pieces, 1);
    assert_int_equal(s.seen.count, 0);
    buf_free(&s.text);
    world_stop(&w);
}

/* Streams do not take the places of requests. */
static void test_requests_beside_streams(void **state)
{
    (void)state;
    struct world w;
    struct streaming s[3] = {0};
    const struct kube_options options = {.concurrent_max = 1};
    world_start(&w, (struct fake_reply){.text = OK_TEXT, .end = FAKE_HANG}, &options);
    for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
        stream(&w, &s[i]);
        test_loop_until(&w.l, &s[i].pieces, 1);
    }
    (void)pthread_mutex_lock(&w.server.lock);
    w.script.reply = ok;
    (void)pthread_mutex_unlock(&w.server.lock);
    ask(&w, "/a");
    assert_int_equal(w.seen.error, 0);
    kube_client_free(w.l.client, on_ender_freed, &w.l.freed);
    for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
        assert_int_equal(s[i].seen.error, -ECANCELED);
        buf_free(&s[i].text);
    }
    world_stop(&w);
}

UNIT_MAIN(cmocka_unit_test(test_json_over_one_connection), cmocka_unit_test(test_slow_bytes_arrive),
          cmocka_unit_test(test_failures_have_the_words_of_the_api),
          cmocka_unit_test(test_overload_in_plain_text), cmocka_unit_test(test_no_json),
          cmocka_unit_test(test_redirects_are_not_followed),
          cmocka_unit_test(test_only_the_clusters_ca_is_believed),
          cmocka_unit_test(test_certificate_and_token),
          cmocka_unit_test(test_credentials_that_cannot_be),
          cmocka_unit_test(test_options_that_cannot_be),
          cmocka_unit_test(test_no_proxy_from_the_environment),
          cmocka_unit_test(test_refused_connection), cmocka_unit_test(test_hanging_answer),
          cmocka_unit_test(test_handshake_that_hangs), cmocka_unit_test(test_next_address),
          cmocka_unit_test(test_torn_answer), cmocka_unit_test(test_huge_answer),
          cmocka_unit_test(test_requests_wait_in_line),
          cmocka_unit_test(test_cancelled_requests_are_silent),
          cmocka_unit_test(test_cancel_inside_a_callback),
          cmocka_unit_test(test_client_ends_inside_a_callback),
          cmocka_unit_test(test_client_ends_while_connecting), cmocka_unit_test(test_stream),
          cmocka_unit_test(test_stream_that_drops_hands_over_what_came),
          cmocka_unit_test(test_stream_that_is_refused),
          cmocka_unit_test(test_stream_cancelled_inside),
          cmocka_unit_test(test_requests_beside_streams))
