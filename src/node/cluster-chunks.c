/* SPDX-License-Identifier: Apache-2.0 */
/* What saving and restoring etcd's data share: chunks between this machine and the server. */
#include "base/log.h"
#include "base/str.h"
#include "node/cluster-run.h"

enum { AGAIN_MS = 1000 };

/* Again and again, until the task's time is over or the server refuses. */
int cluster_exchange(struct cluster_run *run, const char *path, const char *failure,
                     struct protocol_chunk *chunk)
{
    struct err err = ERR_INIT;
    int r = -EINTR;
    while (!cluster_is_cancelled(run)) {
        r = run->tools->chunk(run->tools->server, path, chunk, &err);
        if (r == 0 || r == -EPERM || r == -ENOMEM || cluster_left_ms(run) <= AGAIN_MS)
            break;
        log_warn("Chunk %llu: %s; trying again.", (unsigned long long)chunk->index, err_text(&err));
        err = ERR_INIT;
        clock_sleep_ms(AGAIN_MS);
    }
    return r < 0 ? cluster_fail(run, r, failure, "chunk %llu: %s", (unsigned long long)chunk->index,
                                r == -EINTR ? "interrupted" : err_text(&err))
                 : 0;
}

int cluster_saved_key(struct cluster_run *run, uint8_t ret[static TRUST_CHUNK_KEY_SIZE])
{
    if (!run->tools->chunk)
        return cluster_fail(run, -ENOTCONN, PROTOCOL_FAILURE_TASK_INVALID,
                            "this machine has no server");
    int r = str_unbase64_exact(run->task.saved_key, ret, TRUST_CHUNK_KEY_SIZE);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_TASK_INVALID, "savedKey: not a key") : 0;
}
