/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a joining node needs, as a configuration for its `slipway-node up`. The seeder keeps it,
 * with the token, in a file that only its owner reads.
 */
#pragma once

#include "node/node.h"
#include "protocol/task.h"

#define UP_JOIN_FILE PROTOCOL_TASK_DIR "/join.yaml"

struct up_join {
    const char *seeder;  /* host:port */
    const char *ca_hash; /* "sha256:..." */
    const char *token;   /* NULL: it is told where the token is */
};

/* YAML text; malloc'd or NULL. Pure. */
char *up_join_text(const struct up_join *join);

/* Writes UP_JOIN_FILE (0600). 0 or a negative errno. */
int up_join_save(const struct node *node, const struct up_join *join, struct err *err) _must_check_;

/* The token that was kept, malloc'd; NULL when there is none. */
char *up_join_token(const struct node *node);
