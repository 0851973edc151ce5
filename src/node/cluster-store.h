/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What slipway-node keeps of a cluster's task, in PROTOCOL_TASK_DIR (0700): task.json while it is
 * to be done (it holds secrets), state.json (how far it came; stays), undo.json (what a reset
 * needs; stays until then), and lock, which the process that works on a task holds; written
 * atomically. Beside them what a save needs.
 */
#pragma once

#include "node/node.h"
#include "protocol/task.h"

#define CLUSTER_TASK_FILE PROTOCOL_TASK_DIR "/task.json"
#define CLUSTER_STATE_FILE PROTOCOL_TASK_DIR "/state.json"
#define CLUSTER_UNDO_FILE PROTOCOL_TASK_DIR "/undo.json"
#define CLUSTER_LOCK_FILE PROTOCOL_TASK_DIR "/lock"
#define CLUSTER_SAVED_FILE PROTOCOL_TASK_DIR "/saved.tar.gz" /* etcd's data, while it is moved */
/* Manifests of a stopped control plane; on the file system of those that run, so that they can be
 * moved. */
#define CLUSTER_STOPPED "/etc/kubernetes/slipway-stopped"

/* Whether manifests are there: a save has stopped the control plane. */
bool cluster_is_stopped(const struct node *node);

/* 0, or -errno when the folder cannot be made. */
int cluster_folder_make(const struct node *node, struct err *err) _must_check_;

/* Durable. */
int cluster_task_save(const struct node *node, const struct protocol_task *task, struct err *err)
    _must_check_;
/* -ENOENT: there is none. -EBADMSG: it is damaged. */
int cluster_task_load(const struct node *node, struct protocol_task *ret, struct err *err)
    _must_check_;

/* Overwrites and removes it; 0 also when there is none. */
int cluster_task_remove(const struct node *node, struct err *err) _must_check_;

/* Durable: on XFS a file that is replaced unsynced may be empty after a power cut, and what this
 * says of the Node would be lost. */
int cluster_state_save(const struct node *node, const struct protocol_task_state *state,
                       struct err *err) _must_check_;
/* -ENOENT: there is none, or it is damaged. */
int cluster_state_load(const struct node *node, struct protocol_task_state *ret) _must_check_;

/* What has to be known to undo a task: files of its own, and whom to tell. */
struct cluster_undo {
    char *cri_socket, *kubeadm, *certificates_dir; /* as in the task; NULL: not known */
    char **files;
    size_t count;
};
void cluster_undo_free(struct cluster_undo *undo);
#define _autoundo_ _cleanup_(cluster_undo_free)
/* Durable; before the first of the task's files is written. */
int cluster_undo_save(const struct node *node, const struct protocol_task *task, struct err *err)
    _must_check_;
/* All zero when there is none. 0 or -ENOMEM. Holds only files that a task may write. */
int cluster_undo_load(const struct node *node, struct cluster_undo *ret) _must_check_;

/* Overwrites what may hold a secret, then removes it. 0 also when there is no such file. */
int cluster_secret_remove(const struct node *node, const char *path, struct err *err) _must_check_;

/*
 * The lock: held by an open file description until the descriptor is closed, also by the death of
 * the process. -EBUSY when another process holds it.
 */
int cluster_lock(const struct node *node, int *ret_fd, struct err *err) _must_check_;
bool cluster_is_locked(const struct node *node);
