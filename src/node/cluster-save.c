/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only control plane of a cluster is installed anew: its disk holds the only etcd. So it stops
 * its static Pods, and what etcd has written until then goes to the server, sealed. Nothing is
 * written to etcd after that: this control plane starts again only when saving has failed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-run.h"

#define MANIFESTS "/etc/kubernetes/manifests"
#define ETCD_FILE "/var/lib/etcd/member/snap/db"

enum { POLL_MS = 200 };

/* ---- the static Pods ---- */

static int move_one(const char *from, const char *to, const char *name, struct err *err)
{
    _autofree_ char *old = str_format("%s/%s", from, name), *new = str_format("%s/%s", to, name);
    if (!old || !new)
        return err_set(err, -ENOMEM, "out of memory");
    return rename(old, new) < 0 ? err_errno(err, -errno, "cannot move %s to %s", old, new) : 0;
}

static int move_files(const char *from, const char *to, struct err *err)
{
    DIR *folder = opendir(from);
    if (!folder)
        return err_errno(err, -errno, "%s", from);
    int r = 0;
    for (struct dirent *e; r == 0 && (e = readdir(folder));) {
        if (e->d_type == DT_REG)
            r = move_one(from, to, e->d_name, err);
    }
    (void)closedir(folder);
    return r < 0 ? r : dir_sync(to);
}

/* Moves the files of one folder below the root into another one. */
static int move_all(const struct cluster_run *run, const char *from, const char *to,
                    struct err *err)
{
    _autofree_ char *source = node_path(run->node, from), *target = node_path(run->node, to);
    if (!source || !target)
        return err_set(err, -ENOMEM, "out of memory");
    int r = dir_make(target, 0700, err);
    return r < 0 ? r : move_files(source, target, err);
}

/*
 * etcd locks its file (flock(2)) before it reads or writes anything, and as long as it runs. So
 * whoever has that lock keeps it from starting, whatever kubelet does. 0: it is ours; *ret_lock
 * stays -1 where there is no such file.
 */
static int try_etcd(const struct cluster_run *run, int *ret_lock)
{
    _autofree_ char *path = node_path(run->node, ETCD_FILE);
    _autofd_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (!path)
        return -ENOMEM;
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    *ret_lock = TAKE_FD(fd);
    return 0;
}

static int wait_for_etcd(struct cluster_run *run, int *ret_lock)
{
    for (;;) {
        int r = try_etcd(run, ret_lock);
        if (r != -EWOULDBLOCK)
            return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "%s: %s", ETCD_FILE,
                                        strerror(-r))
                         : 0;
        if (cluster_is_cancelled(run))
            return cluster_fail(run, -EINTR, PROTOCOL_FAILURE_INTERRUPTED, "it was interrupted");
        if (cluster_left_ms(run) <= 1)
            return cluster_fail(run, -ETIMEDOUT, PROTOCOL_FAILURE_SAVE,
                                "etcd did not stop in time, though its manifest is gone from %s",
                                MANIFESTS);
        clock_sleep_ms(POLL_MS);
    }
}

static int stop(struct cluster_run *run, int *ret_lock)
{
    struct err err = ERR_INIT;
    cluster_set_phase(run, "etcd-stop");
    int r = move_all(run, MANIFESTS, CLUSTER_STOPPED, &err);
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "%s", err_text(&err));
    return wait_for_etcd(run, ret_lock);
}

int cluster_start_again(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    (void)!cluster_secret_remove(run->node, CLUSTER_SAVED_FILE, NULL);
    if (!node_exists(run->node, CLUSTER_STOPPED))
        return 0;
    log_info("The control plane starts again.");
    int r = move_all(run, CLUSTER_STOPPED, MANIFESTS, &err);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "%s", err_text(&err)) : 0;
}

/* ---- first of all ---- */

/* Bytes between holes: etcd makes its log's files 64 MiB long before it writes them. */
static uint64_t data_of(const char *path, off_t size)
{
    _autofd_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    uint64_t sum = 0;
    if (fd < 0)
        return 0; /* etcd has removed it meanwhile */
    for (off_t from, to = 0; (from = lseek(fd, to, SEEK_DATA)) >= 0 && from < size;) {
        to = lseek(fd, from, SEEK_HOLE);
        if (to <= from)
            break;
        sum += (uint64_t)(to - from);
    }
    return sum;
}

/* What etcd's folder holds: compressed, it is less. */
static int measure(const char *folder, uint64_t *ret)
{
    _autofree_ char *copy = strdup(folder);
    char *const paths[] = {copy, NULL};
    FTS *fts = copy ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    if (!fts)
        return copy ? -errno : -ENOMEM;
    *ret = 0;
    for (FTSENT *e; (e = fts_read(fts));) {
        if (e->fts_info == FTS_F)
            *ret += data_of(e->fts_accpath, e->fts_statp->st_size);
    }
    return fts_close(fts) < 0 ? -errno : 0;
}

