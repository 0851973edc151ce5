/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 routes of the main table through rtnetlink(7), on a socket of net_open(). Each call is one
 * blocking exchange with the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct net_route {
    struct cidr dest; /* 0.0.0.0/0: default */
    ipv4 gateway;     /* 0: on the link itself */
    ipv4 source;      /* preferred source address, 0: the kernel's choice */
    int ifindex;
    uint32_t metric;  /* 0: none */
    uint8_t protocol; /* who made it, RTPROT_*; 0: RTPROT_DHCP when added, any when deleted */
    bool onlink;      /* the gateway is reached through the link, whatever its subnet is */
};

/* Adds the route, or replaces one with the same destination and metric. 0 or a negative errno. */
int net_route_add(int fd, const struct net_route *route) _must_check_;

/* As net_route_add(), but -EEXIST when there is one with the same destination and metric. */
int net_route_create(int fd, const struct net_route *route) _must_check_;

/* Deletes the route that agrees in all that is given. -ESRCH when there is none. */
int net_route_delete(int fd, const struct net_route *route) _must_check_;

/*
 * All unicast routes that `protocol` made (0: whoever made them). Of routes with several next hops
 * neither gateway nor link is given. free() the list. 0 or a negative errno.
 */
int net_routes(int fd, uint8_t protocol, struct net_route **ret_routes, size_t *ret_count)
    _must_check_;
