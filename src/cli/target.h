/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects a command is about: "machines", "machine node1 node2", "machine/node1 image/x". */
#pragma once

#include "cli/client.h"
#include "resource/kind.h"

struct target {
    const struct kind *kind;
    const char *name; /* NULL: all of the kind */
};

struct targets {
    struct target *items;
    size_t count;
    char *text; /* what the names point into */
};

void targets_clear(struct targets *targets);

/*
 * Reads operands: KIND[,KIND...] [NAME...] or KIND/NAME...; "all" is every kind of ours. -EINVAL
 * with err for an unknown kind (the ones there are listed) or a mixture.
 */
int targets_parse(const char *const *operands, struct targets *ret, struct err *err) _must_check_;

/* The path of an object, or of its kind's collection when name is NULL; query may be NULL. */
char *target_path(const struct target *target, const char *query);

/* Appends "&NAME=VALUE" ("?" first) with the value escaped to a query that is being made. */
void query_add(struct buf *query, const char *name, const char *value);

/* "machine.slipway.dev/node1", as kubectl names objects in messages. malloc'd. */
char *target_display(const struct kind *kind, const char *name);
