/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include "base/str.h"
#include "kube/private.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    REQUEST_TIMEOUT_MS = 30000,
    CONCURRENT_MAX = 16,
    QUEUE_MAX = 4096,
    RESPONSE_MAX = 64 << 20,
};

#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----"

/* ---- checks ---- */

/* "https://HOST[:PORT][/PREFIX]" without user, query or anything to be encoded. */
static int check_url(const char *url, struct err *err)
{
    const char *rest = url ? str_after(url, "https://") : NULL;
    bool bad = str_empty(rest) || rest[0] == '/' || strpbrk(rest, "?#@\\\"<> ");
    for (const char *c = rest; !bad && *c; c++)
        bad = (uint8_t)*c <= 0x20 || (uint8_t)*c >= 0x7f;
    return bad ? err_set(err, -EINVAL, "expected an https:// URL of an API server") : 0;
}

static int check_urls(const char *const *urls, size_t n, struct err *err)
{
    if (n < 1 || n > KUBE_URLS_MAX)
        return err_set(err, -EINVAL, "expected 1 to %d URLs of API servers, found %zu",
                       KUBE_URLS_MAX, n);
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = check_url(urls[i], err);
    return r;
}

static int check_credentials(const struct kube_credentials *c, struct err *err)
{
    if (!c->certificate != !c->key)
        return err_set(err, -EINVAL,
                       "a client certificate needs its key, and a key its "
                       "certificate");
    if (c->certificate && !strstr(c->certificate, PEM_CERTIFICATE))
        return err_set(err, -EINVAL, "the client certificate is not in PEM form");
    for (const char *t = c->token; t && *t; t++)
        if ((uint8_t)*t <= 0x20 || (uint8_t)*t >= 0x7f)
            return err_set(err, -EINVAL, "the token has a character that no token has");
    return 0;
}

static int check_options(const struct kube_options *o, struct err *err)
{
    int r = check_urls(o->urls, o->n_urls, err);
    if (r == 0 && (!o->authority || !strstr(o->authority, PEM_CERTIFICATE)))
        r = err_set(err, -EINVAL, "the cluster's CA is missing or not in PEM form");
    return r < 0 ? r : check_credentials(&o->credentials, err);
}

/* ---- addresses and credentials ---- */

static void urls_clear(struct kube_urls *urls)
{
    for (size_t i = 0; i < urls->n; i++)
        free(urls->text[i]);
    urls->n = 0;
}

/* As they are used: a path is put behind them. */
static int urls_copy(const char *const *urls, size_t n, struct kube_urls *ret)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(urls[i]);
        while (len > 0 && urls[i][len - 1] == '/')
            len--;
        ret->text[i] = strndup(urls[i], len);
        if (!ret->text[i])
            return -ENOMEM;
        ret->n++;
    }
    return 0;
}

static bool urls_equal(const struct kube_urls *a, const struct kube_urls *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = str_eq(a->text[i], b->text[i]);
    return same;
}

static int set_urls(struct kube_client *c, const char *const *urls, size_t n)
{
    struct kube_urls next _cleanup_(urls_clear) = {0};
    int r = urls_copy(urls, n, &next);
    if (r < 0 || urls_equal(&c->urls, &next))
        return r;
    kube_requests_move_streams(c, next.text[0]);
    struct kube_urls before = c->urls;
    c->urls = next;
    c->url = 0;
    next = before; /* is freed */
    return 0;
}

int kube_client_set_urls(struct kube_client *client, const char *const *urls, size_t n_urls,
                         struct err *err)
{
    int r = check_urls(urls, n_urls, err);
    return r < 0 ? r : set_urls(client, urls, n_urls);
}

static void something_closed(void *user)
{
    struct kube_client *c = user;
    if (--c->open > 0)
        return;
    void (*freed)(void *user) = c->freed;
    void *freed_user = c->freed_user;
    if (c->token)
        explicit_bzero(c->token, strlen(c->token));
    free(c->token);
    urls_clear(&c->urls);
    free(c->authority);
    free(c->user_agent);
    free(c);
    curl_global_cleanup();
    if (freed)
        freed(freed_user);
}

