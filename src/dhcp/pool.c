/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/pool.h"

#include <errno.h>

enum { WORD = 64 };

int dhcp_pool_init(struct dhcp_pool *pool, struct dhcp_range range)
{
    if (range.first > range.last || range.first == 0)
        return -EINVAL;
    if (range.last - range.first >= DHCP_POOL_MAX)
        return -ERANGE;
    uint32_t size = range.last - range.first + 1;
    uint32_t words = (size + WORD - 1) / WORD;
    struct dhcp_pool p = {.range = range, .use.size = size, .words = words};
    /* one allocation: held, reserved, excluded, full */
    p.held = calloc((size_t)words * 3 + (words + WORD - 1) / WORD, sizeof(uint64_t));
    if (!p.held)
        return -ENOMEM;
    p.reserved = p.held + words;
    p.excluded = p.reserved + words;
    p.full = p.excluded + words;
    for (uint32_t i = size; i < words * WORD; i++) /* what lies behind the last address */
        p.excluded[i / WORD] |= (uint64_t)1 << i % WORD;
    *pool = p;
    return 0;
}

void dhcp_pool_done(struct dhcp_pool *pool)
{
    free(pool->held);
    *pool = (struct dhcp_pool){0};
}

static uint64_t *bits_of(const struct dhcp_pool *pool, enum dhcp_pool_bit bit)
{
    if (bit == DHCP_POOL_HELD)
        return pool->held;
    return bit == DHCP_POOL_RESERVED ? pool->reserved : pool->excluded;
}

static uint64_t gone(const struct dhcp_pool *pool, uint32_t word)
{
    return pool->held[word] | pool->reserved[word] | pool->excluded[word];
}

static void note_full(struct dhcp_pool *pool, uint32_t word)
{
    uint64_t mask = (uint64_t)1 << word % WORD, *full = &pool->full[word / WORD];
    *full = gone(pool, word) == UINT64_MAX ? *full | mask : *full & ~mask;
}

void dhcp_pool_set(struct dhcp_pool *pool, enum dhcp_pool_bit bit, ipv4 address, bool on)
{
    uint32_t i = address - pool->range.first, word = i / WORD;
    uint64_t mask = (uint64_t)1 << i % WORD, *bits = bits_of(pool, bit);
    bits[word] = on ? bits[word] | mask : bits[word] & ~mask;
    note_full(pool, word);
}

void dhcp_pool_reserve_none(struct dhcp_pool *pool)
{
    for (uint32_t word = 0; word < pool->words; word++) {
        pool->reserved[word] = 0;
        note_full(pool, word);
    }
}

bool dhcp_pool_get(const struct dhcp_pool *pool, enum dhcp_pool_bit bit, ipv4 address)
{
    uint32_t i = address - pool->range.first;
    return bits_of(pool, bit)[i / WORD] >> i % WORD & 1;
}

/* The first word in [from, to) that is not full; `to` when all are. */
static uint32_t find_word(const struct dhcp_pool *pool, uint32_t from, uint32_t to)
{
    for (uint32_t word = from; word < to;) {
        uint64_t open = ~pool->full[word / WORD] >> word % WORD;
        if (open) {
            word += (uint32_t)__builtin_ctzll(open);
            return word < to ? word : to;
        }
        word = (word / WORD + 1) * WORD;
    }
    return to;
}

static ipv4 first_in_word(const struct dhcp_pool *pool, uint32_t word, uint64_t ignored)
{
    uint64_t open = ~(gone(pool, word) | ignored);
    return open ? pool->range.first + word * WORD + (uint32_t)__builtin_ctzll(open) : 0;
}

ipv4 dhcp_pool_find(const struct dhcp_pool *pool, uint32_t start)
{
    uint32_t first = start % pool->use.size / WORD;
    uint64_t below = ((uint64_t)1 << start % pool->use.size % WORD) - 1;
    ipv4 found = first_in_word(pool, first, below);
    if (found)
        return found;
    uint32_t word = find_word(pool, first + 1, pool->words);
    if (word == pool->words)
        word = find_word(pool, 0, first + 1);
    else
        return first_in_word(pool, word, 0);
    return word <= first ? first_in_word(pool, word, 0) : 0;
}
