/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rejected machine that has left its Cluster, and whose system still is a node: it is told to
 * stop being one. kubelet would go on with its certificate as long as that is valid, and make its
 * Node again whenever that is deleted. One that does not obey can do no more than that: its Node is
 * deleted again, and it gets no other certificate.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"
#include "server/cluster-task.h"

/* By its own word, and not at a task just now. */
static bool is_node(const json_t *said)
{
    const char *state = json_string_value(json_object_get(said, "state"));
    return !str_empty(json_string_value(json_object_get(said, "nodeName"))) &&
           !str_eq(state, "running");
}

static bool has_left(const struct cluster_entry *entry, const struct machine *machine)
{
    return !machine->status.join.task && !map_gets(entry->leavings, machine->meta.name);
}

static int make_task(const struct cluster_entry *entry, const struct machine *machine,
                     const struct trust_public *key, char **ret_sealed, struct err *err)
{
    _autofree_ char *id = cluster_task_id(entry->server->rng, CLUSTER_TASK_RESET);
    const struct cluster_task_input input = {
        .cluster = entry->cluster,
        .pki = &entry->pki,
        .kind = PROTOCOL_TASK_RESET,
        .id = id,
        .machine = machine->meta.name,
    };
    return id ? cluster_task_seal(&input, key, ret_sealed, err)
              : err_set(err, -ENOMEM, "out of memory");
}

bool clusters_reset(struct server *server, const struct machine *machine,
                    const struct trust_public *key, const json_t *said, clusters_answered done,
                    void *data)
{
    const char *name = machine->meta.name;
    const struct cluster_entry *entry = clusters_of_machine(server, name);
    _autofree_ char *sealed = NULL;
    struct err err = ERR_INIT;
    if (!entry || !entry->cluster || !is_node(said) || !has_left(entry, machine))
        return false;
    if (make_task(entry, machine, key, &sealed, &err) < 0) {
        log_warn("%s: it was rejected and still is a node: %s", name, err_text(&err));
        return false;
    }
    log_info("%s: it was rejected: it is told to stop being a node of Cluster %s", name,
             entry->name);
    cluster_reply_task(done, data, "this machine was rejected: it stops being a node", sealed);
    return true;
}
