/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's side of a cluster's task: takes it from the server, has it carried out, and sees how
 * far it came, without asking again and again: the folder is watched, and the end of the process
 * that works shows there, too, because it lets go of the lock. Decisions are cluster-follow.h's.
 */
#pragma once

#include "node/cluster-follow.h"
#include "node/cluster-store.h"
#include "protocol/message.h"

struct cluster_watch {
    const struct node *node;
    int (*start)(void *data, struct err *err); /* starts the unit, does not wait; NULL: no tasks */
    void *data;
    int fd;     /* inotify; readable: cluster_watch_read(). -1: there are never tasks */
    char *task; /* the id of the task that is kept, or NULL */
    struct protocol_task_state state;
    bool has_state, locked, seen_locked;
    bool stopped; /* the control plane, by a save */
    unsigned starts;
    int64_t started, look_again; /* monotonic ms; look_again 0: not by time */
    unsigned looks;              /* how often to look again */
    char *said;                  /* the phase that the server knows, or NULL */
    bool news;                   /* something that the server does not know */
    bool ended;                  /* a task has ended: say hello */
    char *refusal, *refused_why; /* failure and message of a task that was not taken, or NULL */
    char *refused;               /* its id, when the server has to hear of it in a hello */
};

/* 0, or -errno when the folder cannot be watched. */
int cluster_watch_open(struct cluster_watch *w, const struct node *node,
                       int (*start)(void *data, struct err *err), void *data, struct err *err)
    _must_check_;
void cluster_watch_free(struct cluster_watch *w);

/* Takes what inotify has to say, and looks. */
void cluster_watch_read(struct cluster_watch *w);

/* Does what is to be done now: start the unit, tidy up. *ret_until: when to come again at the
 * latest, monotonic ms, INT64_MAX when only the folder matters. */
void cluster_watch_step(struct cluster_watch *w, int64_t *ret_until);

/* Takes a task that the server handed out, or keeps in mind why not. Nothing starts yet. */
void cluster_watch_take(struct cluster_watch *w, const char *sealed, const struct trust_key *key);

/* Whether a task is under way. */
bool cluster_watch_is_busy(const struct cluster_watch *w);

/* For hello.system.cluster: a new reference; NULL when there was never a task. */
json_t *cluster_watch_facts(const struct cluster_watch *w);

/* The server has heard what cluster_watch_facts() said. */
void cluster_watch_greeted(struct cluster_watch *w);

/* The news as a report; the caller frees it. -ENOENT: there are none. 0 or -ENOMEM. */
int cluster_watch_report(const struct cluster_watch *w, struct protocol_report *ret) _must_check_;
/* The server took note of that report. */
void cluster_watch_told(struct cluster_watch *w, const struct protocol_report *report);
