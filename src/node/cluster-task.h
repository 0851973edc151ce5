/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying out the task of a cluster: `slipway-node cluster-task`, in a unit of its own. What
 * earlier attempts left is undone first, then files are written and kubeadm runs; but a save stops
 * the control plane and leaves etcd's data with the server (cluster-save.c). How far it is
 * stands in the state (cluster-store.h) all the time; secrets are gone when it ends, however it
 * ends.
 */
#pragma once

#include <signal.h>

#include "node/node.h"
#include "protocol/chunk.h"

/* The world around, so that tests can bring their own. */
struct cluster_tools {
    const char *journalctl; /* program; NULL: the kubelet's journal is not asked */
    const char *systemctl;  /* program; NULL: systemd is not told of changed drop-ins */
    const char *podnet;     /* slipway-podnet; NULL: what it set up is left */
    unsigned runtime_ms;    /* how long the container runtime may take to answer */
    unsigned resume_ms;     /* pause before kubeadm init is gone on with; twice as long each time */
    const volatile sig_atomic_t *cancel;             /* not 0: end soon; may be NULL */
    void (*on_phase)(void *data, const char *phase); /* another one has begun; may be NULL */
    void *data;
    /* As conversation_chunk(), for tasks that save or restore; NULL: there is no server. */
    int (*chunk)(void *server, const char *path, struct protocol_chunk *chunk, struct err *err);
    void *server;
};

enum { CLUSTER_RUNTIME_MS = 180000, CLUSTER_RESUME_MS = 5000 };

/*
 * Does what is kept in CLUSTER_TASK_FILE. When the state says that this same task was begun before,
 * it was interrupted: then everything is undone and the task counts as failed, for its token may be
 * used up. Without a task it starts a control plane again that one has stopped which failed. 0 when
 * it ended well, or when there is nothing to do; -EBUSY when another process is at it; else a
 * negative errno with err saying what failed (as the state does).
 */
int cluster_task_run(const struct node *node, const struct cluster_tools *tools, struct err *err)
    _must_check_;

/* `slipway-node reset`: takes this machine out of its cluster as far as that can be done from here.
 */
int cluster_reset_by_hand(const struct node *node, const struct cluster_tools *tools,
                          struct err *err) _must_check_;