/* So that the control plane is not stopped for nothing. */
static int ask_for_room(struct cluster_run *run)
{
    struct protocol_chunk chunk = {.id = run->task.saved};
    _autofree_ char *folder = node_path(run->node, CLUSTER_ETCD_FOLDER "/etcd");
    cluster_set_phase(run, "etcd-room");
    if (!run->tools->chunk)
        return cluster_fail(run, -ENOTCONN, PROTOCOL_FAILURE_TASK_INVALID,
                            "this machine has no server");
    if (!node_exists(run->node, ETCD_FILE))
        return cluster_fail(run, -ENOENT, PROTOCOL_FAILURE_SAVE, "there is no %s here", ETCD_FILE);
    int r = folder ? measure(folder, &chunk.size) : -ENOMEM;
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "etcd's folder: %s", strerror(-r));
    return cluster_exchange(run, PROTOCOL_PATH_SAVE, PROTOCOL_FAILURE_SAVE, &chunk);
}

/* ---- one file ---- */

static int archive(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    _autofree_ char *folder = node_path(run->node, CLUSTER_ETCD_FOLDER);
    _autofree_ char *file = node_path(run->node, CLUSTER_SAVED_FILE);
    const char *const command[] = {"tar", "--create",    "--gzip", "--sparse", "--file",
                                   file,  "--directory", folder,   "etcd",     NULL};
    const struct proc_options options = {.timeout_ms = cluster_left_ms(run),
                                         .cancel = run->tools->cancel};
    cluster_set_phase(run, "etcd-archive");
    int r = folder && file ? proc_run(command, &options, NULL, &err)
                           : err_set(&err, -ENOMEM, "out of memory");
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "%s", err_text(&err)) : 0;
}

/* ---- to the server ---- */

static int send_one(struct cluster_run *run, const uint8_t *key, struct protocol_chunk *chunk,
                    const char *data, size_t len)
{
    int r = trust_chunk_seal(key, chunk->index, chunk->last, data, len, &chunk->sealed);
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_SAVE, "out of memory");
    r = cluster_exchange(run, PROTOCOL_PATH_SAVE, PROTOCOL_FAILURE_SAVE, chunk);
    free(TAKE_PTR(chunk->sealed));
    chunk->size = 0; /* the first has told */
    return r;
}

static int send_all(struct cluster_run *run, const uint8_t *key, int fd, uint64_t size)
{
    const uint64_t most = (uint64_t)PROTOCOL_CHUNKS_MAX * PROTOCOL_CHUNK_SIZE;
    struct protocol_chunk chunk = {.id = run->task.saved, .size = size};
    _autofree_ char *data = malloc(PROTOCOL_CHUNK_SIZE);
    if (!data)
        return cluster_fail(run, -ENOMEM, PROTOCOL_FAILURE_SAVE, "out of memory");
    if (size > most)
        return cluster_fail(run, -EFBIG, PROTOCOL_FAILURE_SAVE,
                            "etcd's data take %llu MiB, at most %llu can be saved: compact and "
                            "defragment it",
                            (unsigned long long)(size >> 20), (unsigned long long)(most >> 20));
    for (uint64_t done = 0; !chunk.last; chunk.index++) {
        ssize_t n = fd_read_full(fd, data, PROTOCOL_CHUNK_SIZE);
        if (n <= 0 || chunk.index >= PROTOCOL_CHUNKS_MAX)
            return cluster_fail(run, -EIO, PROTOCOL_FAILURE_SAVE, "%s cannot be read",
                                CLUSTER_SAVED_FILE);
        done += (uint64_t)n;
        chunk.last = done >= size;
        int r = send_one(run, key, &chunk, data, (size_t)n);
        if (r < 0)
            return r;
    }
    return 0;
}

static int upload(struct cluster_run *run)
{
    uint8_t key[TRUST_CHUNK_KEY_SIZE];
    struct stat st;
    _autofree_ char *path = node_path(run->node, CLUSTER_SAVED_FILE);
    _autofd_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    cluster_set_phase(run, "etcd-upload");
    if (fd < 0 || fstat(fd, &st) < 0)
        return cluster_fail(run, -EIO, PROTOCOL_FAILURE_SAVE, "%s cannot be read",
                            CLUSTER_SAVED_FILE);
    int r = cluster_saved_key(run, key);
    if (r == 0)
        r = send_all(run, key, fd, (uint64_t)st.st_size);
    sodium_memzero(key, sizeof(key));
    return r;
}

/* All of it is with the server: what happens to the copy here does not make that fail. */
static int finish(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    if (cluster_secret_remove(run->node, CLUSTER_SAVED_FILE, &err) < 0)
        log_error("%s", err_text(&err));
    cluster_set_phase(run, PROTOCOL_PHASE_SAVED);
    return 0;
}

/* etcd's lock is held until the end of this. */
static int stop_and_send(struct cluster_run *run)
{
    _autofd_ int lock = -1;
    int r = ask_for_room(run);
    if (r == 0)
        r = stop(run, &lock);
    if (r == 0)
        r = archive(run);
    return r < 0 ? r : upload(run);
}

int cluster_save(struct cluster_run *run)
{
    int r = stop_and_send(run);
    if (r == 0)
        return finish(run);
    /* what failed first is what is told */
    _autofree_ char *failure = TAKE_PTR(run->state.failure);
    _autofree_ char *message = TAKE_PTR(run->state.message);
    if (cluster_start_again(run) < 0)
        log_error("The control plane cannot be started again: %s", run->state.message);
    return cluster_fail(run, r, failure ? failure : PROTOCOL_FAILURE_SAVE, "%s",
                        message ? message : "");
}
