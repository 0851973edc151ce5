/* SPDX-License-Identifier: Apache-2.0 */
/* A Cluster whose join policy says so approves its Machines that nobody has decided about. */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"

static int set_approved(void *data, json_t *object, struct err *err)
{
    (void)data, (void)err;
    if (object_get(object, "spec.approved"))
        return 0; /* somebody was faster, and may have rejected it */
    return object_set(object, "spec.approved", json_true());
}

static void on_approved(void *data, int rc, json_t *object, const struct err *err)
{
    const struct server *server = data;
    if (rc < 0) {
        log_warn("a Machine could not be approved: %s", err_text(err));
        return;
    }
    log_info("%s: approved by its Cluster's join policy", object_name(object));
    (void)!store_event(server->store, object, false, "AutoApproved",
                       "approved by its Cluster's join policy");
}

void cluster_auto_approve(struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->cluster->spec.join_policy.auto_approve)
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->approved == TRI_UNSET &&
            store_mutate(entry->server->store, &kind_machine, STORE_ALL, member->machine->meta.name,
                         set_approved, on_approved, entry->server) < 0)
            log_error("%s: out of memory, it waits for approval", member->machine->meta.name);
    }
}
