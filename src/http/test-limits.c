/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers try: escaping the root, holding connections, sending too much; and TLS. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "http/test-fixture.h"

static void hello(struct http_request *r, void *data)
{
    (void)data;
    http_reply_text(r, 200, "text/plain", "hello");
}

static void never(struct http_request *r, void *data)
{
    (void)r, (void)data;
    fail_msg("a refused request reached its handler");
}

static const struct http_route routes[] = {
    {.path = "/files/", .folder = "."},
    {.path = "/hello", .handler = hello},
    {.path = "/never", .handler = never, .body_max = 1000},
    {.path = "/body", .handler = hello, .body_max = 100000},
};

/* What the access hook saw last; it runs in other threads. */
static struct {
    pthread_mutex_t lock;
    unsigned count, status;
    uint64_t bytes;
    bool complete;
    char line[200];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_access(void *data, const struct http_access *a)
{
    (void)data;
    pthread_mutex_lock(&seen.lock);
    seen.count++;
    seen.status = a->status;
    seen.bytes = a->bytes;
    seen.complete = a->complete;
    (void)snprintf(seen.line, sizeof(seen.line), "%s %s %d", a->method, a->target,
                   a->peer->address == INADDR_LOOPBACK);
    pthread_mutex_unlock(&seen.lock);
}

static unsigned seen_count(void)
{
    pthread_mutex_lock(&seen.lock);
    unsigned count = seen.count;
    pthread_mutex_unlock(&seen.lock);
    return count;
}

static struct fixture f;

static void start(struct http_options options)
{
    options.threads = 2;
    options.on_access = on_access;
    seen.count = 0;
    fixture_start(&f, options, routes, ARRAY_SIZE(routes));
    fixture_put(f.folder, "a.txt", "0123456789", 10);
    fixture_put(f.folder, "boot.efi", "MZ", 2);
    fixture_put(f.folder, ".hidden", "x", 1);
    fixture_put(f.folder, "empty", "", 0);
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/escape", f.folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    (void)snprintf(path, sizeof(path), "%s/alias", f.folder);
    assert_int_equal(symlink("a.txt", path), 0);
    (void)snprintf(path, sizeof(path), "%s/pipe", f.folder);
    assert_int_equal(mkfifo(path, 0644), 0);
}

static int setup(void **state)
{
    (void)state;
    start((struct http_options){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(&f, 1000);
    return 0;
}

static void check(const char *request, const char *status)
{
    _autobuf_ struct buf got = fetch(&f, request);
    if (strncmp(buf_str(&got), "HTTP/1.1 ", 9) != 0 || strncmp(got.data + 9, status, 3) != 0)
        fail_msg("%.60s: expected %s, got %.60s", request, status, buf_str(&got));
    assert_false(has(&got, "root:")); /* of /etc/passwd */
}

static void test_nothing_escapes(void **state)
{
    (void)state;
    check(GET("/files/a.txt"), "200");
    check(GET("//files///a.txt"), "200");
    check(GET("/files/alias"), "200");
    check(GET("/files/%61.txt"), "200");
    check(GET("http://x/files/a.txt"), "200");
    check(GET("/files/escape"), "404");
    check(GET("/files/pipe"), "404");
    check(GET("/files/.hidden"), "404");
    check(GET("/files/"), "404");
    check(GET("/files"), "404");
    check(GET("/files/a.txt/"), "404");
    check(GET("/files/../files/a.txt"), "400");
    check(GET("/files/%2e%2e/%2e%2e/etc/passwd"), "400");
    check(GET("/files/..%2f..%2fetc/passwd"), "400");
    check(GET("/files/a.txt%00.efi"), "400");
    check(GET("/files//etc/passwd"), "404");
    check(GET("/nothing"), "404");
    check("DELETE /files/a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405");
    check("POST /files/a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "405");
    check("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n", "400"); /* no Host */
}

static void test_firmware(void **state)
{
    (void)state;
    _autobuf_ struct buf efi =
        fetch(&f, "HEAD /files/boot.efi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_true(has(&efi, "HTTP/1.1 200 "));
    assert_true(has(&efi, "Content-Type: application/efi\r\n"));
    assert_true(has(&efi, "Content-Length: 2\r\n"));
    assert_string_equal(body_of(&efi), "");
    _autobuf_ struct buf empty = fetch(&f, GET("/files/empty"));
    assert_true(has(&empty, "Content-Length: 0\r\n"));
    _autobuf_ struct buf old = fetch(&f, "GET /files/a.txt HTTP/1.0\r\n\r\n");
    assert_true(has(&old, " 200 "));
    assert_string_equal(body_of(&old), "0123456789");
}

/* The same answers whether a sender or a worker (here: after a dynamic request) gives them. */
static void test_both_ways_agree(void **state)
{
    static const char *const headers[] = {"", "Range: bytes=3-5\r\n", "Range: bytes=99-\r\n",
                                          "If-None-Match: *\r\n", "If-Match: \"x\"\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        char direct[300], after[400];
        (void)snprintf(direct, sizeof(direct),
                       "GET /files/a.txt HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n",
                       headers[i]);
        (void)snprintf(after, sizeof(after), "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n%s", direct);
        _autobuf_ struct buf a = fetch(&f, direct), both = fetch(&f, after);
        const char *b = strstr(body_of(&both), "HTTP/1.1 ");
        assert_non_null(b);
        struct buf second = BUF_INIT;
        buf_adds(&second, b);
        assert_memory_equal(a.data, second.data, 12); /* HTTP/1.1 NNN */
        assert_string_equal(body_of(&a), body_of(&second));
        assert_int_equal(has(&a, "Content-Range: bytes 3-5/10"), i == 1);
        assert_int_equal(has(&second, "Content-Range: bytes 3-5/10"), i == 1);
        assert_true(has(&a, "ETag: \"") && has(&second, "ETag: \""));
        buf_free(&second);
    }
}

static void test_replaced_file(void **state)
{
    char request[300], tag[100] = "";
    (void)state;
    _autobuf_ struct buf first = fetch(&f, GET("/files/a.txt"));
    const char *at = strstr(buf_str(&first), "ETag: ");
    assert_int_equal(sscanf(at, "ETag: %99[^\r]", tag), 1);
    (void)snprintf(request, sizeof(request), GET("/files/a.txt", "If-None-Match: %s\r\n"), tag);
    check(request, "304");
    fixture_put(f.folder, "a.txt", "9876543210", 10);
    check(request, "200");
    (void)snprintf(request, sizeof(request),
                   GET("/files/a.txt", "Range: bytes=0-1\r\nIf-Range: %s\r\n"), tag);
    check(request, "200"); /* not a part of another file */
}

static void test_heads_are_bounded(void **state)
{
    _autobuf_ struct buf request = BUF_INIT;
    (void)state;
    buf_adds(&request, "GET /hello?");
    for (int i = 0; i < 40000; i++)
        buf_addc(&request, 'a');
    buf_adds(&request, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check(buf_str(&request), "414");
    buf_reset(&request);
    buf_adds(&request, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 4000; i++)
        buf_printf(&request, "X-%d: 1234567890\r\n", i);
    buf_adds(&request, "\r\n");
    check(buf_str(&request), "431");
}

static void test_smuggling(void **state)
{
    (void)state;
    /* A body's bytes are never read as the next request. */
    _autobuf_ struct buf got =
        fetch(&f, "GET /files/a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n"
                  "GET /never HTTP/1.1\r\nHost: x\r\n\r\n       ");
    assert_null(strstr(body_of(&got), "HTTP/1.1 "));
    check(
        "POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "400");
    check("POST /never HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\nhello", "501");
}

static void test_connections_per_address(void **state)
{
    struct client held[3];
    struct http_counters counters;
    (void)state;
    fixture_stop(&f, 0);
    start((struct http_options){.connections_per_address = 3});
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        held[i] = (struct client){
            .send = "GET /files/a.txt HTTP/1.1\r\nHost: x\r\n\r\n", .until = "789", .keep = true};
        client_start(&f, &held[i]);
        client_wait(&f, &held[i]);
        assert_true(has(&held[i].got, "789"));
    }
    _autobuf_ struct buf refused = fetch(&f, GET("/files/a.txt"));
    assert_int_equal(refused.len, 0);
    http_server_counters(f.server, &counters);
    assert_int_equal(counters.refused, 1);
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        (void)close(held[i].fd);
        buf_free(&held[i].got);
    }
    do {
        http_server_counters(f.server, &counters);
    } while (counters.open > 0);
    check(GET("/files/a.txt"), "200"); /* places are given back */
}

/* One byte now and then does not keep a connection for ever (the client waits for its end). */
static void test_slow_heads_and_bodies(void **state)
{
    static const char *const slow[] = {
        "GET /hello", "", "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"};
    struct client c[3];
    struct http_counters counters;
    (void)state;
    fixture_stop(&f, 0);
    start((struct http_options){.head_timeout_s = 1, .body_timeout_s = 1});
    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        c[i] = (struct client){.send = slow[i][0] ? slow[i] : "G"};
        client_start(&f, &c[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        client_wait(&f, &c[i]);
        assert_false(has(&c[i].got, " 200 "));
        buf_free(&c[i].got);
    }
    http_server_counters(f.server, &counters);
    assert_int_equal(counters.timeouts, 3);
}

/* A client that takes nothing: the sender's buffers fill, then its time is over. */
static void test_stuck_download(void **state)
{
    size_t size = 64 << 20;
    struct http_counters counters;
    (void)state;
    fixture_stop(&f, 0);
    start((struct http_options){.idle_timeout_s = 1});
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/large", f.folder);
    fixture_put(f.folder, "large", "", 0);
    assert_int_equal(truncate(path, (off_t)size), 0);
    struct client c = {.send = GET("/files/large"), .read_max = 1, .keep = true};
    client_start(&f, &c);
    client_wait(&f, &c);
    do {
        http_server_counters(f.server, &counters);
    } while (counters.open > 0);
    assert_int_equal(counters.timeouts, 1);
    assert_int_equal(counters.bytes, 0);
    assert_false(seen.complete);
    assert_true(seen.bytes < size);
    (void)close(c.fd);
    buf_free(&c.got);
}

static void test_file_cut_short(void **state)
{
    size_t size = 64 << 20;
    struct http_counters counters;
    char path[PATH_MAX];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/large", f.folder);
    fixture_put(f.folder, "large", "", 0);
    assert_int_equal(truncate(path, (off_t)size), 0);
    struct client c = {.send = GET("/files/large"), .read_max = 1, .keep = true};
    client_start(&f, &c);
    client_wait(&f, &c);
    assert_int_equal(truncate(path, 10), 0);
    char waste[65536];
    size_t got = c.got.len;
    for (ssize_t n; (n = recv(c.fd, waste, sizeof(waste), 0)) > 0;)
        got += (size_t)n;
    assert_true(got < size); /* the connection ended early instead of sending something else */
    do {
        http_server_counters(f.server, &counters);
    } while (counters.open > 0);
    assert_false(seen.complete);
    (void)close(c.fd);
    buf_free(&c.got);
}

static void test_access_hook(void **state)
{
    (void)state;
    check(GET("/files/a.txt?x=%41", "Range: bytes=0-3\r\n"), "206");
    while (seen_count() < 1)
        continue;
    assert_int_equal(seen.status, 206);
    assert_int_equal(seen.bytes, 4);
    assert_true(seen.complete);
    assert_string_equal(seen.line, "GET /files/a.txt?x=%41 1");
    check(GET("/hello"), "200");
    while (seen_count() < 2)
        continue;
    assert_int_equal(seen.bytes, 5);
    assert_string_equal(seen.line, "GET /hello 1");
}

static void test_bodies_budget(void **state)
{
    _autobuf_ struct buf request = BUF_INIT;
    (void)state;
    fixture_stop(&f, 0);
    start((struct http_options){.bodies_max = 1000});
    buf_adds(&request, "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Length: 5000\r\n\r\n");
    for (int i = 0; i < 5000; i++)
        buf_addc(&request, 'x');
    check(buf_str(&request), "503");
    check("POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nxy",
          "200"); /* what was charged is given back */
}

/* ---- TLS ---- */

static void make_certificate(struct buf *certificate, struct buf *key)
{
    gnutls_x509_privkey_t k;
    gnutls_x509_crt_t c;
    gnutls_datum_t out;
    assert_int_equal(gnutls_x509_privkey_init(&k), 0);
    assert_int_equal(gnutls_x509_crt_init(&c), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         k, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_crt_set_version(c, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(c, "\1", 1), 0);
    assert_int_equal(gnutls_x509_crt_set_dn(c, "CN=localhost", NULL), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(c, time(NULL) - 60), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(c, time(NULL) + 3600), 0);
    assert_int_equal(gnutls_x509_crt_set_key(c, k), 0);
    assert_int_equal(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &out), 0);
    buf_add(certificate, out.data, out.size);
    gnutls_free(out.data);
    assert_int_equal(gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &out), 0);
    buf_add(key, out.data, out.size);
    gnutls_free(out.data);
    gnutls_x509_crt_deinit(c);
    gnutls_x509_privkey_deinit(k);
}

struct tls_call {
    uint16_t port;
    char answer[2000];
    uv_async_t done;
    bool finished;
    pthread_t thread;
};

static void *tls_main(void *data)
{
    static const char request[] = GET("/hello");
    struct tls_call *call = data;
    const struct client to = {.port = call->port};
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    int fd = client_connect(&to);
    (void)gnutls_certificate_allocate_credentials(&credentials);
    (void)gnutls_init(&session, GNUTLS_CLIENT);
    (void)gnutls_set_default_priority(session);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    if (gnutls_handshake(session) == 0) {
        (void)gnutls_record_send(session, request, sizeof(request) - 1);
        size_t got = 0;
        for (ssize_t n; got < sizeof(call->answer) - 1 &&
                        (n = gnutls_record_recv(session, call->answer + got,
                                                sizeof(call->answer) - 1 - got)) > 0;)
            got += (size_t)n;
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    (void)close(fd);
    (void)uv_async_send(&call->done);
    return NULL;
}

static void tls_done(uv_async_t *handle)
{
    struct tls_call *call = handle->data;
    (void)pthread_join(call->thread, NULL);
    call->finished = true;
    uv_close((uv_handle_t *)handle, NULL);
}

static void test_tls(void **state)
{
    _autobuf_ struct buf certificate = BUF_INIT, key = BUF_INIT;
    struct http_listener *listener;
    struct err err = ERR_INIT;
    (void)state;
    make_certificate(&certificate, &key);
    struct http_listen listen = {.transport = HTTP_TLS,
                                 .fd = -1,
                                 .address = "127.0.0.1",
                                 .certificate_pem = buf_str(&certificate),
                                 .key_pem = "not a key"};
    assert_int_equal(http_listen(f.server, f.site, &listen, &listener, &err), -EIO);
    assert_non_null(strstr(err_text(&err), "key"));
    listen.key_pem = buf_str(&key);
    assert_int_equal(http_listen(f.server, f.site, &listen, &listener, &err), 0);
    buf_reset(&key);
    struct tls_call call = {.port = http_listener_port(listener)};
    call.done.data = &call;
    assert_int_equal(uv_async_init(&f.loop, &call.done, tls_done), 0);
    assert_int_equal(pthread_create(&call.thread, NULL, tls_main, &call), 0);
    while (!call.finished)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_non_null(strstr(call.answer, "\r\n\r\nhello"));
    /* Somebody speaks plain HTTP to it. */
    struct client plain = {.port = http_listener_port(listener), .send = GET("/hello")};
    client_start(&f, &plain);
    client_wait(&f, &plain);
    assert_false(has(&plain.got, "hello"));
    buf_free(&plain.got);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

UNIT_MAIN(TEST(test_nothing_escapes), TEST(test_firmware), TEST(test_both_ways_agree),
          TEST(test_replaced_file), TEST(test_heads_are_bounded), TEST(test_smuggling),
          TEST(test_connections_per_address), TEST(test_slow_heads_and_bodies),
          TEST(test_stuck_download), TEST(test_file_cut_short), TEST(test_access_hook),
          TEST(test_bodies_budget), TEST(test_tls))
