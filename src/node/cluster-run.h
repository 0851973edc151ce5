/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a task share. */
#pragma once

#include "node/cluster-kubeadm.h"
#include "node/cluster-store.h"
#include "node/cluster-task.h"
#include "trust/chunk.h"

#define CLUSTER_ETCD_FOLDER "/var/lib" /* where etcd's own folder, "etcd", is */

struct cluster_run {
    const struct node *node;
    const struct cluster_tools *tools;
    struct protocol_task task;        /* all zero: a reset by hand */
    struct protocol_task_state state; /* as it stands in the file */
    bool by_hand;                     /* undo whatever there is, not only what is written down */
    int64_t deadline;                 /* monotonic ms */
    struct cluster_tail tail;         /* what kubeadm said last */
};

/* Milliseconds until the deadline, at least 1 and at most what poll(2) takes. */
int cluster_left_ms(const struct cluster_run *run);
bool cluster_is_cancelled(const struct cluster_run *run);

/* Writes down, and tells systemd, that another phase has begun. */
void cluster_set_phase(struct cluster_run *run, const char *phase);

/* Puts failure and message into the state; returns code. */
int cluster_fail(struct cluster_run *run, int code, const char *failure, const char *format, ...)
    _printf_(4, 5);

/*
 * The steps; each returns 0 or, with the state's failure set, a negative errno.
 */

/* Undoes what an earlier attempt, or membership, left. */
int cluster_undo(struct cluster_run *run) _must_check_;
/* Writes the task's files, and has systemd read drop-ins among them. */
int cluster_write_files(struct cluster_run *run) _must_check_;
/* Waits until the container runtime's socket takes connections. */
int cluster_wait_for_runtime(struct cluster_run *run) _must_check_;
/* Runs kubeadm with the task's arguments, and judges why it failed. */
int cluster_run_kubeadm(struct cluster_run *run) _must_check_;

/* Stops the control plane and leaves etcd's data with the server; it stays stopped. */
int cluster_save(struct cluster_run *run) _must_check_;
/* Starts a control plane again that was stopped; nothing when none was. */
int cluster_start_again(struct cluster_run *run) _must_check_;
/* Writes down that there is something to undo from here on, also after a power cut. */
int cluster_expect_node(struct cluster_run *run) _must_check_;
/* Takes etcd's data from the server, when the task begins with what was saved. */
int cluster_restore(struct cluster_run *run) _must_check_;

/* The key of the data that the task saves or begins with. The caller wipes it. */
int cluster_saved_key(struct cluster_run *run, uint8_t ret[static TRUST_CHUNK_KEY_SIZE])
    _must_check_;
/* Hands a chunk over, or gets it, trying again until the task's time is over. */
int cluster_exchange(struct cluster_run *run, const char *path, const char *failure,
                     struct protocol_chunk *chunk) _must_check_;

/* Whether path is a drop-in of one of systemd's units. */
bool cluster_is_dropin(const char *path);
/* Has systemd read its units again. */
void cluster_reload_units(const struct cluster_run *run);
