/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the etcd of the only control plane holds, while that machine is installed anew. Its system
 * is told to stop and to send it (a task of its own kind); it is kept as it comes, sealed with a
 * key that is made from etcd's authority, one file for each chunk, in saved/CLUSTER/ID of the state
 * folder. It counts when the last chunk is on the disk, Cluster.status.saved says so, and the
 * machine has said that it knows: then its etcd stays as it was saved. When the machine has brought
 * it back it is removed.
 */
#include <dirent.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "resource/cluster.h"
#include "server/cluster-entry.h"
#include "server/cluster-task.h"

#define TOP "saved" /* of the state folder */

enum { POLL_SOON = 2, POLL_LATER = 15 };
enum { CHUNK_TEXT_MAX = PROTOCOL_CHUNK_SIZE * 2 };

struct cluster_save {
    char *machine;
    char *id;
    int64_t generation; /* of the installation that it comes before */
    uint64_t next;      /* chunks that are kept */
    uint64_t bytes;
    bool writing;  /* the next one is on its way to the disk */
    bool recorded; /* status.saved says that all of it is here */
};

/* ---- what is known ---- */

bool cluster_save_is_under_way(const struct cluster_entry *entry, const char *machine)
{
    return entry->save && str_eq(entry->save->machine, machine);
}

