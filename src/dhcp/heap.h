/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of leases by the time at which they end. Part of dhcp/leases.h. */
#pragma once

#include "dhcp/leases.h"

struct dhcp_entry {
    struct dhcp_lease lease;
    struct dhcp_entry *next; /* of the same client, in other subnets */
    size_t heap_at;          /* place in the heap plus one; 0: not in it */
};

struct dhcp_heap {
    struct dhcp_entry **items;
    size_t count, room;
};

/* Room for n items in all, so that dhcp_heap_put() cannot fail. 0 or -ENOMEM. */
int dhcp_heap_reserve(struct dhcp_heap *heap, size_t n) _must_check_;

/* Puts the entry in, or moves it to its place after lease.expires has changed. */
void dhcp_heap_put(struct dhcp_heap *heap, struct dhcp_entry *entry);
void dhcp_heap_remove(struct dhcp_heap *heap, struct dhcp_entry *entry);

/* The entry that ends first; NULL when empty. */
struct dhcp_entry *dhcp_heap_first(const struct dhcp_heap *heap);
