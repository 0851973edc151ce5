/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

/* Open addressing with linear probing; removal shifts followers back, so there are no tombstones.
 */

enum { KEY_NEAR_SIZE = 16, CACHE_LINE = 64 };

/*
 * Half a cache line. A short key (an address, most names) lies in the slot itself: looking it up
 * then costs one access to memory instead of two.
 */
struct entry {
    void *value; /* NULL marks an empty slot */
    union {
        char near[KEY_NEAR_SIZE]; /* with its NUL */
        char *far;
    } key;
    uint32_t len;
    uint32_t hash;
};

struct map {
    struct entry *slots;
    size_t size; /* power of two */
    size_t count;
    uint8_t secret[crypto_shorthash_KEYBYTES];
};

enum { MAP_SIZE_MIN = 16 };

static bool is_near(size_t len)
{
    return len < KEY_NEAR_SIZE;
}

static const char *key_of(const struct entry *e)
{
    return is_near(e->len) ? e->key.near : e->key.far;
}

static void key_free(struct entry *e)
{
    if (!is_near(e->len))
        free(e->key.far);
}

static int key_copy(struct entry *e, const void *key, size_t len)
{
    if (len > UINT32_MAX)
        return -E2BIG;
    char *copy = is_near(len) ? e->key.near : malloc(len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, key, len);
    copy[len] = '\0';
    if (!is_near(len))
        e->key.far = copy;
    e->len = (uint32_t)len;
    return 0;
}

static struct entry *slots_new(size_t size)
{
    struct entry *slots = aligned_alloc(CACHE_LINE, size * sizeof(*slots));
    if (slots)
        memset(slots, 0, size * sizeof(*slots));
    return slots;
}

struct map *map_new(void)
{
    _autofree_ struct map *map = calloc(1, sizeof(*map));
    if (!map)
        return NULL;
    map->slots = slots_new(MAP_SIZE_MIN);
    if (!map->slots)
        return NULL;
    map->size = MAP_SIZE_MIN;
    randombytes_buf(map->secret, sizeof(map->secret));
    return TAKE_PTR(map);
}

void map_free_with(struct map *map, void (*free_value)(void *value))
{
    if (!map)
        return;
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].value && free_value)
            free_value(map->slots[i].value);
        key_free(&map->slots[i]);
    }
    free(map->slots);
    free(map);
}

void map_free(struct map *map)
{
    map_free_with(map, NULL);
}

static uint32_t hash_key(const struct map *map, const void *key, size_t len)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, key, len, map->secret);
    return (uint32_t)hash;
}

/* The slot that holds the key, or the empty slot where it belongs. */
static size_t find_slot(const struct map *map, const void *key, size_t len, uint32_t hash)
{
    size_t i = hash & (map->size - 1);
    while (map->slots[i].value) {
        const struct entry *e = &map->slots[i];
        if (e->hash == hash && e->len == len && memcmp(key_of(e), key, len) == 0)
            return i;
        i = (i + 1) & (map->size - 1);
    }
    return i;
}

static int grow(struct map *map)
{
    size_t size = map->size * 2;
    struct entry *slots = slots_new(size);
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->size; i++) {
        if (!map->slots[i].value)
            continue;
        size_t j = map->slots[i].hash & (size - 1);
        while (slots[j].value)
            j = (j + 1) & (size - 1);
        slots[j] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->size = size;
    return 0;
}

int map_put(struct map *map, const void *key, size_t len, void *value, void **ret_old)
{
    struct entry new = {.value = value, .hash = hash_key(map, key, len)};
    size_t i = find_slot(map, key, len, new.hash);
    if (ret_old)
        *ret_old = map->slots[i].value;
    if (map->slots[i].value) {
        map->slots[i].value = value;
        return 0;
    }
    int r = key_copy(&new, key, len);
    if (r < 0)
        return r;
    if (map->count + 1 > map->size / 8 * 7) {
        if (grow(map) < 0) {
            key_free(&new);
            return -ENOMEM;
        }
        i = find_slot(map, key, len, new.hash);
    }
    map->slots[i] = new;
    map->count++;
    return 0;
}

void *map_get(const struct map *map, const void *key, size_t len)
{
    return map->slots[find_slot(map, key, len, hash_key(map, key, len))].value;
}

/* True when an entry at `slot` whose home is `home` may move back into `hole`. */
static bool may_move(size_t home, size_t hole, size_t slot)
{
    if (hole <= slot)
        return home <= hole || home > slot;
    return home <= hole && home > slot;
}

void *map_remove(struct map *map, const void *key, size_t len)
{
    size_t hole = find_slot(map, key, len, hash_key(map, key, len));
    void *value = map->slots[hole].value;
    if (!value)
        return NULL;
    key_free(&map->slots[hole]);
    for (size_t i = (hole + 1) & (map->size - 1); map->slots[i].value;
         i = (i + 1) & (map->size - 1)) {
        size_t home = map->slots[i].hash & (map->size - 1);
        if (!may_move(home, hole, i))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct entry){0};
    map->count--;
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

int map_puts(struct map *map, const char *key, void *value, void **ret_old)
{
    return map_put(map, key, strlen(key), value, ret_old);
}

void *map_gets(const struct map *map, const char *key)
{
    return map_get(map, key, strlen(key));
}

void *map_removes(struct map *map, const char *key)
{
    return map_remove(map, key, strlen(key));
}

/*
 * The walk goes backwards from an empty slot and ends there. Removing the entry just returned
 * shifts entries from behind it, where the walk has been, and none across an empty slot: so every
 * entry is seen exactly once. The cursor holds the empty slot (plus one) above the number of steps.
 */
enum { CURSOR_SHIFT = 32 };

static size_t first_empty(const struct map *map)
{
    size_t i = 0;
    while (map->slots[i].value)
        i++;
    return i;
}

bool map_next(const struct map *map, size_t *cursor, struct map_entry_view *ret)
{
    if (*cursor == 0)
        *cursor = (first_empty(map) + 1) << CURSOR_SHIFT;
    size_t start = (*cursor >> CURSOR_SHIFT) - 1;
    while ((*cursor & UINT32_MAX) + 1 < map->size) {
        (*cursor)++;
        size_t steps = *cursor & UINT32_MAX;
        const struct entry *e = &map->slots[(start - steps) & (map->size - 1)];
        if (!e->value)
            continue;
        *ret = (struct map_entry_view){.key = key_of(e), .len = e->len, .value = e->value};
        return true;
    }
    return false;
}
