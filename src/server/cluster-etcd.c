/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List, ask each member how it is, remove one, and begin again until nobody is to go. Every member
 * is asked at its own address, by a client of its own: what one knows of another may be old.
 */
#include "server/cluster-etcd.h"

#include "base/map.h"
#include "base/str.h"
#include "kube/request.h"

enum { CERTIFICATE_SECONDS = 3600, TIMEOUT_MS = 5000, ROUNDS_MAX = ETCD_MEMBERS_MAX };

struct probe {
    struct etcd_change *etcd;
    struct kube_client *client;
    struct kube_request *request;
};

struct etcd_change {
    struct server *server;
    struct etcd_change_options options;
    char *authority;
    struct pki_pair identity;
    struct kube_client *client; /* of all control planes */
    struct kube_request *request;
    struct probe probes[ETCD_MEMBERS_MAX]; /* by the members' index */
    struct etcd_members members;
    size_t asking; /* probes without an answer */
    size_t removed;
    uv_timer_t turn; /* acts outside of callbacks of clients that it may end */
    int error;
    char text[ETCD_TEXT_SIZE];
    enum { LISTING, PROBING, REMOVING, ENDED } state;
};

static void on_turn(uv_timer_t *timer);

static void next(struct etcd_change *etcd)
{
    (void)uv_timer_start(&etcd->turn, on_turn, 0, 0);
}

/* ---- clients ---- */

static int open_client(struct etcd_change *etcd, const char *const *urls, size_t n,
                       struct kube_client **ret)
{
    const struct kube_options options = {
        .loop = &etcd->server->loop,
        .urls = urls,
        .n_urls = n,
        .authority = etcd->authority,
        .credentials = {.certificate = etcd->identity.certificate, .key = etcd->identity.key},
        .clock = etcd->server->clock,
        .rng = etcd->server->rng,
        .connect_timeout_ms = TIMEOUT_MS,
        .request_timeout_ms = TIMEOUT_MS * (uint32_t)n, /* each of them may swallow its packets */
    };
    return kube_client_new(&options, ret, NULL);
}

static void close_probes(struct etcd_change *etcd)
{
    for (size_t i = 0; i < ETCD_MEMBERS_MAX; i++) {
        kube_request_cancel(etcd->probes[i].request);
        kube_client_free(TAKE_PTR(etcd->probes[i].client), NULL, NULL);
    }
    etcd->asking = 0;
}

static int post(struct kube_client *client, const char *path, const char *body,
                struct kube_then then)
{
    const struct kube_call call = {.method = "POST",
                                   .path = path,
                                   .content_type = "application/json",
                                   .body = body,
                                   .len = strlen(body)};
    return kube_call(client, &call, then);
}

static void fail(struct etcd_change *etcd, int error, const char *text)
{
    etcd->error = error;
    (void)snprintf(etcd->text, sizeof(etcd->text), "%s", text);
    etcd->state = ENDED;
    next(etcd);
}

static void fail_with(struct etcd_change *etcd, const struct kube_answer *reply)
{
    const char *said = etcd_error_text(reply->object);
    char line[128], text[ETCD_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "etcd: %s",
                   kube_copy_line(line, sizeof(line), said ? said : reply->status.message));
    fail(etcd, reply->error, text);
}

/* ---- the members ---- */

static void on_list(void *user, const struct kube_answer *reply)
{
    struct etcd_change *etcd = user;
    etcd_members_free(&etcd->members);
    if (reply->error < 0) {
        fail_with(etcd, reply);
        return;
    }
    int r = etcd_members_parse(reply->object, &etcd->members);
    if (r < 0) {
        fail(etcd, r, "etcd's list of members cannot be read");
        return;
    }
    etcd->state = PROBING;
    next(etcd);
}

static void list(struct etcd_change *etcd)
{
    int r = post(etcd->client, ETCD_LIST_PATH, "{}",
                 (struct kube_then){.done = on_list, .user = etcd, .slot = &etcd->request});
    if (r < 0)
        fail(etcd, r, "etcd cannot be asked");
}

static void on_status(void *user, const struct kube_answer *reply)
{
    struct probe *probe = user;
    struct etcd_change *etcd = probe->etcd;
    size_t index = (size_t)(probe - etcd->probes);
    etcd->members.items[index].healthy = reply->error == 0 && etcd_status_is_healthy(reply->object);
    if (--etcd->asking == 0)
        next(etcd);
}

/* One that cannot be asked counts as one that does not answer. */
static void probe_member(struct etcd_change *etcd, size_t index)
{
    struct probe *probe = &etcd->probes[index];
    const char *url = etcd->members.items[index].client_url;
    probe->etcd = etcd;
    if (!url || open_client(etcd, &url, 1, &probe->client) < 0)
        return;
    if (post(probe->client, ETCD_STATUS_PATH, "{}",
             (struct kube_then){.done = on_status, .user = probe, .slot = &probe->request}) == 0)
        etcd->asking++;
}

static void probe_all(struct etcd_change *etcd)
{
    close_probes(etcd);
    for (size_t i = 0; i < etcd->members.n; i++)
        probe_member(etcd, i);
    etcd->state = REMOVING;
    if (etcd->asking == 0)
        next(etcd);
}

