/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered between runs, in NODE_STATE_FILE. Written atomically and durably. */
#pragma once

#include "node/node.h"

struct node_step {
    char *name;
    char *failure; /* NULL: it went well */
    unsigned milliseconds;
};

struct node_state {
    char *instance;  /* the installation that the rest is about; NULL: nothing was done yet */
    bool configured; /* every step of first boot went well */
    unsigned commands_done;
    char *command_failure; /* what the command after those did wrong; NULL: nothing */
    unsigned milliseconds; /* that first boot took */
    ITEMS_OF(struct node_step) steps;
};

#define _autostate_ _cleanup_(node_state_free)
void node_state_free(struct node_state *state);

/* All zero when there is no file. A damaged file counts as none. 0 or -ENOMEM. */
int node_state_load(const struct node *node, struct node_state *ret) _must_check_;

int node_state_save(const struct node *node, const struct node_state *state, struct err *err)
    _must_check_;

/* Appends to state->steps; failure may be NULL. 0 or -ENOMEM. */
int node_state_add_step(struct node_state *state, const char *name, const char *failure,
                        unsigned milliseconds) _must_check_;
