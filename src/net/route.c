/* SPDX-License-Identifier: Apache-2.0 */
#include "net/route.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/exchange.h"

enum { REQUEST_SIZE = 128 };

static struct rtmsg route_header(uint16_t type, const struct net_route *route)
{
    struct rtmsg h = {
        .rtm_family = AF_INET,
        .rtm_dst_len = route->dest.prefix,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = route->protocol,
    };
    if (type == RTM_DELROUTE) {
        h.rtm_scope = RT_SCOPE_NOWHERE; /* any */
        return h;
    }
    if (!h.rtm_protocol)
        h.rtm_protocol = RTPROT_DHCP;
    h.rtm_scope = route->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    h.rtm_type = RTN_UNICAST;
    h.rtm_flags = route->onlink ? RTNH_F_ONLINK : 0;
    return h;
}

void nl_put_route(struct wr *w, uint16_t type, uint16_t flags, const struct net_route *route)
{
    struct rtmsg h = route_header(type, route);
    nl_begin(w, type, (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags), &h, sizeof(h));
    if (route->dest.prefix)
        nl_put_ipv4(w, RTA_DST, cidr_first(route->dest));
    if (route->gateway)
        nl_put_ipv4(w, RTA_GATEWAY, route->gateway);
    if (route->source)
        nl_put_ipv4(w, RTA_PREFSRC, route->source);
    if (route->metric)
        nl_put_u32(w, RTA_PRIORITY, route->metric);
    if (route->ifindex)
        nl_put_u32(w, RTA_OIF, (uint32_t)route->ifindex);
}

static int change_route(int fd, uint16_t type, uint16_t flags, const struct net_route *route)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    nl_put_route(&w, type, flags, route);
    return nl_exchange(fd, &w, NULL, NULL);
}

int net_route_add(int fd, const struct net_route *route)
{
    return change_route(fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

int net_route_create(int fd, const struct net_route *route)
{
    return change_route(fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

int net_route_delete(int fd, const struct net_route *route)
{
    return change_route(fd, RTM_DELROUTE, 0, route);
}

static void parse_route_attr(const struct nl_attr *a, struct net_route *route, uint32_t *table)
{
    switch (a->type) {
    case RTA_DST:
        route->dest.address = nl_ipv4(a->value);
        break;
    case RTA_GATEWAY:
        route->gateway = nl_ipv4(a->value);
        break;
    case RTA_PREFSRC:
        route->source = nl_ipv4(a->value);
        break;
    case RTA_PRIORITY:
        route->metric = nl_u32(a->value);
        break;
    case RTA_OIF:
        route->ifindex = (int)nl_u32(a->value);
        break;
    case RTA_TABLE:
        *table = nl_u32(a->value);
        break;
    default:
        break;
    }
}

int nl_parse_route(struct rd payload, struct net_route *ret)
{
    struct rtmsg h;
    rd_copy(&payload, &h, sizeof(h));
    if (rd_ok(&payload) && h.rtm_family != AF_INET)
        return -EAFNOSUPPORT;
    struct net_route route = {.dest.prefix = h.rtm_dst_len,
                              .protocol = h.rtm_protocol,
                              .onlink = h.rtm_flags & RTNH_F_ONLINK};
    uint32_t table = h.rtm_table;
    for (struct nl_attr a; nl_attr_next(&payload, &a);)
        parse_route_attr(&a, &route, &table);
    if (!rd_ok(&payload) || route.dest.prefix > 32)
        return -EBADMSG;
    if (table != RT_TABLE_MAIN || h.rtm_type != RTN_UNICAST || (h.rtm_flags & RTM_F_CLONED))
        return -ENOENT;
    *ret = route;
    return 0;
}

struct found_routes {
    struct nl_items list;
    uint8_t protocol;
};

static int collect_route(void *data, const struct nl_message *message)
{
    struct found_routes *found = data;
    struct net_route route;
    if (message->type != RTM_NEWROUTE)
        return 0;
    int r = nl_parse_route(message->payload, &route);
    if (r == -EAFNOSUPPORT || r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    bool wanted = !found->protocol || route.protocol == found->protocol;
    return wanted ? nl_items_add(&found->list, &route) : 0;
}

int net_routes(int fd, uint8_t protocol, struct net_route **ret_routes, size_t *ret_count)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct rtmsg h = {.rtm_family = AF_INET};
    nl_begin(&w, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, &h, sizeof(h));
    struct found_routes found = {.list.size = sizeof(struct net_route), .protocol = protocol};
    int r = nl_exchange(fd, &w, collect_route, &found);
    if (r < 0) {
        free(found.list.items);
        return r;
    }
    *ret_routes = found.list.items;
    *ret_count = found.list.count;
    return 0;
}