/* ---- removing ---- */

static void on_removed(void *user, const struct kube_answer *reply)
{
    struct etcd_change *etcd = user;
    if (reply->error < 0 && reply->error != -ENOENT) {
        fail_with(etcd, reply);
        return;
    }
    etcd->removed++;
    etcd->state = LISTING;
    next(etcd);
}

/* Another one that works does it: who removes itself may be gone before it has answered. */
static struct kube_client *helper(const struct etcd_change *etcd, size_t index)
{
    for (size_t i = 0; i < etcd->members.n; i++) {
        if (i != index && etcd->members.items[i].healthy)
            return etcd->probes[i].client;
    }
    return NULL;
}

static int send_removal(struct etcd_change *etcd, size_t index)
{
    struct kube_client *client = helper(etcd, index);
    json_auto_t *body = etcd_remove_body(&etcd->members.items[index]);
    _autofree_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (!client || !text)
        return -ENOMEM;
    return post(client, ETCD_REMOVE_PATH, text,
                (struct kube_then){.done = on_removed, .user = etcd, .slot = &etcd->request});
}

static void remove_chosen(struct etcd_change *etcd)
{
    char text[ETCD_TEXT_SIZE];
    const struct etcd_member *member = etcd->options.choose(etcd->options.user, &etcd->members);
    if (!member || etcd->removed > ROUNDS_MAX) {
        fail(etcd, 0, "etcd's members are as they should be");
        return;
    }
    size_t index = (size_t)(member - etcd->members.items);
    int r = etcd_may_remove(&etcd->members, index, text);
    if (r == -EDOM) {
        fail(etcd, r, "it is etcd's only member");
        return;
    }
    if (r == 0)
        r = send_removal(etcd, index);
    if (r < 0)
        fail(etcd, r, r == -EBUSY ? text : "etcd cannot be asked to remove it");
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct etcd_change *etcd = handle->data;
    etcd_members_free(&etcd->members);
    pki_pair_clear(&etcd->identity);
    free(etcd->authority);
    free(etcd);
}

void etcd_change_cancel(struct etcd_change *etcd)
{
    if (!etcd)
        return;
    close_probes(etcd);
    kube_request_cancel(etcd->request);
    kube_client_free(TAKE_PTR(etcd->client), NULL, NULL);
    uv_close((uv_handle_t *)&etcd->turn, on_closed);
}

static void on_turn(uv_timer_t *timer)
{
    struct etcd_change *etcd = timer->data;
    switch (etcd->state) {
    case LISTING:
        list(etcd);
        return;
    case PROBING:
        probe_all(etcd);
        return;
    case REMOVING:
        remove_chosen(etcd);
        return;
    case ENDED:
        break;
    }
    etcd->options.done(etcd->options.user, etcd->error, etcd->text, etcd->removed);
    etcd_change_cancel(etcd);
}

static size_t collect_urls(const struct cluster_entry *entry, char *urls[ETCD_MEMBERS_MAX])
{
    size_t n = 0, cursor = 0;
    for (struct map_entry_view e; n < ETCD_MEMBERS_MAX && map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        char text[IPV4_TEXT_SIZE];
        ipv4 address = cluster_member_address(member);
        if (member->role == ROLE_CONTROL_PLANE && address && cluster_member_has_joined(member))
            urls[n++] = str_format("https://%s:%d", ipv4_text(address, text), ETCD_CLIENT_PORT);
    }
    return n;
}

static int open_all(struct etcd_change *etcd, const struct cluster_entry *entry)
{
    char *urls[ETCD_MEMBERS_MAX] = {NULL};
    const struct pki_subject subject = {.common_name = "slipway",
                                        .usages = PKI_USAGE_CLIENT,
                                        .lifetime_seconds = CERTIFICATE_SECONDS};
    int r = pki_issue(&entry->pki.etcd_ca, &subject, entry->server->clock, &etcd->identity, NULL);
    etcd->authority = strdup(entry->pki.etcd_ca.certificate);
    if (r == 0 && !etcd->authority)
        r = -ENOMEM;
    size_t n = collect_urls(entry, urls);
    if (r == 0)
        r = n > 0 ? open_client(etcd, (const char *const *)urls, n, &etcd->client) : -ENOTCONN;
    for (size_t i = 0; i < n; i++)
        free(urls[i]);
    return r;
}

int etcd_change_start(struct cluster_entry *entry, const struct etcd_change_options *options,
                      struct etcd_change **ret)
{
    struct etcd_change *etcd = entry->pki_ready ? calloc(1, sizeof(*etcd)) : NULL;
    if (!etcd)
        return -ENOMEM;
    etcd->server = entry->server;
    etcd->options = *options;
    etcd->turn.data = etcd;
    (void)uv_timer_init(&entry->server->loop, &etcd->turn);
    int r = open_all(etcd, entry);
    if (r < 0) {
        etcd_change_cancel(etcd);
        return r;
    }
    next(etcd);
    *ret = etcd;
    return 0;
}
