/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link to a cluster's API server: with a short-lived administrator's certificate that the
 * cluster's own authority signs for it, renewed long before it ends. Watches Nodes and certificate
 * requests.
 */
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "kube/request.h"
#include "resource/format.h"
#include "server/cluster-entry.h"

enum {
    CERTIFICATE_SECONDS = 24 * 3600,
    RENEW_MS = 8 * 3600 * 1000,
    PROBE_MS = 1000, /* between two looks at an API server that does not answer */
    RENEW_AGAIN_MS = 60 * 1000,
};

struct cluster_link {
    struct cluster_entry *entry;
    struct kube_client *client;
    struct kube_watch *nodes, *csrs;
    uv_timer_t renew, probe;
    struct kube_request *probing;
    bool up;          /* the API server answered last */
    uint64_t renewed; /* the loop's time */
    unsigned closing; /* timers that libuv still holds */
    char *urls[KUBE_URLS_MAX];
    size_t n_urls;
};

/* ---- addresses ---- */

static void urls_clear(struct cluster_link *link)
{
    for (size_t i = 0; i < link->n_urls; i++)
        free(link->urls[i]);
    link->n_urls = 0;
}

static bool has_url(const struct cluster_link *link, const char *url)
{
    for (size_t i = 0; i < link->n_urls; i++) {
        if (str_eq(link->urls[i], url))
            return true;
    }
    return false;
}

static void add_url(struct cluster_link *link, const char *host_and_port)
{
    char *url = str_format("https://%s", host_and_port);
    if (url && link->n_urls < KUBE_URLS_MAX && !has_url(link, url))
        link->urls[link->n_urls++] = url;
    else
        free(url);
}

/* Control planes by their own addresses: those that leave, or those that stay. */
static size_t add_control_planes(struct cluster_link *link, bool leaving)
{
    const struct cluster_entry *entry = link->entry;
    size_t n = 0, cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        char address[IPV4_TEXT_SIZE], text[IPV4_TEXT_SIZE + 8];
        ipv4 a = cluster_member_address(member);
        if (member->role != ROLE_CONTROL_PLANE || !a || !cluster_member_has_joined(member) ||
            (cluster_member_leaves(member) != LEAVE_NOT) != leaving)
            continue;
        (void)snprintf(text, sizeof(text), "%s:%u", ipv4_text(a, address),
                       (unsigned)entry->cluster->spec.endpoint.port);
        add_url(link, text);
        n++;
    }
    return n;
}

static bool some_control_plane_leaves(const struct cluster_entry *entry)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->role == ROLE_CONTROL_PLANE && cluster_member_leaves(member) != LEAVE_NOT)
            return true;
    }
    return false;
}

/*
 * The endpoint first; behind it each control plane by its own address. While one leaves, those that
 * stay come first: its API server answers nothing once it has no etcd, and the endpoint may be it.
 */
static void collect_urls(struct cluster_link *link)
{
    const char *endpoint = link->entry->cluster->status.endpoint;
    urls_clear(link);
    if (endpoint && !some_control_plane_leaves(link->entry))
        add_url(link, endpoint);
    size_t staying = add_control_planes(link, false);
    if (endpoint)
        add_url(link, endpoint);
    if (!staying)
        (void)add_control_planes(link, true);
}

/* ---- what the watches say ---- */

static void on_probe(uv_timer_t *timer);
static void on_renew(uv_timer_t *timer);

static void set_up(struct cluster_link *link, bool up, const char *why)
{
    if (link->up == up)
        return;
    link->up = up;
    link->entry->tokens_unsure = true; /* whatever was asked of it last may not have been heard */
    if (up)
        (void)uv_timer_stop(&link->probe);
    else
        (void)uv_timer_start(&link->probe, on_probe, PROBE_MS, PROBE_MS);
    if (up)
        log_info("Cluster %s: its API server answers at %s", link->entry->name,
                 kube_client_url(link->client));
    else
        log_warn("Cluster %s: its API server does not answer: %s", link->entry->name, why);
    cluster_touch(link->entry);
}

/* The certificate's hours are those of a clock that may have been set, or slept: it is not believed
 * any more long before the timer would renew it. */
