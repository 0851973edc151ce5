/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap of leases by the time at which they end. Part of dhcp/leases.h.
 *
 * Most changes are renewals, which only move the end to later. Those leave the heap as it is: the
 * entry is put where it belongs when its earlier time comes up. So a renewal touches one entry,
 * not a dozen, however many leases there are.
 */
#pragma once

#include "dhcp/leases.h"

struct dhcp_entry {
    struct dhcp_lease lease;
    struct dhcp_entry *next; /* of the same client, in other subnets */
    size_t heap_at;          /* place in the heap plus one; 0: not in it */
};

struct dhcp_heap_item {
    int64_t at; /* not later than entry->lease.expires */
    struct dhcp_entry *entry;
};

struct dhcp_heap {
    struct dhcp_heap_item *items;
    size_t count, room;
};

/* Room for n items in all, so that dhcp_heap_put() cannot fail. 0 or -ENOMEM. */
int dhcp_heap_reserve(struct dhcp_heap *heap, size_t n) _must_check_;

/* To be called when the entry is new or its lease.expires has changed. */
void dhcp_heap_put(struct dhcp_heap *heap, struct dhcp_entry *entry);
void dhcp_heap_remove(struct dhcp_heap *heap, struct dhcp_entry *entry);

/* An entry whose lease has ended at `now`; NULL when there is none. */
struct dhcp_entry *dhcp_heap_ended(struct dhcp_heap *heap, int64_t now);

/* A time before which no lease ends; INT64_MAX when none will. */
int64_t dhcp_heap_next(const struct dhcp_heap *heap);
