/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of slipway-node share: where things are, and what is recorded between runs. Paths
 * are below a root folder, "" for the running system, so that the same code configures an image
 * that is mounted somewhere else, and a scratch folder in tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "provision/provision.h"

#define NODE_STATE_DIR "/var/lib/slipway-node"
#define NODE_STATE_FILE NODE_STATE_DIR "/state.json"
#define NODE_PROVISION_FILE NODE_STATE_DIR "/node.json"
#define NODE_IDENTITY_FILE NODE_STATE_DIR "/identity.json"

struct node {
    const char *root;          /* "" or "/mnt": no slash at the end */
    const struct clock *clock; /* borrowed */
};

/* True when the running system is configured, so kernel state is changed too, not only files. */
bool node_is_live(const struct node *node);

/* root and path; malloc'd, NULL when out of memory. */
char *node_path(const struct node *node, const char *path);

/* file_read() of a path below the root. */
int node_read(const struct node *node, const char *path, size_t max, char **ret_data,
              size_t *ret_len, struct err *err) _must_check_;

/*
 * Replaces a file below the root, with its parent folders made as needed; owner -1 keeps root. Not
 * synced: whoever promises that something is done calls node_sync() before.
 */
int node_write(const struct node *node, const char *path, const void *data, size_t len, mode_t mode,
               uid_t uid, gid_t gid, struct err *err) _must_check_;

/* file_write_atomic() below the root, with parent folders: durable when it returns. */
int node_write_durably(const struct node *node, const char *path, const char *text, mode_t mode,
                       struct err *err) _must_check_;

/* node_write() of a text owned by root. */
int node_write_text(const struct node *node, const char *path, const char *text, mode_t mode,
                    struct err *err) _must_check_;

/* Makes durable what was written below the root, also where /etc, /var or /home are file systems of
 * their own. */
int node_sync(const struct node *node, struct err *err) _must_check_;

bool node_exists(const struct node *node, const char *path);