static void renew_if_refused(struct cluster_link *link, int error)
{
    uint64_t now = uv_now(&link->entry->server->loop);
    bool refused = error == -EACCES || error == -EKEYREJECTED;
    if (refused && now - link->renewed >= RENEW_AGAIN_MS)
        on_renew(&link->renew);
}

/* A watch that goes on says nothing until something changes: so the API server is asked. */
static void on_probed(void *user, const struct kube_answer *reply)
{
    if (reply->error == 0)
        set_up(user, true, NULL);
    else
        renew_if_refused(user, reply->error);
}

static void on_probe(uv_timer_t *timer)
{
    struct cluster_link *link = timer->data;
    const struct kube_call call = {.path = "/readyz", .plain = true};
    if (!link->probing)
        (void)!kube_call(
            link->client, &call,
            (struct kube_then){.done = on_probed, .user = link, .slot = &link->probing});
}

static void on_trouble(void *user, int error, const char *text)
{
    renew_if_refused(user, error);
    if (error != -EIDRM) /* then it answered, and is asked for the list anew */
        set_up(user, false, text);
}

/* Others wrote this: our own status takes only what its fields admit. */
static void take_condition(struct cluster_node *node, const json_t *condition)
{
    const char *reason = object_text(condition, "reason"), *message;
    message = object_text(condition, "message");
    node->ready = str_eq(object_text(condition, "status"), "True");
    bool word = reason && strlen(reason) < sizeof(node->reason) && format_reason.check(reason);
    (void)snprintf(node->reason, sizeof(node->reason), "%s", word ? reason : "NodeNotReady");
    message = message ? message : "";
    (void)log_quote(node->message, sizeof(node->message), message, strlen(message));
}

static void *keep_node(void *user, json_t *object, void *previous)
{
    struct cluster_node *node = previous ? previous : calloc(1, sizeof(*node));
    size_t i;
    json_t *condition;
    (void)user;
    if (!node)
        return NULL;
    *node =
        (struct cluster_node){.reason = "NodeNotReady", .message = "kubelet has not reported yet"};
    (void)clock_parse(json_string_value(json_object_get(object_get(object, "metadata.annotations"),
                                                        CLUSTER_LEAVING_SINCE)),
                      &node->leaving_since);
    json_array_foreach (object_get(object, "status.conditions"), i, condition) {
        if (str_eq(object_text(condition, "type"), "Ready"))
            take_condition(node, condition);
    }
    return node;
}

static void drop_node(void *user, void *kept)
{
    (void)user;
    free(kept);
}

static void on_node(void *user, enum kube_change change, const struct kube_object *object,
                    json_t *json)
{
    struct cluster_link *link = user;
    (void)change, (void)object, (void)json;
    set_up(link, true, NULL);
    cluster_touch(link->entry);
}

static void on_nodes_synced(void *user)
{
    struct cluster_link *link = user;
    set_up(link, true, NULL);
    cluster_rbac_apply(link->entry);
    cluster_touch(link->entry);
}

static void on_csr(void *user, enum kube_change change, const struct kube_object *object,
                   json_t *json)
{
    struct cluster_link *link = user;
    (void)object;
    if (change != KUBE_DELETED && json)
        cluster_csr_seen(link->entry, json);
}

static int start_watches(struct cluster_link *link)
{
    const struct kube_watch_options nodes = {
        .kind = &kube_nodes,
        .user = link,
        .keep = keep_node,
        .drop = drop_node,
        .changed = on_node,
        .synced = on_nodes_synced,
        .trouble = on_trouble,
    };
    const struct kube_watch_options csrs = {
        .kind = &kube_csrs,
        .user = link,
        .changed = on_csr,
    };
    int r = kube_watch_new(link->client, &nodes, &link->nodes);
    return r < 0 ? r : kube_watch_new(link->client, &csrs, &link->csrs);
}

/* ---- who we are ---- */

static int issue(const struct cluster_entry *entry, struct pki_pair *ret, struct err *err)
{
    static const char *const groups[] = {"system:masters", NULL};
    const struct pki_subject subject = {
        .common_name = "slipway",
        .organizations = groups,
        .usages = PKI_USAGE_CLIENT,
        .lifetime_seconds = CERTIFICATE_SECONDS,
    };
    return pki_issue(&entry->pki.ca, &subject, entry->server->clock, ret, err);
}

