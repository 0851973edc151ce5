/* SPDX-License-Identifier: Apache-2.0 */
/* A Cluster whose join policy says so approves its Machines that nobody has decided about. */
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"

struct approval {
    struct server *server;
    char *cluster;
    bool done; /* by us */
};

static int set_approved(void *data, json_t *object, struct err *err)
{
    struct approval *approval = data;
    _autofree_ char *cluster = clusters_name_of(approval->server, object);
    (void)err;
    approval->done = !object_get(object, "spec.approved") && str_eq(cluster, approval->cluster);
    if (!approval->done)
        return 0; /* somebody was faster, and may have rejected it */
    return object_set(object, "spec.approved", json_true());
}

static void approval_free(struct approval *approval)
{
    if (approval)
        free(approval->cluster);
    free(approval);
}

static void on_approved(void *data, int rc, json_t *object, const struct err *err)
{
    struct approval *approval = data;
    char message[320];
    if (rc < 0) {
        log_warn("a Machine could not be approved: %s", err_text(err));
    } else if (approval->done) {
        (void)snprintf(message, sizeof(message), "approved by the join policy of Cluster %s",
                       approval->cluster);
        log_info("%s: %s", object_name(object), message);
        (void)!store_event(approval->server->store, object, false, "AutoApproved", message);
    }
    approval_free(approval);
}

static void approve(const struct cluster_entry *entry, const char *machine)
{
    struct store *store = entry->server->store;
    struct approval *approval = calloc(1, sizeof(*approval));
    if (approval)
        *approval = (struct approval){.server = entry->server, .cluster = strdup(entry->name)};
    if (approval && approval->cluster &&
        store_mutate(store, &kind_machine, STORE_ALL, machine, set_approved, on_approved,
                     approval) == 0)
        return;
    approval_free(approval);
    log_error("%s: out of memory, it waits for approval", machine);
}

void cluster_auto_approve(struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->cluster->spec.join_policy.auto_approve)
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->approved == TRI_UNSET)
            approve(entry, member->machine->meta.name);
    }
}
