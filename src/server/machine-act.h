/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doing what machine_step() decides: the decision is taken inside a store operation, against the
 * latest state, and its consequences (events, log lines, the caller's answer) follow once it is
 * durable.
 */
#pragma once

#include "server/private.h"

struct machine_act {
    enum machine_event_type type;
    struct trust_public key;        /* HELLO, REPORT, TASK */
    uint64_t generation;            /* PHONE_HOME */
    const char *task, *token_id;    /* TASK; copied */
    const char *cluster;            /* TASK; copied */
    enum machine_role role;         /* TASK */
    int64_t token_expires_ms;       /* TASK */
    const char *reason;             /* NODE; copied */
    const char *message;            /* TASK, NODE, LEFT, WAITS; copied */
    bool node_ready, node_unknown;  /* NODE */
    struct protocol_hello *hello;   /* taken over: freed when done */
    struct protocol_report *report; /* taken over */
    /*
     * Called once: rc 0 with the change that was written and the Machine as stored; else a negative
     * errno. machine and effective are borrowed. May be NULL.
     */
    void (*done)(void *data, int rc, const struct machine_change *change,
                 const struct machine *machine, const struct machine_spec *effective);
    void *data;
};

/* Copies *act. done is called even when nothing could be queued. */
void machine_act(struct server *server, const char *name, const struct machine_act *act);
