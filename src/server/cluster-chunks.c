/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine saves of its etcd, on the server's disk: kept as it comes, sealed with a key that
 * is made from etcd's authority, one file for each chunk, in saved/CLUSTER/ID of the state folder.
 */
#include "server/cluster-save.h"

#include <dirent.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "resource/cluster.h"

#define TOP "saved" /* of the state folder */

enum { CHUNK_TEXT_MAX = PROTOCOL_CHUNK_SIZE * 2 };

/* What stays free for the server itself: its store is on the same disk, as a rule. */
enum { RESERVE = 256 << 20, MIB = 1 << 20 };

/* One that is written or read by another thread; names, because all else may go meanwhile. */
struct chunk_work {
    uv_work_t work;
    struct server *server;
    char *cluster, *machine;
    char *folder;  /* saved/CLUSTER */
    char *keep[2]; /* sweeping: what stays; NULL: nothing */
    bool counted;  /* in the Cluster's chunk_works */
    struct protocol_chunk chunk;
    int result;
    struct err err;
    clusters_chunk_answered done;
    void *data;
};

static void work_over(const struct chunk_work *w)
{
    struct cluster_entry *entry = w->counted ? clusters_find(w->server, w->cluster) : NULL;
    if (!entry)
        return;
    entry->chunk_works--;
    if (entry->sweep_due)
        cluster_saved_sweep(entry);
}

static void work_free(struct chunk_work *w)
{
    work_over(w);
    protocol_chunk_free(&w->chunk);
    free(w->cluster);
    free(w->machine);
    free(w->folder);
    free(w->keep[0]);
    free(w->keep[1]);
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
static struct chunk_work *work_new(struct cluster_entry *entry, const char *machine,
                                   struct protocol_chunk *chunk)
{
    struct chunk_work *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->server = entry->server;
    w->cluster = strdup(entry->name);
    w->machine = strdup(machine);
    w->folder = str_format("%s/" TOP "/%s", entry->server->state_dir, entry->name);
    if (!w->cluster || !w->machine || !w->folder) {
        work_free(w);
        return NULL;
    }
    w->counted = true;
    entry->chunk_works++;
    w->chunk = *chunk;
    *chunk = (struct protocol_chunk){0};
    return w;
}

/* False: it was answered already. */
static bool work_begin(struct cluster_entry *entry, const char *machine,
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

/* For all of it, as large as the machine says that it is; base64 makes that larger. */
static int check_room(const struct chunk_work *w, struct err *err)
{
    struct statvfs st;
    if (statvfs(w->folder, &st) < 0)
        return err_errno(err, -errno, "%s", w->folder);
    uint64_t there = (uint64_t)st.f_bavail * st.f_frsize / MIB;
    uint64_t needed = (w->chunk.size / 3 * 4 + RESERVE) / MIB + 1;
    if (needed <= there)
        return 0;
    return err_set(err, -ENOSPC,
                   "%s has %llu MiB free, and %llu are needed (%d of them stay free): make room "
                   "on the server's disk",
                   w->folder, (unsigned long long)there, (unsigned long long)needed, RESERVE / MIB);
}

/* Its first one, or the question whether there is room for it. */
static int prepare(const struct chunk_work *w, struct err *err)
{
    int r = make_folders(w, err);
    return r < 0 || w->chunk.index > 0 ? r : check_room(w, err);
}

static int write_chunk(const struct chunk_work *w, struct err *err)
{
    _autofree_ char *path = chunk_path(w);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = file_write_atomic(path, w->chunk.sealed, strlen(w->chunk.sealed), 0600, err);
    return r == -ENOSPC
               ? err_set(err, r, "%s: there is no room: make some on the server's disk", w->folder)
               : r;
}

static void write_work(uv_work_t *work)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    w->result = prepare(w, &w->err);
    if (w->result == 0 && w->chunk.sealed)
        w->result = write_chunk(w, &w->err);
}

/* All that came of it goes at once: where there is no room for it, the server's store starves. */
static void refuse(struct cluster_entry *entry, struct chunk_work *w, const struct err *why)
{
    struct cluster_save *save = entry ? entry->save : NULL;
    log_error("Cluster %s: its etcd cannot be kept: %s", w->cluster, err_text(why));
    if (save && str_eq(save->id, w->chunk.id))
        cluster_save_failed(entry, err_text(why));
    work_end(w, PROTOCOL_REJECT, err_text(why));
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
    free(recording);
    if (rc < 0) {
        refuse(entry, w, err);
        return;
    }
    if (entry && entry->save && str_eq(entry->save->id, w->chunk.id))
        entry->save->recorded = true;
    if (entry)
        cluster_tell(entry, false, "EtcdSaved",
                     "what etcd holds is with the server; the control plane is installed anew");
    work_end(w, PROTOCOL_OK, NULL);
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
    (void)err_set(&w->err, -ENOMEM, "the server is out of memory");
    refuse(entry, w, &w->err);
}

static void written(uv_work_t *work, int status)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    struct cluster_entry *entry = clusters_find(w->server, w->cluster);
    struct cluster_save *save = entry ? entry->save : NULL;
    if (!save || !str_eq(save->id, w->chunk.id)) {
        if (entry)
            entry->sweep_due = true;
        work_end(w, PROTOCOL_REJECT, "the server does not want it any more");
        return;
    }
    save->writing = false;
    if (status < 0 || w->result < 0) {
        refuse(entry, w, &w->err);
        return;
    }
    if (w->chunk.sealed) {
        save->next++;
        save->bytes += strlen(w->chunk.sealed);
    }
    if (w->chunk.sealed && w->chunk.last)
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
    else if (!save || !str_eq(save->machine, machine) || !str_eq(save->id, chunk->id))
        done(data, PROTOCOL_REJECT, "it was not asked for", NULL);
    else if (entry->sweeping)
        done(data, PROTOCOL_WAIT, "what was kept before is being removed", NULL);
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
    struct cluster_entry *entry = clusters_of_machine(server, machine);
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

/* ---- what nobody needs any more goes ---- */

static int remove_one(const struct chunk_work *w, const char *name, struct err *err)
{
    if (name[0] == '.' || str_eq(name, w->keep[0]) || str_eq(name, w->keep[1]))
        return 0;
    _autofree_ char *path = str_format("%s/%s", w->folder, name);
    return path ? tree_remove(path, err) : err_set(err, -ENOMEM, "out of memory");
}

static int remove_others(const struct chunk_work *w, struct err *err)
{
    DIR *folder = opendir(w->folder);
    int r = 0;
    if (!folder)
        return errno == ENOENT ? 0 : err_errno(err, -errno, "%s", w->folder);
    for (struct dirent *e; r == 0 && (e = readdir(folder));)
        r = remove_one(w, e->d_name, err);
    (void)closedir(folder);
    (void)rmdir(w->folder); /* when nothing is left in it */
    return r;
}

static void sweep_work(uv_work_t *work)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    w->result = remove_others(w, &w->err);
}

