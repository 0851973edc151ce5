/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the etcd of the only control plane holds, while that machine is installed anew. Its system
 * is told to stop and to send it (a task of its own kind); cluster-chunks.c keeps it. It counts
 * when the last chunk is on the disk, Cluster.status.saved says so, and the machine has said that
 * it knows: then its etcd stays as it was saved. When the machine has brought it back it is
 * forgotten.
 */
#include "server/cluster-save.h"

#include "base/log.h"
#include "base/str.h"
#include "resource/cluster.h"
#include "server/cluster-task.h"

/* ---- what is known ---- */

bool cluster_save_is_under_way(const struct cluster_entry *entry, const char *machine)
{
    return entry->save && str_eq(entry->save->machine, machine);
}

/* Its system was told to begin with what is saved, and has not said how that ended. */
bool cluster_is_restoring(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    const struct machine *m = member->machine;
    return m->status.join.state == JOIN_RUNNING &&
           str_eq(entry->cluster->status.saved.machine, m->meta.name);
}

/* What may have been back, and may have gone on since, is not what it was. */
bool cluster_is_saved(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    const struct machine *m = member->machine;
    bool known = saved->install_generation == m->spec.install_generation &&
                 str_eq(entry->confirmed_save, saved->id);
    bool away = !cluster_member_has_joined(member) && !cluster_is_restoring(entry, member);
    return str_eq(saved->machine, m->meta.name) && (known || away);
}

static void save_free(struct cluster_save *save)
{
    free(save->machine);
    free(save->id);
    free(save);
}

void cluster_save_free(struct cluster_entry *entry)
{
    struct cluster_save *save = TAKE_PTR(entry->save);
    if (save)
        save_free(save);
}

void cluster_save_end(struct cluster_entry *entry)
{
    cluster_save_free(entry);
    cluster_saved_sweep(entry);
}

void cluster_save_failed(struct cluster_entry *entry, const char *why)
{
    cluster_leaving_not_saved(entry, entry->save->machine, why);
    cluster_save_end(entry);
    cluster_touch(entry);
}

/* id: the name that it goes on under; NULL: a new one. */
static struct cluster_save *save_new(struct cluster_entry *entry, const struct machine *machine,
                                     const char *id)
{
    struct cluster_save *save = calloc(1, sizeof(*save));
    if (!save)
        return NULL;
    save->id = id ? strdup(id) : cluster_task_id(entry->server->rng, "");
    save->machine = strdup(machine->meta.name);
    save->generation = machine->spec.install_generation;
    if (save->id && save->machine)
        return save;
    save_free(save);
    return NULL;
}

/* ---- the machine is told ---- */

static void give(struct cluster_task_input *input, const struct trust_public *key,
                 const char *reason, clusters_answered done, void *data)
{
    struct err err = ERR_INIT;
    _autofree_ char *sealed = NULL;
    input->role = ROLE_CONTROL_PLANE;
    if (cluster_task_seal(input, key, &sealed, &err) < 0)
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, err_text(&err));
    else
        cluster_reply_task(done, data, reason, sealed);
}

/* The same task again as long as the machine does not speak of it: an answer may be lost. */
static void hand_out(const struct cluster_entry *entry, const struct trust_public *key,
                     clusters_answered done, void *data)
{
    struct cluster_task_input input = {
        .cluster = entry->cluster,
        .pki = &entry->pki,
        .kind = PROTOCOL_TASK_SAVE,
        .id = entry->save->id,
        .saved = entry->save->id,
        .machine = entry->save->machine,
    };
    give(&input, key, "the control plane stops, and what etcd holds goes to the server", done,
         data);
}

/* What the machine says of the task. It is told anew when that has failed, or was for nothing. */
static void hear(struct cluster_entry *entry, const struct machine *machine, const char *state,
                 const char *message)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    bool failed = str_eq(state, "failed"), done = str_eq(state, "done");
    bool here = str_eq(saved->id, entry->save->id); /* a moment later than recorded */
    bool current = saved->install_generation == machine->spec.install_generation;
    if (done && here && current)
        (void)!str_replace(&entry->confirmed_save, saved->id);
    if (failed)
        cluster_save_failed(entry, message ? message : "no details");
    else if (done && (here ? !current : !entry->save->recorded))
        cluster_save_end(entry);
    cluster_touch(entry);
}

/*
 * Whether what was recorded is what the machine speaks of, and its etcd is still as it was then:
 * not when the task has failed in the end, nor when it was done for another installation.
 */
static bool goes_on(const struct cluster_saved *saved, const struct machine *machine,
                    const json_t *said)
{
    const char *state = json_string_value(json_object_get(said, "state"));
    bool current = saved->install_generation == machine->spec.install_generation;
    return saved->id && str_eq(json_string_value(json_object_get(said, "task")), saved->id) &&
           str_eq(saved->machine, machine->meta.name) &&
           (str_eq(state, "running") || (str_eq(state, "done") && current));
}

