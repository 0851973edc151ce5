/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon does about the task of a cluster, as pure decisions. It starts a unit that
 * carries the task out, and follows what that unit writes down. A task that is kept, not ended, and
 * that nobody works on was interrupted (power cut, kill): the unit is started again, and sees by
 * itself that it has to clean up instead of going on. A control plane that a task has stopped which
 * failed has to run again: the unit is started for that, too, until it does.
 */
#pragma once

#include "protocol/task.h"

enum {
    CLUSTER_PATIENCE_MS = 60000, /* for the unit to begin after systemd was asked to start it */
    CLUSTER_STARTS_MAX = 3,      /* for one task, in one life of the daemon */
};

struct cluster_view {
    const char *task;                        /* the id of the task that is kept; NULL: none */
    const struct protocol_task_state *state; /* NULL: none */
    bool locked;                             /* the unit works */
    unsigned starts;                         /* how often it was started for this task */
    bool seen_locked;                        /* it has worked since the last of these starts */
    int64_t started;                         /* when that was, monotonic ms */
    bool stopped;                            /* manifests of the control plane are put aside */
};

enum cluster_move {
    CLUSTER_REST,    /* nothing to do */
    CLUSTER_FOLLOW,  /* until *ret_until, or until the unit writes something down or ends */
    CLUSTER_START,   /* start the unit */
    CLUSTER_TIDY,    /* remove the task: it has ended */
    CLUSTER_GIVE_UP, /* write down that it was interrupted */
};

/* *ret_until: monotonic ms; INT64_MAX when time alone changes nothing. */
enum cluster_move cluster_next(const struct cluster_view *view, int64_t now, int64_t *ret_until);

enum cluster_answer {
    CLUSTER_TAKE,   /* do it */
    CLUSTER_KNOWN,  /* it is being done, or was */
    CLUSTER_BUSY,   /* another one is being done */
    CLUSTER_MEMBER, /* an init or join on a machine that is a node: only a reset, a save or its
                       end may come now */
};

/* Whether a task that the server hands out is taken. */
enum cluster_answer cluster_accept(const struct cluster_view *view,
                                   const struct protocol_task *task);
