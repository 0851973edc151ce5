/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum { ARENA_BLOCK = 2048, ARENA_ALIGN = alignof(max_align_t) };

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct arena {
    struct block *blocks; /* newest first; only the newest has room worth looking at */
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

static struct block *add_block(struct arena *arena, size_t need)
{
    size_t size = need > ARENA_BLOCK ? need : ARENA_BLOCK;
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < need)
        block = add_block(arena, need);
    if (!block)
        return NULL;
    void *p = block->data + block->used;
    block->used += need;
    return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_alloc(arena, total);
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}
