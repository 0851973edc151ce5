/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VXLAN devices (RFC 7348) that learn nothing and flood nothing: where a frame goes is told by
 * net_neighbour_set(). On a socket of net_open(); each call is one blocking exchange.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "base/addr.h"

struct net_vxlan {
    char name[IF_NAMESIZE];
    uint32_t id;   /* VXLAN network identifier, 24 bits */
    uint16_t port; /* UDP */
    ipv4 local;    /* our end of the tunnel, an address of this host */
    struct mac mac;
    uint32_t mtu;
    bool learning; /* only read: net_vxlan_create() makes devices that do not learn */
};

/*
 * Makes the device, down. 0, -EEXIST (a link of that name), -EOPNOTSUPP (this kernel has no VXLAN),
 * -EPERM, or another negative errno.
 */
int net_vxlan_create(int fd, const struct net_vxlan *vxlan) _must_check_;

/*
 * Reads the device of that name; *ret_index is its index. 0, -ENODEV when there is none,
 * -EMEDIUMTYPE when the link is no VXLAN device, or another negative errno.
 */
int net_vxlan_read(int fd, const char *name, struct net_vxlan *ret, int *ret_index) _must_check_;