bool cluster_is_saved(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    const struct machine *m = member->machine;
    bool known = saved->install_generation == m->spec.install_generation &&
                 str_eq(entry->confirmed_save, saved->id);
    return str_eq(saved->machine, m->meta.name) && (known || !cluster_member_has_joined(member));
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

static void answer(clusters_answered done, void *data, enum protocol_action action, uint32_t poll,
                   const char *reason, const char *sealed)
{
    const struct cluster_answer a = {
        .action = action, .poll_seconds = poll, .reason = reason, .sealed_task = sealed};
    done(data, &a);
}

static int make_task(const struct cluster_entry *entry, const struct trust_public *key,
                     char **ret_sealed, struct err *err)
{
    struct protocol_task task _autotask_ = {0};
    const struct cluster_task_input input = {
        .cluster = entry->cluster,
        .pki = &entry->pki,
        .kind = PROTOCOL_TASK_SAVE,
        .role = ROLE_CONTROL_PLANE,
        .id = entry->save->id,
        .saved = entry->save->id,
        .machine = entry->save->machine,
    };
    int r = cluster_task_fill(&input, &task, err);
    return r < 0 ? r : protocol_task_seal(&task, key, ret_sealed, err);
}

/* The same task again as long as the machine does not speak of it: an answer may be lost. */
static void hand_out(const struct cluster_entry *entry, const struct trust_public *key,
                     clusters_answered done, void *data)
{
    struct err err = ERR_INIT;
    _autofree_ char *sealed = NULL;
    if (make_task(entry, key, &sealed, &err) < 0)
        answer(done, data, PROTOCOL_WAIT, POLL_LATER, err_text(&err), NULL);
    else
        answer(done, data, PROTOCOL_TASK, POLL_SOON,
               "the control plane stops, and what etcd holds goes to the server", sealed);
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
        cluster_leaving_not_saved(entry, machine->meta.name, message ? message : "no details");
    if (failed || (done && (here ? !current : !entry->save->recorded)))
        cluster_save_free(entry);
    cluster_touch(entry);
}

/* After a restart of the server: what was recorded goes on under the name that it has. */
static void begin(struct cluster_entry *entry, const struct machine *machine, const char *task)
{
    const struct cluster_saved *saved = &entry->cluster->status.saved;
    bool recorded = task && str_eq(task, saved->id) && str_eq(saved->machine, machine->meta.name);
    cluster_save_free(entry);
    entry->save = save_new(entry, machine, recorded ? task : NULL);
    cluster_touch(entry);
}

bool clusters_save(struct server *server, const struct machine *machine,
                   const struct trust_public *key, const json_t *said, clusters_answered done,
                   void *data)
{
    const char *cluster = machine->spec.cluster, *name = machine->meta.name;
    const char *task = json_string_value(json_object_get(said, "task"));
    struct cluster_entry *entry = str_empty(cluster) ? NULL : clusters_find(server, cluster);
    if (!entry || !entry->cluster || !entry->pki_ready || !cluster_leaving_saves(entry, name))
        return false;
    if (!cluster_save_is_under_way(entry, name))
        begin(entry, machine, task);
    if (!entry->save)
        return false;
    if (!str_eq(task, entry->save->id)) {
        hand_out(entry, key, done, data);
        return true;
    }
    hear(entry, machine, json_string_value(json_object_get(said, "state")),
         json_string_value(json_object_get(said, "message")));
    answer(done, data, PROTOCOL_WAIT, POLL_SOON, "what etcd holds goes to the server", NULL);
    return true;
}

/* ---- chunks ---- */

/* One that is written or read by another thread; names, because all else may go meanwhile. */
struct chunk_work {
    uv_work_t work;
    struct server *server;
    char *cluster, *machine;
    char *folder; /* saved/CLUSTER */
    char *keep;   /* what may not go when a new one begins; NULL: nothing */
    struct protocol_chunk chunk;
    int result;
    struct err err;
    clusters_chunk_answered done;
    void *data;
};

static void work_free(struct chunk_work *w)
{
    protocol_chunk_free(&w->chunk);
    free(w->cluster);
    free(w->machine);
    free(w->folder);
    free(w->keep);
    free(w);
}

static void work_end(struct chunk_work *w, enum protocol_action action, const char *reason)
{
    w->done(w->data, action, reason, &w->chunk);
    work_free(w);
}

static char *chunk_path(const struct chunk_work *w)
{
    return str_format("%s/%s/%05u", w->folder, w->chunk.id, (unsigned)w->chunk.index);
}

/* *chunk is taken over when that succeeds. */
static struct chunk_work *work_new(const struct cluster_entry *entry, const char *machine,
                                   struct protocol_chunk *chunk)
{
    struct chunk_work *w = calloc(1, sizeof(*w));
    const char *keep = entry->cluster->status.saved.id;
    if (!w)
        return NULL;
    w->server = entry->server;
    w->cluster = strdup(entry->name);
    w->machine = strdup(machine);
    w->folder = str_format("%s/" TOP "/%s", entry->server->state_dir, entry->name);
    w->keep = keep ? strdup(keep) : NULL;
    if (!w->cluster || !w->machine || !w->folder || (keep && !w->keep)) {
        work_free(w);
        return NULL;
    }
    w->chunk = *chunk;
    *chunk = (struct protocol_chunk){0};
    return w;
}

/* False: it was answered already. */
static bool work_begin(const struct cluster_entry *entry, const char *machine,
                       struct protocol_chunk *chunk, uv_work_cb work, uv_after_work_cb after,
                       clusters_chunk_answered done, void *data)
{
    struct chunk_work *w = work_new(entry, machine, chunk);
    if (!w) {
        done(data, PROTOCOL_WAIT, "the server is out of memory", NULL);
        return false;
    }
    w->done = done;
    w->data = data;
    if (uv_queue_work(&w->server->loop, &w->work, work, after) == 0)
        return true;
    work_end(w, PROTOCOL_WAIT, "the server is out of memory");
    return false;
}

/* ---- one is kept ---- */

/* Of attempts that came to nothing. */
static int remove_others(const struct chunk_work *w, struct err *err)
{
    DIR *folder = opendir(w->folder);
    int r = 0;
    if (!folder)
        return err_errno(err, -errno, "%s", w->folder);
    for (struct dirent *e; r == 0 && (e = readdir(folder));) {
        bool keep =
            e->d_name[0] == '.' || str_eq(e->d_name, w->keep) || str_eq(e->d_name, w->chunk.id);
        _autofree_ char *path = str_format("%s/%s", w->folder, e->d_name);
        if (!path)
            r = err_set(err, -ENOMEM, "out of memory");
        else if (!keep)
            r = tree_remove(path, err);
    }
    (void)closedir(folder);
    return r;
}

/* All of them closed to others: what dir_make() makes above the last one is not. */
static int make_folders(const struct chunk_work *w, struct err *err)
{
    _autofree_ char *top = str_format("%s/" TOP, w->server->state_dir);
    _autofree_ char *folder = str_format("%s/%s", w->folder, w->chunk.id);
    if (!top || !folder)
        return err_set(err, -ENOMEM, "out of memory");
    int r = dir_make(top, 0700, err);
    if (r == 0)
        r = dir_make(w->folder, 0700, err);
    return r < 0 ? r : dir_make(folder, 0700, err);
}

static int write_chunk(const struct chunk_work *w, struct err *err)
{
    _autofree_ char *path = chunk_path(w);
    int r = path ? make_folders(w, err) : err_set(err, -ENOMEM, "out of memory");
    if (r == 0 && w->chunk.index == 0)
        r = remove_others(w, err);
    return r < 0 ? r : file_write_atomic(path, w->chunk.sealed, strlen(w->chunk.sealed), 0600, err);
}

static void write_work(uv_work_t *work)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    w->result = write_chunk(w, &w->err);
}

