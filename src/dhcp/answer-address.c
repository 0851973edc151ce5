/* SPDX-License-Identifier: Apache-2.0 */
/* Which address a client gets, and whether it may have the one that it asks for. */
#include "dhcp/answer-private.h"

enum { OFFER_HOLD_MS = 30000, STRANGER_OFFERS_MIN = 16 };

/*
 * Strangers can make up MAC addresses without end. Offers to them may hold half of a range (each
 * for OFFER_HOLD_MS), and their leases never the last eighth, which is kept for known Machines.
 */
static bool strangers_full(const struct dhcp_leases *leases, struct dhcp_range range)
{
    struct dhcp_pool_use use = dhcp_leases_pool_use(leases, range);
    uint32_t offers = use.size / 2 > STRANGER_OFFERS_MIN ? use.size / 2 : STRANGER_OFFERS_MIN;
    uint32_t leases_max = use.size - use.size / 8;
    return use.offered_strangers >= offers ||
           use.offered_strangers + use.bound_strangers >= leases_max;
}

/* Does this client hold a live lease at the address? */
static bool holds(const struct decision *d, ipv4 address)
{
    const struct dhcp_lease *lease = dhcp_leases_by_address(d->view->leases, address);
    return lease && dhcp_key_eq(&lease->key, &d->key) &&
           (lease->state == DHCP_LEASE_BOUND || lease->state == DHCP_LEASE_OFFERED);
}

/* The Machine's own address in this Network; 0 when it has none. */
static ipv4 reserved_address(const struct decision *d)
{
    if (!d->known || !d->host.address || !cidr_contains(d->network->subnet, d->host.address))
        return 0;
    return d->host.address;
}

/* NONE when nobody else is on it. */
static enum dhcp_drop reserved_obstacle(const struct decision *d, ipv4 address)
{
    const struct dhcp_lease *lease = dhcp_leases_by_address(d->view->leases, address);
    if (!lease || lease->state == DHCP_LEASE_FREE || dhcp_key_eq(&lease->key, &d->key))
        return DHCP_DROP_NONE;
    return lease->state == DHCP_LEASE_QUARANTINED ? DHCP_DROP_QUARANTINED
                                                  : DHCP_DROP_ADDRESS_IN_USE;
}

static const struct dhcp_range *range_with(const struct dhcp_network *n, ipv4 address)
{
    for (size_t i = 0; i < n->range_count; i++) {
        if (address >= n->ranges[i].first && address <= n->ranges[i].last)
            return &n->ranges[i];
    }
    return NULL;
}

/* May it come from the pool, for this client, as far as the table knows? */
static bool is_open(const struct decision *d, ipv4 address)
{
    return range_with(d->network, address) &&
           dhcp_leases_is_open(d->view->leases, address, &d->key);
}

/* An address from before, or the one asked for, or any: RFC 2131 section 4.3.1. */
static enum dhcp_drop choose_from_pool(const struct decision *d, ipv4 *ret_address)
{
    const struct dhcp_network *n = d->network;
    const struct dhcp_lease *before = dhcp_leases_by_key(d->view->leases, &d->key, n->subnet);
    ipv4 requested = dhcp_options_ipv4(&d->request->message.options, DHCP_OPTION_REQUESTED_ADDRESS);
    ipv4 wishes[] = {before ? before->address : 0, requested};
    for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
        const struct dhcp_range *range = range_with(n, wishes[i]);
        if (!range || !is_open(d, wishes[i]))
            continue;
        if (d->known || holds(d, wishes[i]) || !strangers_full(d->view->leases, *range)) {
            *ret_address = wishes[i];
            return DHCP_DROP_NONE;
        }
    }
    enum dhcp_drop why = DHCP_DROP_NO_ADDRESS;
    for (size_t i = 0; i < n->range_count; i++) {
        if (!d->known && strangers_full(d->view->leases, n->ranges[i])) {
            why = DHCP_DROP_STRANGERS;
            continue;
        }
        *ret_address = dhcp_leases_pick(d->view->leases, n->ranges[i], &d->key);
        if (*ret_address)
            return DHCP_DROP_NONE;
    }
    return why;
}

/*
 * A Machine's own address first. While it is quarantined the Machine waits, because an address that
 * it does not expect would only hide the conflict. While another client holds it (a second NIC of
 * the same Machine, or a lease from before the reservation) it gets one from the pool meanwhile.
 */
enum dhcp_drop dhcp_choose_address(const struct decision *d, ipv4 *ret_address)
{
    ipv4 own = reserved_address(d);
    enum dhcp_drop obstacle = DHCP_DROP_NONE;
    if (own) {
        obstacle = reserved_obstacle(d, own);
        if (obstacle == DHCP_DROP_NONE)
            *ret_address = own;
        if (obstacle != DHCP_DROP_ADDRESS_IN_USE)
            return obstacle;
    }
    enum dhcp_drop drop = choose_from_pool(d, ret_address);
    return drop && obstacle ? obstacle : drop;
}

const char *dhcp_refuse_address(const struct decision *d, ipv4 address, enum dhcp_drop *ret_drop)
{
    ipv4 own = reserved_address(d);
    *ret_drop = DHCP_DROP_NONE;
    if (!cidr_contains(d->network->subnet, address))
        return "wrong network";
    if (own && address == own)
        return reserved_obstacle(d, own) ? "address in use" : NULL;
    if (own && reserved_obstacle(d, own) == DHCP_DROP_NONE)
        return "another address is reserved for this machine";
    if (!is_open(d, address))
        return "address not available";
    const struct dhcp_range *range = range_with(d->network, address);
    if (!d->known && !holds(d, address) && range && strangers_full(d->view->leases, *range))
        *ret_drop = DHCP_DROP_STRANGERS;
    return NULL;
}

static struct dhcp_change change_to(const struct decision *d, ipv4 address)
{
    const struct dhcp_lease *old = dhcp_leases_by_address(d->view->leases, address);
    struct dhcp_change change = {.subnet = d->network->subnet};
    change.lease.address = address;
    change.lease.key = d->key;
    change.lease.mac = d->mac;
    change.lease.stranger = !d->known;
    change.lease.probed = old && old->probed && holds(d, address);
    return change;
}

void dhcp_change_offer(const struct decision *d, ipv4 address)
{
    struct dhcp_change change = change_to(d, address);
    const struct dhcp_lease *old = dhcp_leases_by_address(d->view->leases, address);
    bool bound = holds(d, address) && old && old->state == DHCP_LEASE_BOUND;
    change.kind = DHCP_CHANGE_OFFER;
    change.lease.state = DHCP_LEASE_OFFERED;
    change.lease.expires = d->now + OFFER_HOLD_MS;
    /* behind a relay there is no link of ours to ask on */
    d->ret->probe =
        d->network->probe && !d->request->message.giaddr && !bound && !change.lease.probed;
    d->ret->change = change;
}

void dhcp_change_bind(const struct decision *d, ipv4 address)
{
    struct dhcp_change change = change_to(d, address);
    change.kind = DHCP_CHANGE_BIND;
    change.lease.state = DHCP_LEASE_BOUND;
    change.lease.expires = d->now + (int64_t)dhcp_lease_seconds(d->network) * 1000;
    d->ret->change = change;
}
