/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of netlink(7): messages and attributes in host byte order, each padded to 4 bytes.
 * Pure readers and a writer, bounded on both sides.
 */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/rd.h"
#include "base/wr.h"
#include "net/link.h"
#include "net/neighbour.h"
#include "net/route.h"
#include "net/vxlan.h"

struct nl_message {
    uint16_t type, flags;
    uint32_t seq;
    struct rd payload; /* borrows */
};

struct nl_attr {
    uint16_t type; /* without the nested and byte-order bits */
    struct rd value;
};

/* The next message of a datagram; false at its end or when it is malformed (then r is bad). */
bool nl_next(struct rd *r, struct nl_message *ret);
bool nl_attr_next(struct rd *r, struct nl_attr *ret);

/* Integers in host order; 0 when they are not there. */
uint32_t nl_u32(struct rd r);
/* An IPv4 address, which is in network order even here. */
ipv4 nl_ipv4(struct rd r);

/* NLMSG_ERROR's code: 0 for an acknowledgement, a negative errno, -EBADMSG when malformed. */
int nl_error(struct rd payload);

/* RTM_NEWLINK, RTM_DELLINK. 0 or -EBADMSG. */
int nl_parse_link(struct rd payload, struct net_link *ret) _must_check_;
/* RTM_NEWADDR, RTM_DELADDR. 0, -EAFNOSUPPORT when it is not IPv4, or -EBADMSG. */
int nl_parse_address(struct rd payload, struct net_address *ret) _must_check_;

/* RTM_NEWROUTE. 0, -EAFNOSUPPORT, -ENOENT (not a unicast route of the main table) or -EBADMSG. */
int nl_parse_route(struct rd payload, struct net_route *ret) _must_check_;
/* RTM_NEWNEIGH. 0, -EAFNOSUPPORT (of another table), -ENOENT (not permanent) or -EBADMSG. */
int nl_parse_neighbour(struct rd payload, enum net_neighbour_table table, struct net_neighbour *ret)
    _must_check_;
/* RTM_NEWLINK of a VXLAN device. 0, -EMEDIUMTYPE when it is another kind, or -EBADMSG. */
int nl_parse_vxlan(struct rd payload, struct net_vxlan *ret) _must_check_;

/* Starts a request whose length nl_finish() fills in. */
void nl_begin(struct wr *w, uint16_t type, uint16_t flags, const void *header, size_t len);
void nl_put(struct wr *w, uint16_t type, const void *value, size_t len);
void nl_put_u32(struct wr *w, uint16_t type, uint32_t value);
void nl_put_ipv4(struct wr *w, uint16_t type, ipv4 value);
void nl_finish(struct wr *w, uint32_t seq);

/* Starts an attribute made of attributes; its result goes to nl_nest_end(). */
size_t nl_nest(struct wr *w, uint16_t type);
void nl_nest_end(struct wr *w, size_t start);

/* Whole requests but for nl_finish(). type: RTM_NEWROUTE, RTM_DELROUTE; RTM_NEWNEIGH, ... */
void nl_put_route(struct wr *w, uint16_t type, uint16_t flags, const struct net_route *route);
void nl_put_neighbour(struct wr *w, uint16_t type, uint16_t flags, enum net_neighbour_table table,
                      const struct net_neighbour *entry);
void nl_put_vxlan(struct wr *w, const struct net_vxlan *vxlan);