static int set_credentials(struct kube_client *c, const struct kube_credentials *credentials)
{
    const struct kube_identity identity = {c->authority, credentials->certificate,
                                           credentials->key};
    const struct kube_transport_hooks hooks = {.ended = kube_requests_ended,
                                               .settle = kube_requests_settle,
                                               .closed = something_closed,
                                               .user = c};
    struct kube_transport *transport = NULL;
    _autofree_ char *token = credentials->token ? strdup(credentials->token) : NULL;
    if (credentials->token && !token)
        return -ENOMEM;
    int r = kube_transport_new(c->loop, &identity, &hooks, &transport);
    if (r < 0)
        return r;
    c->open++;
    kube_transport_unref(c->transport);
    c->transport = transport;
    if (c->token)
        explicit_bzero(c->token, strlen(c->token));
    free(c->token);
    c->token = TAKE_PTR(token);
    return 0;
}

int kube_client_set_credentials(struct kube_client *client,
                                const struct kube_credentials *credentials, struct err *err)
{
    int r = client->closing ? -ESHUTDOWN : check_credentials(credentials, err);
    if (r == 0)
        r = set_credentials(client, credentials);
    return r;
}

/* ---- life ---- */

static void on_kick_closed(uv_handle_t *handle)
{
    something_closed(handle->data);
}

static void apply_defaults(struct kube_client *c, const struct kube_options *o)
{
    *c = (struct kube_client){
        .loop = o->loop,
        .clock = o->clock ? o->clock : &clock_system,
        .rng = o->rng ? o->rng : &rng_system,
        .connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS,
        .request_timeout_ms = o->request_timeout_ms ? o->request_timeout_ms : REQUEST_TIMEOUT_MS,
        .response_max = o->response_max ? o->response_max : RESPONSE_MAX,
        .concurrent_max = o->concurrent_max ? o->concurrent_max : CONCURRENT_MAX,
        .queue_max = o->queue_max ? o->queue_max : QUEUE_MAX,
        .open = 1,
    };
    list_init(&c->waiting);
    list_init(&c->running);
    list_init(&c->ready);
    list_init(&c->followers);
}

int kube_client_new(const struct kube_options *options, struct kube_client **ret, struct err *err)
{
    int r = check_options(options, err);
    if (r < 0)
        return r;
    struct kube_client *c = calloc(1, sizeof(*c));
    if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(c);
        return err_errno(err, -ENOMEM, "Kubernetes client");
    }
    apply_defaults(c, options);
    (void)uv_timer_init(c->loop, &c->kick);
    c->kick.data = c;
    c->authority = strdup(options->authority);
    c->user_agent = strdup(options->user_agent ? options->user_agent : "slipway/" SLIPWAY_VERSION);
    r = c->authority && c->user_agent ? set_urls(c, options->urls, options->n_urls) : -ENOMEM;
    if (r == 0)
        r = set_credentials(c, &options->credentials);
    if (r < 0) {
        kube_client_free(c, NULL, NULL);
        return err_errno(err, r, "Kubernetes client");
    }
    *ret = c;
    return 0;
}

void kube_client_free(struct kube_client *client, void (*freed)(void *user), void *user)
{
    if (!client || client->closing)
        return;
    client->closing = true;
    client->freed = freed;
    client->freed_user = user;
    kube_requests_end_all(client);
    for (struct list *it; (it = list_first(&client->followers));) {
        struct kube_follower *follower = container_of(it, struct kube_follower, item);
        list_remove(it);
        follower->client_gone(follower);
    }
    kube_transport_unref(TAKE_PTR(client->transport));
    uv_close((uv_handle_t *)&client->kick, on_kick_closed);
}

uv_loop_t *kube_client_loop(const struct kube_client *client)
{
    return client->loop;
}

const struct clock *kube_client_clock(const struct kube_client *client)
{
    return client->clock;
}

struct rng *kube_client_rng(const struct kube_client *client)
{
    return client->rng;
}

const char *kube_client_url(const struct kube_client *client)
{
    return client->urls.text[client->url];
}