static void swept(uv_work_t *work, int status)
{
    struct chunk_work *w = container_of(work, struct chunk_work, work);
    struct cluster_entry *entry = clusters_find(w->server, w->cluster);
    if (status < 0 || w->result < 0)
        log_warn("Cluster %s: what was saved of its etcd is still there: %s", w->cluster,
                 err_text(&w->err));
    if (entry)
        entry->sweeping = false;
    work_free(w);
}

/* What status.saved names, as it is on the disk now, and what is under way. */
static int keep_what_counts(const struct cluster_entry *entry, struct chunk_work *w)
{
    json_auto_t *object = store_get(entry->server->store, &kind_cluster, entry->name);
    int r = str_replace(&w->keep[0], object ? object_text(object, "status.saved.id") : NULL);
    return r < 0 ? r : str_replace(&w->keep[1], entry->save ? entry->save->id : NULL);
}

void cluster_saved_sweep(struct cluster_entry *entry)
{
    struct protocol_chunk none = {0};
    entry->sweep_due = entry->chunk_works > 0; /* the last of them comes here again */
    struct chunk_work *w = entry->sweep_due ? NULL : work_new(entry, "", &none);
    if (!w)
        return;
    if (keep_what_counts(entry, w) < 0) {
        work_free(w);
        return;
    }
    entry->sweeping = true;
    if (uv_queue_work(&entry->server->loop, &w->work, sweep_work, swept) < 0)
        swept(&w->work, UV_ENOMEM);
}
