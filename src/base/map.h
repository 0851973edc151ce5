/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from bytes to a pointer. Keys are copied; values are the caller's. The hash is SipHash
 * with a key drawn per map, so a stranger who chooses keys cannot make chains long. Not thread
 * safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct map;

/* NULL when out of memory. */
struct map *map_new(void);
/* Frees the map and, when free_value is given, each value. NULL allowed. */
void map_free_with(struct map *map, void (*free_value)(void *value));
void map_free(struct map *map);
DEFINE_CLEANUP(struct map *, map_free)

/*
 * Sets key to value (not NULL). The old value, if any, goes to *ret_old (may be NULL when the
 * caller does not own values). 0, -E2BIG (a key above 4 GiB) or -ENOMEM.
 */
int map_put(struct map *map, const void *key, size_t len, void *value, void **ret_old) _must_check_;
/* The value or NULL. */
void *map_get(const struct map *map, const void *key, size_t len);
/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *map, const void *key, size_t len);
size_t map_count(const struct map *map);

/* String keys. */
int map_puts(struct map *map, const char *key, void *value, void **ret_old) _must_check_;
void *map_gets(const struct map *map, const char *key);
void *map_removes(struct map *map, const char *key);

/*
 * Walks in insertion-independent order. Start with *cursor = 0. Returns false at the end. The map
 * must not change during the walk, except that the entry just returned may be removed.
 */
struct map_entry_view {
    const void *key; /* borrowed until the map changes; NUL-terminated */
    size_t len;
    void *value;
};
bool map_next(const struct map *map, size_t *cursor, struct map_entry_view *ret);
