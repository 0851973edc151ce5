/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who does what next while a cluster forms: which Machine initialises it, and which may join now.
 * One pure decision of plain values, taken anew after every change and whenever a time that it
 * names has come; nothing is remembered between two decisions but what Cluster.status and the
 * Machines hold. So a server may stop anywhere and go on.
 *
 * What holds, whatever happens:
 * - Only the Machine that Cluster.status.initializedBy names is ever told to initialise, and never
 *   again once the cluster was initialised. The caller writes `elect` there, durably, and plans
 *   again: a plan never elects and initialises at once.
 * - What etcd held is brought back only to the control plane that saved it, and only while there is
 *   no other.
 * - One control plane joins at a time, because every one of them changes etcd's membership: the
 *   next one's turn comes when its Node is Ready, or when its time is over. None joins while
 *   another one leaves.
 * - Nobody joins while the API server does not answer.
 * - No control plane joins that would make their number even, nor a second one while the endpoint
 *   is the first one's own address.
 * - A machine that runs its task is left alone until it says that it has ended, or is silent and
 * the task's deadline is over. What failed is tried again after a pause that grows, for ever: a
 *   registry or a network that is away for a night does not need a person in the morning.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resource/machine.h"

/* What a machine's slipway-node said last about the task it was given for this cluster; one for
 * another cluster, or of another id than the last, is none. */
enum plan_task {
    PLAN_TASK_NONE,     /* its installed system has no task (a new installation has none) */
    PLAN_TASK_ASSIGNED, /* the server assigned it, and the machine has not spoken of it yet */
    PLAN_TASK_RUNNING,
    PLAN_TASK_DONE,   /* kubeadm ended well */
    PLAN_TASK_FAILED, /* kubeadm failed, or the machine started anew in the middle of it */
};

struct plan_machine {
    const char *name;
    enum machine_role role;
    bool approved;
    bool leaving; /* rejected, being released or deleted: gets nothing more */
    bool alive;   /* its installed system was heard of lately */
    enum plan_task task;
    int64_t task_since; /* when the task was assigned, on the clock of `now`; 0: never */
    int64_t failed_at;  /* PLAN_TASK_FAILED: when that was heard */
    unsigned attempts;  /* tasks that it was given since it was installed */
    bool node_ready;    /* a Node of that name is Ready */
};

struct plan_cluster {
    const char *initialized_by; /* Cluster.status.initializedBy; NULL: nobody yet */
    bool initialized;           /* Cluster.status.initializedAt is set */
    bool api_reachable;         /* the API server answers at the endpoint */
    bool lasting_endpoint;      /* the endpoint does not go with one of the control planes */
    const char *unelected;      /* the field that lets each of several act; NULL: a leader does */
    const char *saved_of;       /* Cluster.status.saved.machine; NULL: nothing is saved */
    int64_t join_timeout_ms;    /* spec.joinPolicy.joinTimeoutSeconds: a machine's own deadline */
};

enum plan_action {
    PLAN_NOTHING,            /* not concerned, or done and Ready */
    PLAN_WAIT,               /* there is something to do later; see reason */
    PLAN_BUSY,               /* runs its task: leave it alone */
    PLAN_INIT,               /* assign (again) a task of kind init */
    PLAN_JOIN_CONTROL_PLANE, /* assign (again) a task of kind join */
    PLAN_JOIN_WORKER,
    PLAN_RESTORE, /* assign (again) a task of kind init that begins with what etcd held */
};

enum {
    PLAN_ATTEMPTS_MAX = 5, /* the Machine is shown as Failed from then on, and goes on trying */
    PLAN_GRACE_MS = 60000, /* behind a machine's own deadline, for it to say that it failed */
    PLAN_PAUSE_MS = 10000, /* after the first failure; each further one doubles it */
    PLAN_PAUSE_MAX_MS = 300000,
    PLAN_REASON_SIZE = 384,
};

struct plan_step {
    enum plan_action action;
    char reason[PLAN_REASON_SIZE]; /* a sentence for people, without a full stop */
};

struct plan {
    /* Record this Machine in Cluster.status.initializedBy, then plan again; NULL: nobody. Borrowed
     * from the machines. */
    const char *elect;
    int64_t wake_at; /* when time alone changes the plan; 0: never */
};

/*
 * steps[i] is what machines[i] does. The order of the machines does not matter. Names are unique.
 * Pure; thread safe; never fails.
 */
struct plan cluster_plan(const struct plan_cluster *cluster, const struct plan_machine *machines,
                         size_t n, int64_t now, struct plan_step *steps);

/* "JoinWorker": the action as a CamelCase word, for conditions, events and logs. */
const char *plan_action_text(enum plan_action action);
