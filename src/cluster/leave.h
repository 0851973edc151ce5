/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a member leaves its cluster, in order: its Node is cordoned and drained, a control plane's
 * etcd member is removed, its Node is deleted, its bootstrap token is gone. One pure decision of
 * what is known now, taken anew after every step: so a server may stop anywhere and go on.
 *
 * A Cluster that was never initialised has no members: what they joined was deleted, and this one
 * has its name only.
 *
 * The only control plane cannot leave without its cluster. When it is installed anew, what its etcd
 * holds is saved first, and it goes on with that; when it is released or rejected, that is the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum leave_reason {
    LEAVE_NOT,       /* it stays */
    LEAVE_REJECTED,  /* spec.approved is false */
    LEAVE_RELEASED,  /* a release is open */
    LEAVE_REINSTALL, /* an installation is open, on a machine that is a member */
};

struct leave_facts {
    enum leave_reason reason;
    bool control_plane;
    size_t other_control_planes; /* that have joined, beside this machine */
    bool other_joining;          /* another control plane is at kubeadm, within its time */
    bool unformed; /* the Cluster was never initialised, and this machine is not at it */
    bool returns;  /* its only control plane is being installed anew, and goes on after that */
    bool api_reachable;
    bool is_endpoint;    /* the cluster's endpoint is this machine's own address */
    bool task_under_way; /* the machine is at kubeadm, within its time */
    bool node;           /* there is a Node of its name */
    bool node_marked;    /* it is cordoned, and says so */
    bool drained;        /* the drain has ended, well or not */
    bool etcd_left;      /* etcd has no member of it any more */
    bool config_left;    /* kubeadm's own list of control planes does not name it any more */
    bool token;          /* its bootstrap token is with the API server */
    bool joined;         /* it is a member: its init or join has ended well */
    bool saving;         /* it was told to stop, and to leave its etcd's data with the server */
    bool saved;          /* that is there, as it was before this installation */
    bool restoring;      /* it was told to begin with that, and nobody knows how far it has come */
};

enum leave_step {
    LEAVE_WAIT, /* see the text */
    LEAVE_MARK, /* cordon the Node and note on it when that was */
    LEAVE_DRAIN,
    LEAVE_ETCD,   /* remove its member from etcd */
    LEAVE_CONFIG, /* remove it from kubeadm's list of API servers */
    LEAVE_DELETE_NODE,
    LEAVE_SAVE, /* its system is told to save etcd's data when it says hello */
    LEAVE_DONE, /* it has left */
};

struct leave {
    enum leave_step step;
    const char *text; /* what it does or waits for, for people; static */
};

struct leave leave_decide(const struct leave_facts *facts);

/* "it was rejected": for events. */
const char *leave_reason_text(enum leave_reason reason);
