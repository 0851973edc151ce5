/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind a link, told to the kernel instead of found out by it: ARP entries, and the
 * forwarding database of a VXLAN device. On a socket of net_open(); each call is one blocking
 * exchange with the kernel.
 */
#pragma once

#include <stddef.h>

#include "base/addr.h"

enum net_neighbour_table {
    NET_ARP, /* `mac` is how to reach `address` on this link */
    NET_FDB, /* frames for `mac` go to the tunnel's other end at `address` */
};

struct net_neighbour {
    int ifindex;
    struct mac mac;
    ipv4 address;
};

/* Adds the permanent entry, or replaces that of its address (ARP) or MAC (FDB). 0 or -errno. */
int net_neighbour_set(int fd, enum net_neighbour_table table, const struct net_neighbour *entry)
    _must_check_;

/* -ENOENT when it is not there. */
int net_neighbour_delete(int fd, enum net_neighbour_table table, const struct net_neighbour *entry)
    _must_check_;

/* The permanent entries of one link. free() the list. 0 or a negative errno. */
int net_neighbours(int fd, enum net_neighbour_table table, int ifindex,
                   struct net_neighbour **ret_entries, size_t *ret_count) _must_check_;