static void on_renew(uv_timer_t *timer)
{
    struct cluster_link *link = timer->data;
    struct pki_pair pair _autopair_ = {NULL, NULL};
    struct err err = ERR_INIT;
    link->renewed = uv_now(&link->entry->server->loop);
    int r = issue(link->entry, &pair, &err);
    if (r == 0) {
        const struct kube_credentials credentials = {.certificate = pair.certificate,
                                                     .key = pair.key};
        r = kube_client_set_credentials(link->client, &credentials, &err);
    }
    if (r < 0)
        log_error("Cluster %s: our certificate could not be renewed: %s", link->entry->name,
                  err_text(&err));
}

static int open_client(struct cluster_link *link, struct err *err)
{
    struct pki_pair pair _autopair_ = {NULL, NULL};
    int r = issue(link->entry, &pair, err);
    if (r < 0)
        return r;
    const struct kube_options options = {
        .loop = &link->entry->server->loop,
        .urls = (const char *const *)link->urls,
        .n_urls = link->n_urls,
        .authority = link->entry->pki.ca.certificate,
        .credentials = {.certificate = pair.certificate, .key = pair.key},
        .clock = link->entry->server->clock,
        .rng = link->entry->server->rng,
    };
    return kube_client_new(&options, &link->client, err);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct cluster_link *link = handle->data;
    if (--link->closing == 0)
        free(link);
}

static void on_client_freed(void *user)
{
    struct cluster_link *link = user;
    urls_clear(link);
    link->closing = 2;
    uv_close((uv_handle_t *)&link->renew, on_closed);
    uv_close((uv_handle_t *)&link->probe, on_closed);
}

void cluster_link_free(struct cluster_link *link)
{
    if (!link)
        return;
    (void)uv_timer_stop(&link->renew);
    (void)uv_timer_stop(&link->probe);
    kube_watch_free(link->nodes);
    kube_watch_free(link->csrs);
    link->nodes = link->csrs = NULL;
    if (link->client)
        kube_client_free(link->client, on_client_freed, link);
    else
        on_client_freed(link);
}

static struct cluster_link *link_new(struct cluster_entry *entry)
{
    struct cluster_link *link = calloc(1, sizeof(*link));
    struct err err = ERR_INIT;
    if (!link)
        return NULL;
    link->entry = entry;
    link->renewed = uv_now(&entry->server->loop);
    link->renew.data = link->probe.data = link;
    (void)uv_timer_init(&entry->server->loop, &link->renew);
    (void)uv_timer_init(&entry->server->loop, &link->probe);
    collect_urls(link);
    int r = open_client(link, &err);
    if (r == 0)
        r = start_watches(link);
    if (r == 0)
        r = uv_timer_start(&link->renew, on_renew, RENEW_MS, RENEW_MS);
    if (r == 0)
        r = uv_timer_start(&link->probe, on_probe, PROBE_MS, PROBE_MS);
    if (r == 0)
        return link;
    log_error("Cluster %s: cannot talk to its API server: %s", entry->name, err_text(&err));
    cluster_link_free(link);
    return NULL;
}

void cluster_link_update(struct cluster_entry *entry)
{
    struct cluster_link *link = entry->link;
    if (!link) {
        entry->link = link_new(entry);
        return;
    }
    struct err err = ERR_INIT;
    collect_urls(link);
    if (kube_client_set_urls(link->client, (const char *const *)link->urls, link->n_urls, &err) < 0)
        log_error("Cluster %s: %s", entry->name, err_text(&err));
}

bool cluster_link_is_up(const struct cluster_link *link)
{
    return link->up && kube_watch_is_synced(link->nodes);
}

struct kube_client *cluster_link_client(const struct cluster_link *link)
{
    return link->client;
}

const struct cluster_node *cluster_link_node(const struct cluster_link *link, const char *name)
{
    const struct kube_object *object =
        link && link->nodes ? kube_watch_find(link->nodes, NULL, name) : NULL;
    return object ? object->kept : NULL;
}