/* After a restart of the server: what was recorded goes on under the name that it has. */
static void begin(struct cluster_entry *entry, const struct machine *machine, const json_t *said)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    cluster_save_free(entry);
    entry->save = save_new(entry, machine, goes_on(saved, machine, said) ? saved->id : NULL);
    cluster_touch(entry);
}

/* ---- it is forgotten ---- */

/* status.saved of a Cluster goes, if it still is the one that was meant. */
struct clearing {
    struct server *server;
    char *cluster, *machine, *id;
    const char *why; /* of the machine */
};

static void clearing_free(struct clearing *c)
{
    free(c->cluster);
    free(c->machine);
    free(c->id);
    free(c);
}

static int clear_saved(void *data, json_t *object, struct err *err)
{
    const struct clearing *c = data;
    (void)err;
    if (str_eq(object_text(object, "status.saved.id"), c->id))
        (void)json_object_del(object_get(object, "status"), "saved");
    return 0;
}

/* Its chunks go as soon as nobody may bring them back any more: see cluster_saved_sweep(). */
static void on_cleared(void *data, int rc, json_t *object, const struct err *err)
{
    struct clearing *c = data;
    (void)object;
    if (rc < 0)
        log_warn("Cluster %s: that its etcd is on %s could not be recorded: %s", c->cluster,
                 c->machine, err_text(err));
    else
        log_info("Cluster %s: its etcd is on %s, %s", c->cluster, c->machine, c->why);
    clearing_free(c);
}

static void forget(const struct cluster_entry *entry, const char *why)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    struct clearing *c = calloc(1, sizeof(*c));
    if (!c)
        return;
    *c = (struct clearing){entry->server, strdup(entry->name), strdup(saved->machine),
                           strdup(saved->id), why};
    if (!c->cluster || !c->machine || !c->id ||
        store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name, clear_saved,
                     on_cleared, c) < 0)
        clearing_free(c);
}

/* ---- it was for nothing ---- */

/* As it says: nothing of its control plane runs, though it stays the member that it was. */
static bool stands_still(struct cluster_entry *entry, const struct machine *machine,
                         const json_t *said)
{
    const struct machine_join *join = &machine->status.join;
    const struct cluster_machine *member = cluster_member_find(entry, machine->meta.name);
    return str_eq(json_string_value(json_object_get(said, "state")), "done") &&
           str_eq(json_string_value(json_object_get(said, "phase")), PROTOCOL_PHASE_SAVED) &&
           join->task && join->state == JOIN_DONE && member &&
           cluster_member_leaves(member) == LEAVE_NOT;
}

/*
 * Its installation was taken back when it had stopped for that: it starts again. First nobody may
 * bring back what was saved, which is out of date from then on. All of that rests on what is kept
 * on disks, here and there, so it may be interrupted anywhere.
 */
static void resume(struct cluster_entry *entry, const struct machine *machine,
                   const struct trust_public *key, clusters_answered done, void *data)
{
    _autofree_ char *id = cluster_task_id(entry->server->rng, "resume-");
    struct cluster_task_input input = {
        .cluster = entry->cluster,
        .pki = &entry->pki,
        .kind = PROTOCOL_TASK_RESUME,
        .id = id,
        .machine = machine->meta.name,
    };
    if (str_eq(entry->cluster->status.saved.machine, machine->meta.name)) {
        forget(entry, "which is not installed anew: it starts again");
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_SOON,
                      "it is not installed anew after all");
    } else if (!id) {
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, "the server is out of memory");
    } else {
        give(&input, key, "the control plane starts again", done, data);
    }
}

/* ---- what it says ---- */

bool clusters_save(struct server *server, const struct machine *machine,
                   const struct trust_public *key, const json_t *said, clusters_answered done,
                   void *data)
{
    const char *name = machine->meta.name;
    const char *task = json_string_value(json_object_get(said, "task"));
    struct cluster_entry *entry = clusters_of_machine(server, name);
    if (!entry || !entry->cluster || !entry->pki_ready)
        return false;
    if (!cluster_leaving_saves(entry, name)) {
        bool still = stands_still(entry, machine, said);
        if (still)
            resume(entry, machine, key, done, data);
        return still;
    }
    if (!cluster_save_is_under_way(entry, name))
        begin(entry, machine, said);
    if (!entry->save)
        return false;
    if (!str_eq(task, entry->save->id)) {
        hand_out(entry, key, done, data);
        return true;
    }
    hear(entry, machine, json_string_value(json_object_get(said, "state")),
         json_string_value(json_object_get(said, "message")));
    cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_SOON,
                  "what etcd holds goes to the server");
    return true;
}

/* ---- the end ---- */

/* The machine runs with it, as what it was saved for. */
static bool is_back(const struct cluster_entry *entry)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    const struct cluster_machine *member = cluster_member_find(entry, saved->machine);
    return member && cluster_member_has_joined(member) &&
           member->machine->status.installed_generation >= saved->install_generation;
}

void cluster_saved_clean(struct cluster_entry *entry)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    if (saved->machine && saved->id && is_back(entry))
        forget(entry, "which runs with it");
}
