/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member that was rejected leaves the cluster: its node is cordoned and drained with disruption
 * budgets respected until a deadline, and its Node is deleted. Its certificates are not renewed,
 * and without its Node the authorizer lets them do nothing.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "kube/drain.h"
#include "kube/request.h"
#include "server/cluster-entry.h"

enum { DRAIN_DEADLINE_MS = 10 * 60 * 1000 };

struct cluster_removal {
    struct server *server;
    char *cluster, *machine;
    struct kube_drain *drain; /* NULL: the Node is being deleted */
    bool failed;              /* begins anew after a pause */
};

void cluster_removal_free(void *value)
{
    struct cluster_removal *removal = value;
    if (removal->drain)
        kube_drain_cancel(removal->drain);
    free(removal->cluster);
    free(removal->machine);
    free(removal);
}

static void tell(const struct cluster_removal *removal, bool warning, const char *reason,
                 const char *message)
{
    log_at(warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s: %s: %s", removal->machine, reason,
           message);
    json_auto_t *object = store_get(removal->server->store, &kind_machine, removal->machine);
    if (object)
        (void)!store_event(removal->server->store, object, warning, reason, message);
}

/* Takes it out of its Cluster's list, and looks at the Cluster again. */
static void finish(struct cluster_removal *removal)
{
    struct cluster_entry *entry = clusters_find(removal->server, removal->cluster);
    if (entry) {
        (void)map_removes(entry->removals, removal->machine);
        cluster_touch(entry);
    }
    cluster_removal_free(removal);
}

static void fail(struct cluster_removal *removal)
{
    struct cluster_entry *entry = clusters_find(removal->server, removal->cluster);
    removal->failed = true;
    if (entry)
        cluster_retry(entry);
}

/* ---- the Node ---- */

/* By names: the removal may have been given up meanwhile. */
struct deletion {
    struct server *server;
    char *cluster, *machine;
};

static void on_deleted(void *user, const struct kube_answer *reply)
{
    struct deletion *d = user;
    struct cluster_entry *entry = clusters_find(d->server, d->cluster);
    struct cluster_removal *removal = entry ? map_gets(entry->removals, d->machine) : NULL;
    bool gone = reply->error == 0 || reply->error == -ENOENT;
    if (removal) {
        tell(removal, !gone, gone ? "NodeDeleted" : "NodeNotDeleted",
             gone ? "it is no member of the cluster any more" : reply->status.message);
        gone ? finish(removal) : fail(removal);
    }
    free(d->cluster);
    free(d->machine);
    free(d);
}

static int delete_node(const struct cluster_removal *removal, const struct cluster_entry *entry)
{
    const struct kube_path path = {.kind = &kube_nodes, .name = removal->machine};
    struct deletion *d = calloc(1, sizeof(*d));
    if (d) {
        *d = (struct deletion){removal->server, strdup(removal->cluster), strdup(removal->machine)};
        if (d->cluster && d->machine &&
            kube_delete(cluster_link_client(entry->link), &path, NULL,
                        (struct kube_then){.done = on_deleted, .user = d}) == 0)
            return 0;
        free(d->cluster);
        free(d->machine);
        free(d);
    }
    return -ENOMEM;
}

/* ---- draining ---- */

static void tell_drained(const struct cluster_removal *removal,
                         const struct kube_drain_result *result)
{
    if (result->error == 0) {
        tell(removal, false, "Drained", "its pods have gone elsewhere");
        return;
    }
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "%s", result->message);
    for (size_t i = 0; i < result->n_blockers; i++)
        buf_printf(&text, "; %s/%s: %s", result->blockers[i].namespace, result->blockers[i].name,
                   result->blockers[i].reason);
    tell(removal, true, "DrainIncomplete", buf_str(&text));
}

static void on_drained(void *user, const struct kube_drain_result *result)
{
    struct cluster_removal *removal = user;
    struct cluster_entry *entry = clusters_find(removal->server, removal->cluster);
    removal->drain = NULL;
    tell_drained(removal, result);
    bool away = !entry || !entry->link || !cluster_link_is_up(entry->link);
    if (away || delete_node(removal, entry) < 0)
        fail(removal);
}

static int begin(struct cluster_entry *entry, const char *machine)
{
    struct cluster_removal *removal = calloc(1, sizeof(*removal));
    if (!removal)
        return -ENOMEM;
    removal->server = entry->server;
    removal->cluster = strdup(entry->name);
    removal->machine = strdup(machine);
    const struct kube_drain_options options = {
        .node = machine,
        .deadline_ms = DRAIN_DEADLINE_MS,
        .grace_seconds = -1,
        .user = removal,
        .done = on_drained,
    };
    int r = removal->cluster && removal->machine
                ? kube_drain_start(cluster_link_client(entry->link), &options, &removal->drain)
                : -ENOMEM;
    if (r == 0)
        r = map_puts(entry->removals, machine, removal, NULL);
    if (r < 0)
        cluster_removal_free(removal);
    else
        tell(removal, false, "Draining", "it was rejected: its pods are evicted");
    return r;
}

void cluster_removals_retry(struct cluster_entry *entry)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->removals, &cursor, &e);) {
        const struct cluster_removal *removal = e.value;
        if (!removal->failed)
            continue;
        cluster_removal_free(map_remove(entry->removals, e.key, e.len));
        cursor = 0; /* removing moves others */
    }
}

void cluster_removals_start(struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->link || !cluster_link_is_up(entry->link))
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        const char *name = member->machine->meta.name;
        if (member->approved != TRI_FALSE || !cluster_link_node(entry->link, name) ||
            map_gets(entry->removals, name))
            continue;
        if (begin(entry, name) < 0)
            log_error("%s: cannot be drained", name);
    }
}
