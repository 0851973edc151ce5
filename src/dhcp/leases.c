/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/leases.h"

#include <errno.h>

#include "base/map.h"
#include "dhcp/heap.h"
#include "dhcp/pool.h"

struct dhcp_leases {
    struct map *by_address; /* address -> entry */
    struct map *by_key;     /* client -> its first entry */
    struct dhcp_heap heap;  /* entries that end */
    struct dhcp_pool *pools;
    size_t pool_count;
};

struct dhcp_key dhcp_key_of(const struct dhcp_message *m)
{
    struct dhcp_key key = {0};
    struct mac mac = dhcp_message_mac(m);
    struct wr w = wr_init(key.bytes, sizeof(key.bytes));
    wr_u8(&w, m->htype);
    if (mac_is_unicast(mac)) {
        wr_bytes(&w, mac.b, sizeof(mac.b));
    } else {
        struct rd id = dhcp_options_get(&m->options, DHCP_OPTION_CLIENT_ID);
        size_t len = rd_left(&id);
        if (len < 2 || m->htype == 1) /* RFC 2132: at least a type and one byte */
            return key;
        wr_bytes(&w, rd_take(&id, len), len);
    }
    if (wr_ok(&w))
        key.len = (uint8_t)w.pos;
    return key;
}

struct dhcp_leases *dhcp_leases_new(void)
{
    struct dhcp_leases *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->by_address = map_new();
    l->by_key = map_new();
    if (l->by_address && l->by_key)
        return l;
    dhcp_leases_free(l);
    return NULL;
}

static void free_pools(struct dhcp_pool *pools, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dhcp_pool_done(&pools[i]);
    free(pools);
}

void dhcp_leases_free(struct dhcp_leases *l)
{
    if (!l)
        return;
    if (l->by_address)
        map_free_with(l->by_address, free);
    if (l->by_key)
        map_free(l->by_key);
    free(l->heap.items);
    free_pools(l->pools, l->pool_count);
    free(l);
}

static struct dhcp_pool *pool_of(const struct dhcp_leases *l, ipv4 address)
{
    for (size_t i = 0; i < l->pool_count; i++) {
        if (dhcp_pool_has(&l->pools[i], address))
            return &l->pools[i];
    }
    return NULL;
}

static struct dhcp_entry *entry_at(const struct dhcp_leases *l, ipv4 address)
{
    return map_get(l->by_address, &address, sizeof(address));
}

/* Counts a lease in (1) or out of (-1) its pool. */
static void account(struct dhcp_leases *l, const struct dhcp_lease *lease, int sign)
{
    struct dhcp_pool *pool = pool_of(l, lease->address);
    if (!pool || lease->state == DHCP_LEASE_FREE)
        return;
    uint32_t one = (uint32_t)sign; /* adding 0xffffffff subtracts 1 */
    pool->use.taken += one;
    if (lease->state == DHCP_LEASE_QUARANTINED)
        pool->use.quarantined += one;
    else if (lease->stranger && lease->state == DHCP_LEASE_OFFERED)
        pool->use.offered_strangers += one;
    else if (lease->stranger)
        pool->use.bound_strangers += one;
    dhcp_pool_set(pool, DHCP_POOL_HELD, lease->address, sign > 0);
}

static struct dhcp_entry *first_of(const struct dhcp_leases *l, const struct dhcp_key *key)
{
    return key->len ? map_get(l->by_key, key->bytes, key->len) : NULL;
}

static int link_key(struct dhcp_leases *l, struct dhcp_entry *e)
{
    if (!e->lease.key.len)
        return 0;
    e->next = first_of(l, &e->lease.key);
    return map_put(l->by_key, e->lease.key.bytes, e->lease.key.len, e, NULL);
}

/* Taking out cannot fail: where a successor must be put, the key is there already. */
static void unlink_key(struct dhcp_leases *l, struct dhcp_entry *e)
{
    const struct dhcp_key *key = &e->lease.key;
    struct dhcp_entry *first = first_of(l, key);
    if (!first)
        return;
    if (first == e) {
        if (!e->next || map_put(l->by_key, key->bytes, key->len, e->next, NULL) < 0)
            map_remove(l->by_key, key->bytes, key->len);
        return;
    }
    for (struct dhcp_entry *p = first; p; p = p->next) {
        if (p->next == e) {
            p->next = e->next;
            return;
        }
    }
}

