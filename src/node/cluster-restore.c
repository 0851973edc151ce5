/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other half of cluster-save.c, on the disk that was written anew: etcd's data comes back from
 * the server, and kubeadm then initialises a control plane that finds it.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-run.h"

static int fetch_one(struct cluster_run *run, const uint8_t *key, struct protocol_chunk *chunk,
                     int fd)
{
    _autofree_ char *data = NULL;
    size_t len = 0;
    int r = cluster_exchange(run, PROTOCOL_PATH_SAVED, PROTOCOL_FAILURE_RESTORE, chunk);
    if (r < 0)
        return r;
    r = trust_chunk_open(key, chunk->index, chunk->last, chunk->sealed, PROTOCOL_CHUNK_SIZE, &data,
                         &len);
    free(TAKE_PTR(chunk->sealed));
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_RESTORE, "chunk %llu is not what was saved",
                            (unsigned long long)chunk->index);
    r = fd_write_full(fd, data, len);
    sodium_memzero(data, len);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_RESTORE, "%s: %s", CLUSTER_SAVED_FILE,
                                strerror(-r))
                 : 0;
}

static int fetch_all(struct cluster_run *run, const uint8_t *key)
{
    struct protocol_chunk chunk = {.id = run->task.saved};
    _autofree_ char *path = node_path(run->node, CLUSTER_SAVED_FILE);
    _autofd_ int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    int r = fd < 0 ? cluster_fail(run, -EIO, PROTOCOL_FAILURE_RESTORE, "%s cannot be written",
                                  CLUSTER_SAVED_FILE)
                   : 0;
    for (; r == 0 && !chunk.last; chunk.index++) {
        if (chunk.index >= PROTOCOL_CHUNKS_MAX)
            return cluster_fail(run, -E2BIG, PROTOCOL_FAILURE_RESTORE, "there is no last chunk");
        r = fetch_one(run, key, &chunk, fd);
    }
    return r;
}

/* The server deletes its copy when it hears that this one runs: a power cut must not take both. */
static int sync_folder(const char *path, struct err *err)
{
    _autofd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || syncfs(fd) < 0 ? err_errno(err, -errno, "%s", path) : 0;
}

static int unpack(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    _autofree_ char *folder = node_path(run->node, CLUSTER_ETCD_FOLDER);
    _autofree_ char *file = node_path(run->node, CLUSTER_SAVED_FILE);
    _autofree_ char *old = node_path(run->node, CLUSTER_ETCD_FOLDER "/etcd");
    const char *const command[] = {"tar",         "--extract", "--gzip", "--file", file,
                                   "--directory", folder,      "etcd",   NULL};
    const struct proc_options options = {.timeout_ms = cluster_left_ms(run),
                                         .cancel = run->tools->cancel};
    int r =
        folder && file && old ? tree_remove(old, &err) : err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = proc_run(command, &options, NULL, &err);
    if (r == 0)
        r = sync_folder(old, &err);
    if (r < 0 && old)
        (void)!tree_remove(old, NULL); /* half of it is of no use here */
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_RESTORE, "%s", err_text(&err)) : 0;
}

int cluster_restore(struct cluster_run *run)
{
    uint8_t key[TRUST_CHUNK_KEY_SIZE];
    if (!run->task.saved)
        return 0;
    cluster_set_phase(run, "etcd-restore");
    int r = cluster_saved_key(run, key);
    if (r == 0 && run->state.task)
        r = cluster_expect_node(run);
    if (r == 0)
        r = fetch_all(run, key);
    sodium_memzero(key, sizeof(key));
    if (r == 0)
        r = unpack(run);
    (void)!cluster_secret_remove(run->node, CLUSTER_SAVED_FILE, NULL);
    return r;
}
