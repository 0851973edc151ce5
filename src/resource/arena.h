/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back as a whole: a decoded object and everything it points to live in one
 * arena, so freeing it is one call and its strings may be shared freely while it lives.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct arena;

/* NULL when out of memory. */
struct arena *arena_new(void);
/* Frees everything that came from the arena. NULL allowed. */
void arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena *, arena_free)

/* Zeroed memory, aligned for any type; NULL when out of memory. size may be 0. */
void *arena_alloc(struct arena *arena, size_t size);
/* As arena_alloc() for count items of size bytes; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy of len bytes with a NUL behind them; NULL when out of memory. */
char *arena_text(struct arena *arena, const char *text, size_t len);
