/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following all objects of a kind: first those that are there, then each change, on the loop and
 * never from inside a store operation. Falling behind the store's history is handled by walking all
 * objects again, so a follower must treat every call as "this is how it is now". One that was
 * deleted meanwhile is told of with its name alone.
 */
#pragma once

#include <uv.h>

#include "store/store.h"

struct follow;

struct follow_options {
    uv_loop_t *loop;
    struct store *store;
    const struct kind *kind;
    void *data;
    /* change is ADDED, MODIFIED or DELETED; object is borrowed. */
    void (*on_object)(void *data, enum store_change change, json_t *object);
    /* After a burst of changes, and once after the first walk. May be NULL. */
    void (*on_settled)(void *data);
};

/* Walks at once, then follows. 0 or a negative errno. */
int follow_new(const struct follow_options *options, struct follow **ret) _must_check_;

/* Stops; memory is freed when the loop has let go. NULL allowed. */
void follow_free(struct follow *follow);