static void remove_entry(struct dhcp_leases *l, struct dhcp_entry *e)
{
    account(l, &e->lease, -1);
    dhcp_heap_remove(&l->heap, e);
    unlink_key(l, e);
    map_remove(l->by_address, &e->lease.address, sizeof(e->lease.address));
    free(e);
}

/* Over, but remembered for its client while the address is in a range. */
static void end_entry(struct dhcp_leases *l, struct dhcp_entry *e)
{
    if (e->lease.state != DHCP_LEASE_BOUND || !pool_of(l, e->lease.address)) {
        remove_entry(l, e);
        return;
    }
    account(l, &e->lease, -1);
    dhcp_heap_remove(&l->heap, e);
    e->lease.state = DHCP_LEASE_FREE;
    e->lease.expires = INT64_MAX;
}

/* The lease of a client that keeps its address: nothing is found by other names than before. */
static void update_entry(struct dhcp_leases *l, struct dhcp_entry *e,
                         const struct dhcp_lease *lease)
{
    account(l, &e->lease, -1);
    e->lease = *lease;
    account(l, &e->lease, 1);
    if (e->lease.expires == INT64_MAX)
        dhcp_heap_remove(&l->heap, e);
    else
        dhcp_heap_put(&l->heap, e);
}

/* Makes the lease so, whatever was at its address before. */
static int put_lease(struct dhcp_leases *l, const struct dhcp_lease *lease)
{
    if (dhcp_heap_reserve(&l->heap, l->heap.count + 1) < 0)
        return -ENOMEM;
    struct dhcp_entry *old = entry_at(l, lease->address);
    if (old && dhcp_key_eq(&old->lease.key, &lease->key)) {
        update_entry(l, old, lease);
        return 0;
    }
    struct dhcp_entry *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->lease = *lease;
    if (old)
        remove_entry(l, old);
    if (map_put(l->by_address, &e->lease.address, sizeof(e->lease.address), e, NULL) < 0) {
        free(e);
        return -ENOMEM;
    }
    if (link_key(l, e) < 0) {
        map_remove(l->by_address, &e->lease.address, sizeof(e->lease.address));
        free(e);
        return -ENOMEM;
    }
    account(l, &e->lease, 1);
    if (e->lease.expires != INT64_MAX)
        dhcp_heap_put(&l->heap, e);
    return 0;
}

static bool overlaps(const struct dhcp_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ranges[i].first <= ranges[j].last && ranges[j].first <= ranges[i].last)
                return true;
        }
    }
    return false;
}

/* Carries reservations and leases over from the pools before. */
static void adopt(struct dhcp_leases *l, const struct dhcp_pool *old, size_t old_count)
{
    for (size_t i = 0; i < old_count; i++) {
        for (uint32_t n = 0; n < old[i].use.size; n++) {
            ipv4 address = old[i].range.first + n;
            if (dhcp_pool_get(&old[i], DHCP_POOL_RESERVED, address))
                dhcp_leases_reserve(l, address, true);
        }
    }
    size_t cursor = 0;
    for (struct map_entry_view v; map_next(l->by_address, &cursor, &v);)
        account(l, &((struct dhcp_entry *)v.value)->lease, 1);
}

/* Leases that are over and whose address is in no range any more. */
static void forget_outsiders(struct dhcp_leases *l)
{
    size_t count = 0, cursor = 0;
    _autofree_ struct dhcp_entry **found = calloc(map_count(l->by_address) + 1, sizeof(*found));
    if (!found)
        return; /* they take a little room, no more */
    for (struct map_entry_view v; map_next(l->by_address, &cursor, &v);) {
        struct dhcp_entry *e = v.value;
        if (e->lease.state == DHCP_LEASE_FREE && !pool_of(l, e->lease.address))
            found[count++] = e;
    }
    while (count)
        remove_entry(l, found[--count]);
}

