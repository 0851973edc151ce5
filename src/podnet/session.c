/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kube/client.h"
#include "kube/kubeconfig.h"
#include "kube/watch.h"

struct podnet_session {
    struct podnet_session_options options;
    struct kube_config config; /* in use; empty while there is no client */
    char *folder;
    struct kube_client *client;
    struct kube_watch *watch;
    char *said;       /* the last trouble, which is not said over and over */
    uint64_t said_at; /* uv_now() */
};

enum { SAY_AGAIN_MS = 5 * 60 * 1000 };

static void recovered(struct podnet_session *s)
{
    if (s->said)
        log_info("The API server %s answers again.", kube_client_url(s->client));
    (void)!str_replace(&s->said, NULL);
}

static void *keep(void *user, json_t *object, void *previous)
{
    struct podnet_session *s = user;
    struct podnet_node node;
    struct podnet_node *kept = previous ? previous : calloc(1, sizeof(*kept));
    recovered(s);
    if (!kept || podnet_node_read(object, &node) < 0)
        return kept;
    bool same = previous && podnet_node_eq(kept, &node);
    *kept = node;
    /* most changes of a Node are of its heartbeat and conditions: they are nothing to us */
    if (!same && kube_watch_is_synced(s->watch))
        s->options.changed(s->options.user);
    return kept;
}

static void drop(void *user, void *kept)
{
    (void)user;
    free(kept);
}

static void changed(void *user, enum kube_change change, const struct kube_object *entry,
                    json_t *object)
{
    struct podnet_session *s = user;
    (void)entry;
    (void)object;
    if (change == KUBE_DELETED)
        s->options.changed(s->options.user);
}

static void synced(void *user)
{
    struct podnet_session *s = user;
    recovered(s);
    s->options.changed(s->options.user);
}

static void say(struct podnet_session *s, int error, const char *text)
{
    uint64_t now = uv_now(s->options.loop);
    if (str_eq(s->said, text) && now - s->said_at < SAY_AGAIN_MS)
        return;
    log_warn("Nodes cannot be followed, what is there stays: %s", text);
    if (error == -EPERM)
        log_warn("Kubelets need a ClusterRoleBinding that lets the group system:nodes get, list "
                 "and watch Nodes.");
    (void)!str_replace(&s->said, text);
    s->said_at = now;
}

static void trouble(void *user, int error, const char *text)
{
    struct podnet_session *s = user;
    say(s, error, text);
    if (error == -EACCES || error == -EPERM || error == -EKEYREJECTED)
        s->options.refused(s->options.user);
}

int podnet_session_new(const struct podnet_session_options *options, struct podnet_session **ret)
{
    struct podnet_session *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->options = *options;
    *ret = s;
    return 0;
}

static void close_client(struct podnet_session *s)
{
    kube_watch_free(TAKE_PTR(s->watch));
    kube_client_free(TAKE_PTR(s->client), NULL, NULL);
    kube_config_clear(&s->config);
}

static struct kube_credentials credentials_of(const struct kube_config *c)
{
    return (struct kube_credentials){
        .certificate = c->certificate, .key = c->key, .token = c->token};
}

static int open_client(struct podnet_session *s, const struct kube_config *c, struct err *err)
{
    const char *const urls[] = {c->server};
    struct kube_options options = {.loop = s->options.loop,
                                   .urls = urls,
                                   .n_urls = 1,
                                   .authority = c->authority,
                                   .credentials = credentials_of(c),
                                   .user_agent = "slipway-podnet"};
    int r = kube_client_new(&options, &s->client, err);
    if (r < 0)
        return r;
    struct kube_watch_options watch = {.kind = &kube_nodes,
                                       .user = s,
                                       .keep = keep,
                                       .drop = drop,
                                       .changed = changed,
                                       .synced = synced,
                                       .trouble = trouble};
    r = kube_watch_new(s->client, &watch, &s->watch);
    if (r < 0) {
        close_client(s);
        return err_errno(err, r, "cannot watch Nodes");
    }
    log_info("Following the Nodes of %s.", c->server);
    return 0;
}

static int renew_client(struct podnet_session *s, const struct kube_config *c, struct err *err)
{
    struct kube_credentials credentials = credentials_of(c);
    const char *const urls[] = {c->server};
    int r = kube_client_set_credentials(s->client, &credentials, err);
    if (r == 0 && !str_eq(s->config.server, c->server))
        r = kube_client_set_urls(s->client, urls, 1, err);
    if (r == 0)
        log_info("kubelet's certificate or server was renewed.");
    return r;
}

static bool same_config(const struct kube_config *a, const struct kube_config *b)
{
    return str_eq(a->server, b->server) && str_eq(a->authority, b->authority) &&
           str_eq(a->certificate, b->certificate) && str_eq(a->key, b->key) &&
           str_eq(a->token, b->token);
}

/* The folder of the certificate, or of the kubeconfig when that is all. */
static char *folder_of(const struct kube_config *c, const char *kubeconfig)
{
    const char *file = c->certificate_file ? c->certificate_file : kubeconfig;
    const char *slash = strrchr(file, '/');
    return slash ? strndup(file, (size_t)(slash - file)) : NULL;
}

int podnet_session_refresh(struct podnet_session *s, struct err *err)
{
    _autokubeconfig_ struct kube_config c = {0};
    int r = kube_config_load(s->options.kubeconfig, NULL, &c, err);
    if (r < 0)
        return r;
    if (!c.server || !c.authority || (!c.certificate && !c.token))
        return err_set(err, -EINVAL, "%s: expected a server, its CA and a certificate",
                       s->options.kubeconfig);
    if (s->client && same_config(&s->config, &c))
        return 0;
    if (s->client && !str_eq(s->config.authority, c.authority))
        close_client(s);
    r = s->client ? renew_client(s, &c, err) : open_client(s, &c, err);
    if (r < 0)
        return r;
    free(s->folder);
    s->folder = folder_of(&c, s->options.kubeconfig);
    kube_config_clear(&s->config);
    s->config = c;
    c = (struct kube_config){0};
    return 0;
}

bool podnet_session_is_open(const struct podnet_session *s)
{
    return s->client;
}

bool podnet_session_is_synced(const struct podnet_session *s)
{
    return s->watch && kube_watch_is_synced(s->watch);
}

int podnet_session_nodes(const struct podnet_session *s, struct podnet_node **ret,
                         size_t *ret_count)
{
    size_t room = s->watch ? kube_watch_count(s->watch) : 0, n = 0, cursor = 0;
    struct podnet_node *nodes = calloc(room + 1, sizeof(*nodes));
    if (!nodes)
        return -ENOMEM;
    for (const struct kube_object *o;
         n < room && (o = kube_watch_next(s->watch, &cursor)) != NULL;) {
        if (o->kept)
            nodes[n++] = *(const struct podnet_node *)o->kept;
    }
    *ret = nodes;
    *ret_count = n;
    return 0;
}

const char *podnet_session_folder(const struct podnet_session *s)
{
    return s->folder;
}

void podnet_session_free(struct podnet_session *s)
{
    if (!s)
        return;
    close_client(s);
    free(s->folder);
    free(s->said);
    free(s);
}
