/* SPDX-License-Identifier: Apache-2.0 */
#include "test-fixture.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <arpa/inet.h>
#include <time.h>

#include "base/buf.h"

enum { BODY_MAX = 1 << 16, PATIENCE_MS = 30000, DAY_S = 86400 };

/* ---- certificates ---- */

struct pair {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

static void pair_make(struct pair *ret, const char *name, const struct pair *issuer)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    uint8_t serial[8];
    time_t now = time(NULL);
    rng_fill(&rng_system, serial, sizeof(serial));
    serial[0] &= 0x7f;
    assert_int_equal(gnutls_x509_privkey_init(&ret->key), 0);
    assert_int_equal(
        gnutls_x509_privkey_generate(ret->key, GNUTLS_PK_EC,
                                     (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
        0);
    assert_int_equal(gnutls_x509_crt_init(&ret->certificate), 0);
    gnutls_x509_crt_t c = ret->certificate;
    (void)gnutls_x509_crt_set_version(c, 3);
    (void)gnutls_x509_crt_set_serial(c, serial, sizeof(serial));
    (void)gnutls_x509_crt_set_activation_time(c, now - DAY_S);
    (void)gnutls_x509_crt_set_expiration_time(c, now + DAY_S);
    (void)gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                        (unsigned)strlen(name));
    (void)gnutls_x509_crt_set_key(c, ret->key);
    (void)gnutls_x509_crt_set_basic_constraints(c, issuer ? 0 : 1, -1);
    if (issuer)
        (void)gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_IPADDRESS, loopback,
                                                   sizeof(loopback), GNUTLS_FSAN_SET);
    else
        (void)gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_KEY_CERT_SIGN);
    const struct pair *by = issuer ? issuer : ret;
    assert_int_equal(gnutls_x509_crt_sign2(c, by->certificate, by->key, GNUTLS_DIG_SHA256, 0), 0);
}

static void pair_clear(struct pair *pair)
{
    gnutls_x509_crt_deinit(pair->certificate);
    gnutls_x509_privkey_deinit(pair->key);
}

static char *take_text(gnutls_datum_t *datum)
{
    char *text = strndup((const char *)datum->data, datum->size);
    gnutls_free(datum->data);
    assert_non_null(text);
    return text;
}

static char *certificate_pem(const struct pair *pair)
{
    gnutls_datum_t datum = {0};
    assert_int_equal(gnutls_x509_crt_export2(pair->certificate, GNUTLS_X509_FMT_PEM, &datum), 0);
    return take_text(&datum);
}

static char *key_pem(const struct pair *pair)
{
    gnutls_datum_t datum = {0};
    assert_int_equal(gnutls_x509_privkey_export2(pair->key, GNUTLS_X509_FMT_PEM, &datum), 0);
    return take_text(&datum);
}

void fake_pki_make(struct fake_pki *ret)
{
    struct pair authority, server, client;
    pair_make(&authority, "ca", NULL);
    pair_make(&server, "server", &authority);
    pair_make(&client, "tester", &authority);
    *ret = (struct fake_pki){.authority = certificate_pem(&authority),
                             .certificate = certificate_pem(&server),
                             .key = key_pem(&server),
                             .client_certificate = certificate_pem(&client),
                             .client_key = key_pem(&client)};
    pair_clear(&client);
    pair_clear(&server);
    pair_clear(&authority);
}

void fake_pki_clear(struct fake_pki *pki)
{
    free(pki->authority);
    free(pki->certificate);
    free(pki->key);
    free(pki->client_certificate);
    free(pki->client_key);
}

/* ---- the server ---- */

struct exchange {
    struct fake_server *server;
    char *target;
    struct buf body;
    struct fake_reply reply;
    size_t len;
};

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct exchange *e = calloc(1, sizeof(*e));
    (void)connection;
    if (e) {
        e->server = cls;
        e->target = strdup(target);
    }
    return e;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *e = *con_cls;
    (void)cls;
    (void)connection;
    (void)code;
    if (!e)
        return;
    free(e->target);
    buf_free(&e->body);
    free(e);
    *con_cls = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_cls,
                          enum MHD_ConnectionNotificationCode code)
{
    struct fake_server *s = cls;
    (void)connection;
    (void)socket_cls;
    (void)pthread_mutex_lock(&s->lock);
    s->connections += code == MHD_CONNECTION_NOTIFY_STARTED;
    (void)pthread_mutex_unlock(&s->lock);
}