int dhcp_leases_set_pools(struct dhcp_leases *l, const struct dhcp_range *ranges, size_t count,
                          const ipv4 *excluded, size_t excluded_count)
{
    if (overlaps(ranges, count))
        return -EINVAL;
    struct dhcp_pool *pools = calloc(count ? count : 1, sizeof(*pools));
    if (!pools)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = dhcp_pool_init(&pools[i], ranges[i]);
        if (r < 0) {
            free_pools(pools, i);
            return r;
        }
    }
    struct dhcp_pool *old = l->pools;
    size_t old_count = l->pool_count;
    l->pools = pools;
    l->pool_count = count;
    for (size_t i = 0; i < excluded_count; i++) {
        struct dhcp_pool *pool = pool_of(l, excluded[i]);
        if (pool)
            dhcp_pool_set(pool, DHCP_POOL_EXCLUDED, excluded[i], true);
    }
    adopt(l, old, old_count);
    forget_outsiders(l);
    free_pools(old, old_count);
    return 0;
}

void dhcp_leases_reserve(struct dhcp_leases *l, ipv4 address, bool reserved)
{
    struct dhcp_pool *pool = pool_of(l, address);
    if (pool)
        dhcp_pool_set(pool, DHCP_POOL_RESERVED, address, reserved);
}

void dhcp_leases_reserve_none(struct dhcp_leases *l)
{
    for (size_t i = 0; i < l->pool_count; i++)
        dhcp_pool_reserve_none(&l->pools[i]);
}

const struct dhcp_lease *dhcp_leases_by_address(const struct dhcp_leases *l, ipv4 address)
{
    const struct dhcp_entry *e = entry_at(l, address);
    return e ? &e->lease : NULL;
}

const struct dhcp_lease *dhcp_leases_by_key(const struct dhcp_leases *l, const struct dhcp_key *key,
                                            struct cidr subnet)
{
    const struct dhcp_lease *best = NULL;
    for (const struct dhcp_entry *e = first_of(l, key); e; e = e->next) {
        if (!cidr_contains(subnet, e->lease.address))
            continue;
        if (!best || e->lease.state == DHCP_LEASE_BOUND || best->state == DHCP_LEASE_FREE)
            best = &e->lease;
    }
    return best;
}

bool dhcp_leases_is_open(const struct dhcp_leases *l, ipv4 address, const struct dhcp_key *key)
{
    const struct dhcp_pool *pool = pool_of(l, address);
    if (!pool || dhcp_pool_get(pool, DHCP_POOL_RESERVED, address) ||
        dhcp_pool_get(pool, DHCP_POOL_EXCLUDED, address))
        return false;
    const struct dhcp_entry *e = entry_at(l, address);
    if (!e || e->lease.state == DHCP_LEASE_FREE)
        return true;
    return e->lease.state != DHCP_LEASE_QUARANTINED && dhcp_key_eq(&e->lease.key, key);
}

/* FNV-1a: spreads clients over a range; nothing rests on its quality. */
static uint32_t spread(const struct dhcp_key *key)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < key->len; i++)
        h = (h ^ key->bytes[i]) * 16777619u;
    return h ^ h >> 15;
}

ipv4 dhcp_leases_pick(const struct dhcp_leases *l, struct dhcp_range range,
                      const struct dhcp_key *key)
{
    const struct dhcp_pool *pool = pool_of(l, range.first);
    return pool ? dhcp_pool_find(pool, spread(key)) : 0;
}

struct dhcp_pool_use dhcp_leases_pool_use(const struct dhcp_leases *l, struct dhcp_range range)
{
    const struct dhcp_pool *pool = pool_of(l, range.first);
    return pool ? pool->use : (struct dhcp_pool_use){0};
}

struct records {
    struct dhcp_lease *items;
    size_t *count;
};

static void record(struct records *r, const struct dhcp_lease *lease)
{
    if (*r->count < DHCP_RECORDS_MAX)
        r->items[(*r->count)++] = *lease;
}

