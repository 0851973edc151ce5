/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory view: every object's latest visible version, by kind in the order of names, and the
 * Machines by their keys. Belongs to the store's thread.
 */
#pragma once

#include "base/map.h"
#include "store/keys.h"
#include "store/stored.h"

/* One object through all its versions. */
struct entry {
    struct stored *current;
    bool evicted; /* an Event that a transaction under way deletes to make room */
    char name[];
};

struct view_kind {
    struct entry **items; /* by name */
    size_t n, size;
};

struct view {
    struct view_kind *by_kind; /* as kinds[] */
    struct map *by_key;        /* bytes of struct key to the entries that hold it */
};

/* 0 or -ENOMEM. */
int view_init(struct view *view) _must_check_;
void view_free(struct view *view);

struct view_kind *view_of(const struct view *view, const struct kind *kind);

/* The entry or NULL. */
struct entry *view_find(const struct view *view, const struct kind *kind, const char *name);
/* Position of the first entry whose name is not before `name`. */
size_t view_position(const struct view_kind *list, const char *name);
/* An entry that holds the key, or NULL; *ret_count of them do. */
struct entry *view_holder(const struct view *view, const struct key *key, size_t *ret_count);

/*
 * Makes `stored` (a reference is taken) the object's version, adding the object when it is new;
 * before and after are its keys. 0 or -ENOMEM (the view is then only good for being freed).
 */
int view_put(struct view *view, const struct kind *kind, const char *name, struct stored *stored,
             const struct keys *before, const struct keys *after) _must_check_;
/* Removes the object and its keys. */
void view_remove(struct view *view, const struct kind *kind, const char *name,
                 const struct keys *keys);