struct recording {
    struct chunk_work *work;
    struct cluster_saved saved; /* its texts are the work's */
};

static int set_saved(void *data, json_t *object, struct err *err)
{
    const struct cluster_saved *saved = &((const struct recording *)data)->saved;
    char text[CLOCK_TEXT_SIZE];
    (void)err;
    return object_set(object, "status.saved",
                      json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "machine", saved->machine, "id",
                                saved->id, "installGeneration",
                                (json_int_t)saved->install_generation, "chunks",
                                (json_int_t)saved->chunks, "bytes", (json_int_t)saved->bytes,
                                "savedAt", clock_text(saved->saved_at, text)));
}

static void on_recorded(void *data, int rc, json_t *object, const struct err *err)
{
    struct recording *recording = data;
    struct chunk_work *w = recording->work;
    struct cluster_entry *entry = clusters_find(w->server, w->cluster);
    (void)object;
    if (rc == 0 && entry && entry->save && str_eq(entry->save->id, w->chunk.id))
        entry->save->recorded = true;
    if (rc == 0 && entry)
        cluster_tell(entry, false, "EtcdSaved",
                     "what etcd holds is with the server; the control plane is installed anew");
    work_end(w, rc < 0 ? PROTOCOL_REJECT : PROTOCOL_OK, rc < 0 ? err_text(err) : NULL);
    free(recording);
}

/* Durable, before the machine hears that its disk may be written. */
static void record(struct cluster_entry *entry, struct chunk_work *w)
{
    struct recording *recording = calloc(1, sizeof(*recording));
    if (recording)
        *recording = (struct recording){
            .work = w,
            .saved = {.machine = w->machine,
                      .id = w->chunk.id,
                      .install_generation = entry->save->generation,
                      .chunks = (int64_t)entry->save->next,
                      .bytes = (int64_t)entry->save->bytes,
                      .saved_at = clock_wall(entry->server->clock)},
        };
    if (recording && store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name,
                                  set_saved, on_recorded, recording) == 0)
        return;
    free(recording);
    work_end(w, PROTOCOL_REJECT, "the server is out of memory");
}

static void written(uv_work_t *work, int status)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    struct cluster_entry *entry = clusters_find(w->server, w->cluster);
    struct cluster_save *save = entry ? entry->save : NULL;
    if (!save || !str_eq(save->id, w->chunk.id)) {
        work_end(w, PROTOCOL_REJECT, "the server does not want it any more");
        return;
    }
    save->writing = false;
    if (status < 0 || w->result < 0) {
        log_error("Cluster %s: its etcd cannot be kept: %s", w->cluster, err_text(&w->err));
        work_end(w, PROTOCOL_REJECT, err_text(&w->err));
        return;
    }
    save->next++;
    save->bytes += strlen(w->chunk.sealed);
    if (w->chunk.last)
        record(entry, w);
    else
        work_end(w, PROTOCOL_OK, NULL);
}