/* What else this client has in the subnet: one address is enough. */
static void let_others_go(struct dhcp_leases *l, const struct dhcp_change *change,
                          struct records *records)
{
    struct dhcp_entry *next;
    for (struct dhcp_entry *e = first_of(l, &change->lease.key); e; e = next) {
        next = e->next;
        if (e->lease.address == change->lease.address ||
            !cidr_contains(change->subnet, e->lease.address))
            continue;
        if (e->lease.state != DHCP_LEASE_BOUND) {
            remove_entry(l, e);
        } else if (change->kind == DHCP_CHANGE_BIND) {
            struct dhcp_lease gone = e->lease;
            gone.state = DHCP_LEASE_FREE;
            record(records, &gone);
            remove_entry(l, e); /* the client has moved: nothing to remember it by */
        }
    }
}

static int apply_grant(struct dhcp_leases *l, const struct dhcp_change *change,
                       struct records *records)
{
    const struct dhcp_entry *old = entry_at(l, change->lease.address);
    bool bound = old && old->lease.state == DHCP_LEASE_BOUND &&
                 dhcp_key_eq(&old->lease.key, &change->lease.key);
    if (change->kind == DHCP_CHANGE_OFFER && bound)
        return 0; /* it has what it is offered */
    int r = put_lease(l, &change->lease);
    if (r < 0)
        return r;
    let_others_go(l, change, records);
    if (change->kind == DHCP_CHANGE_BIND)
        record(records, &change->lease);
    return 0;
}

static int apply_free(struct dhcp_leases *l, const struct dhcp_change *change,
                      struct records *records)
{
    struct dhcp_entry *e = entry_at(l, change->lease.address);
    if (!e)
        return 0;
    struct dhcp_lease gone = e->lease;
    bool durable = gone.state == DHCP_LEASE_BOUND || gone.state == DHCP_LEASE_QUARANTINED;
    end_entry(l, e);
    gone.state = DHCP_LEASE_FREE;
    if (durable)
        record(records, &gone);
    return 0;
}

static int apply_quarantine(struct dhcp_leases *l, const struct dhcp_change *change,
                            struct records *records)
{
    struct dhcp_lease lease = change->lease;
    lease.state = DHCP_LEASE_QUARANTINED;
    lease.key = (struct dhcp_key){0}; /* it is nobody's */
    int r = put_lease(l, &lease);
    if (r == 0)
        record(records, &lease);
    return r;
}

int dhcp_leases_apply(struct dhcp_leases *l, const struct dhcp_change *change,
                      struct dhcp_lease *ret_records, size_t *ret_count)
{
    *ret_count = 0;
    struct records records = {.items = ret_records, .count = ret_count};
    switch (change->kind) {
    case DHCP_CHANGE_OFFER:
    case DHCP_CHANGE_BIND:
        return apply_grant(l, change, &records);
    case DHCP_CHANGE_FREE:
        return apply_free(l, change, &records);
    case DHCP_CHANGE_QUARANTINE:
        return apply_quarantine(l, change, &records);
    case DHCP_CHANGE_NONE:
        break;
    }
    return 0;
}

int dhcp_leases_restore(struct dhcp_leases *l, const struct dhcp_lease *lease)
{
    if (lease->state != DHCP_LEASE_FREE)
        return put_lease(l, lease);
    struct dhcp_entry *e = entry_at(l, lease->address);
    if (e)
        end_entry(l, e);
    return 0;
}

void dhcp_leases_expire(struct dhcp_leases *l, int64_t now)
{
    for (struct dhcp_entry *e; (e = dhcp_heap_ended(&l->heap, now));)
        end_entry(l, e);
}

int64_t dhcp_leases_next_expiry(const struct dhcp_leases *l)
{
    return dhcp_heap_next(&l->heap);
}

size_t dhcp_leases_count(const struct dhcp_leases *l)
{
    return map_count(l->by_address);
}

void dhcp_leases_walk(const struct dhcp_leases *l,
                      void (*each)(void *data, const struct dhcp_lease *lease), void *data)
{
    size_t cursor = 0;
    for (struct map_entry_view v; map_next(l->by_address, &cursor, &v);) {
        const struct dhcp_entry *e = v.value;
        each(data, &e->lease);
    }
}
