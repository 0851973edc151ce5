/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One range of addresses as bits: which are held, which are reserved or excluded. A second level of
 * bits marks full words, so that a search reads a few words even when 60,000 addresses are taken.
 * Part of dhcp/leases.h.
 */
#pragma once

#include "dhcp/leases.h"

struct dhcp_pool {
    struct dhcp_range range;
    struct dhcp_pool_use use;
    uint32_t words;
    uint64_t *held;     /* by a lease that is not FREE */
    uint64_t *reserved; /* for known Machines */
    uint64_t *excluded; /* for nobody */
    uint64_t *full;     /* one bit per word whose addresses are all gone */
};

/* 0, -EINVAL, -ERANGE or -ENOMEM. */
int dhcp_pool_init(struct dhcp_pool *pool, struct dhcp_range range) _must_check_;
void dhcp_pool_done(struct dhcp_pool *pool);

static inline bool dhcp_pool_has(const struct dhcp_pool *pool, ipv4 address)
{
    return address >= pool->range.first && address <= pool->range.last;
}

/* The address must be in the range. */
enum dhcp_pool_bit { DHCP_POOL_HELD, DHCP_POOL_RESERVED, DHCP_POOL_EXCLUDED };
void dhcp_pool_set(struct dhcp_pool *pool, enum dhcp_pool_bit bit, ipv4 address, bool on);
/* Takes DHCP_POOL_RESERVED from all addresses. */
void dhcp_pool_reserve_none(struct dhcp_pool *pool);
bool dhcp_pool_get(const struct dhcp_pool *pool, enum dhcp_pool_bit bit, ipv4 address);

/* The first address at or (wrapping around) behind range.first + start that is free; 0: none. */
ipv4 dhcp_pool_find(const struct dhcp_pool *pool, uint32_t start);