void clusters_put_chunk(struct server *server, const char *machine, struct protocol_chunk *chunk,
                        clusters_chunk_answered done, void *data)
{
    struct cluster_entry *entry = clusters_of_machine(server, machine);
    struct cluster_save *save = entry && entry->cluster ? entry->save : NULL;
    if (entry && entry->cluster && str_eq(entry->cluster->status.saved.id, chunk->id) &&
        str_eq(entry->cluster->status.saved.machine, machine))
        done(data, PROTOCOL_OK, NULL, NULL); /* all of it is here: the last answer was lost */
    else if (!save || !str_eq(save->machine, machine) || !str_eq(save->id, chunk->id) ||
             !chunk->sealed)
        done(data, PROTOCOL_REJECT, "it was not asked for", NULL);
    else if (save->writing || (chunk->last && chunk->index < save->next))
        done(data, PROTOCOL_WAIT, "another chunk is on its way to the disk", NULL);
    else if (chunk->index < save->next)
        done(data, PROTOCOL_OK, NULL, NULL); /* this one is here */
    else if (chunk->index != save->next)
        done(data, PROTOCOL_REJECT, "it is not the next chunk", NULL);
    else
        save->writing = work_begin(entry, machine, chunk, write_work, written, done, data);
}

/* ---- one is given back ---- */

static void read_work(uv_work_t *work)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    _autofree_ char *path = chunk_path(w);
    w->result = path ? file_read(path, CHUNK_TEXT_MAX, &w->chunk.sealed, NULL, &w->err)
                     : err_set(&w->err, -ENOMEM, "out of memory");
}

static void read_done(uv_work_t *work, int status)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    if (status < 0 || w->result < 0)
        work_end(w, PROTOCOL_REJECT, err_text(&w->err));
    else
        work_end(w, PROTOCOL_OK, NULL);
}

void clusters_get_chunk(struct server *server, const char *machine, struct protocol_chunk *chunk,
                        clusters_chunk_answered done, void *data)
{
    const struct cluster_entry *entry = clusters_of_machine(server, machine);
    const struct cluster_saved *saved =
        entry && entry->cluster ? &entry->cluster->status.saved : NULL;
    if (!saved || !str_eq(saved->machine, machine) || !str_eq(saved->id, chunk->id) ||
        (int64_t)chunk->index >= saved->chunks) {
        done(data, PROTOCOL_REJECT, "nothing of that name is saved for this machine", NULL);
        return;
    }
    chunk->last = (int64_t)chunk->index + 1 == saved->chunks;
    free(TAKE_PTR(chunk->sealed));
    (void)work_begin(entry, machine, chunk, read_work, read_done, done, data);
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

static int clear_saved(void *data, json_t *object, struct err *err)
{
    (void)data, (void)err;
    (void)json_object_del(object_get(object, "status"), "saved");
    return 0;
}

static void remove_work(uv_work_t *work)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    w->result = tree_remove(w->folder, &w->err);
}

static void remove_done(uv_work_t *work, int status)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    if (status < 0 || w->result < 0)
        log_warn("Cluster %s: what was saved of its etcd is still there: %s", w->cluster,
                 err_text(&w->err));
    work_free(w);
}

/* First nobody may bring it back any more; then it goes. */
static void on_cleared(void *data, int rc, json_t *object, const struct err *err)
{
    struct chunk_work *w = data;
    (void)object;
    if (rc < 0) {
        log_warn("Cluster %s: that its etcd is back could not be recorded: %s", w->cluster,
                 err_text(err));
        work_free(w);
        return;
    }
    log_info("Cluster %s: its etcd is back on %s", w->cluster, w->machine);
    if (uv_queue_work(&w->server->loop, &w->work, remove_work, remove_done) < 0)
        remove_done(&w->work, UV_ENOMEM);
}

void cluster_saved_clean(struct cluster_entry *entry)
{
    const char *machine = entry->cluster->status.saved.machine;
    struct protocol_chunk none = {0};
    if (!machine || !is_back(entry))
        return;
    struct chunk_work *w = work_new(entry, machine, &none);
    if (w && store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name,
                          clear_saved, on_cleared, w) < 0)
        work_free(w);
}