static void wait_for_stop(struct fake_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stopping)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static ssize_t read_reply(void *cls, uint64_t pos, char *dst, size_t max)
{
    struct exchange *e = cls;
    size_t n = pos < e->len ? e->len - (size_t)pos : 0;
    if (e->reply.chunk && n > e->reply.chunk)
        n = e->reply.chunk;
    if (n > max)
        n = max;
    if (n > 0 && pos > 0 && e->reply.pause_ms)
        clock_sleep_ms(e->reply.pause_ms);
    if (n > 0) {
        memcpy(dst, e->reply.text + pos, n);
        return (ssize_t)n;
    }
    if (e->reply.end == FAKE_HANG)
        wait_for_stop(e->server);
    return e->reply.end == FAKE_END ? MHD_CONTENT_READER_END_OF_STREAM
                                    : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void peer_name(struct MHD_Connection *connection, char *dst, size_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned n = 0;
    const gnutls_datum_t *chain = info ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
    gnutls_x509_crt_t certificate;
    dst[0] = '\0';
    if (!chain || n == 0 || gnutls_x509_crt_init(&certificate) < 0)
        return;
    if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0)
        (void)gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, dst,
                                            &size);
    gnutls_x509_crt_deinit(certificate);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static void ask_test(struct exchange *e, struct MHD_Connection *connection, const char *method)
{
    struct fake_server *s = e->server;
    char peer[64];
    peer_name(connection, peer, sizeof(peer));
    const struct fake_request request = {.method = method,
                                         .target = e->target,
                                         .authorization = header(connection, "Authorization"),
                                         .content_type = header(connection, "Content-Type"),
                                         .body = buf_str(&e->body),
                                         .peer = peer};
    (void)pthread_mutex_lock(&s->lock);
    s->requests++;
    e->reply = s->handle(s->user, &request);
    (void)pthread_mutex_unlock(&s->lock);
    if (!e->reply.text)
        e->reply.text = "";
    e->len = e->reply.len ? e->reply.len : strlen(e->reply.text);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **con_cls)
{
    struct exchange *e = *con_cls;
    (void)cls;
    (void)url;
    (void)version;
    if (!e)
        return MHD_NO;
    if (e->body.max == 0) { /* the head alone */
        e->body.max = BODY_MAX;
        return MHD_YES;
    }
    if (*len > 0) {
        buf_add(&e->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    ask_test(e, connection, method);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1 << 16, read_reply, e, NULL);
    if (e->reply.retry_after)
        (void)MHD_add_response_header(response, "Retry-After", e->reply.retry_after);
    unsigned http = e->reply.http ? (unsigned)e->reply.http : 200;
    enum MHD_Result r = MHD_queue_response(connection, http, response);
    MHD_destroy_response(response);
    return r;
}

void fake_server_start(struct fake_server *s, const struct fake_pki *pki, uint16_t port,
                       struct fake_reply (*handle)(void *user, const struct fake_request *request),
                       void *user)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    *s = (struct fake_server){.handle = handle, .user = user};
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    s->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_TLS |
            MHD_USE_POLL,
        0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_CERT,
        pki->certificate, MHD_OPTION_HTTPS_MEM_KEY, pki->key, MHD_OPTION_HTTPS_MEM_TRUST,
        pki->authority, MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    assert_non_null(s->daemon);
    (void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", fake_server_port(s));
}

uint16_t fake_server_port(const struct fake_server *s)
{
    return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void fake_server_stop(struct fake_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    MHD_stop_daemon(s->daemon);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
}

int fake_silent_port(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, size, "https://127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

/* ---- the loop ---- */

void test_loop_start(struct test_loop *l, const char *url, const struct fake_pki *pki,
                     const struct kube_options *options)
{
    const char *const urls[] = {url};
    struct err err = ERR_INIT;
    struct kube_options o = options ? *options : (struct kube_options){0};
    *l = (struct test_loop){0};
    assert_int_equal(uv_loop_init(&l->loop), 0);
    o.loop = &l->loop;
    if (!o.urls) {
        o.urls = urls;
        o.n_urls = 1;
    }
    o.authority = pki->authority;
    if (kube_client_new(&o, &l->client, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void on_freed(void *user)
{
    *(bool *)user = true;
}

void test_loop_stop(struct test_loop *l)
{
    if (!l->freed)
        kube_client_free(l->client, on_freed, &l->freed);
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    assert_true(l->freed);
    assert_int_equal(uv_loop_close(&l->loop), 0);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/*
 * A turn runs timers and then waits for sockets, even when the timers brought what is waited for;
 * so a tick ends each turn soon.
 */
static bool turn_until(struct test_loop *l, const unsigned *value, unsigned at_least, uint64_t ms)
{
    uint64_t end = uv_hrtime() + ms * 1000000;
    uv_timer_t tick;
    (void)uv_timer_init(&l->loop, &tick);
    (void)uv_timer_start(&tick, on_tick, 2, 2);
    while ((!value || *value < at_least) && uv_hrtime() < end)
        (void)uv_run(&l->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&l->loop, UV_RUN_NOWAIT);
    return !value || *value >= at_least;
}

void test_loop_until(struct test_loop *l, const unsigned *value, unsigned at_least)
{
    if (!turn_until(l, value, at_least, PATIENCE_MS))
        fail_msg("waited for %u, have %u", at_least, *value);
}

void test_loop_for(struct test_loop *l, uint64_t ms)
{
    (void)turn_until(l, NULL, 0, ms);
}

/* ---- answers ---- */

void test_done(void *user, const struct kube_answer *answer)
{
    struct test_answer *seen = user;
    test_answer_clear(seen);
    seen->count++;
    seen->error = answer->error;
    seen->status = answer->status;
    seen->object = json_incref(answer->object);
    seen->len = answer->len;
    (void)snprintf(seen->text, sizeof(seen->text), "%s", answer->text);
}

void test_answer_clear(struct test_answer *answer)
{
    json_decref(answer->object);
    answer->object = NULL;
}
