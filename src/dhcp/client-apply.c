/* SPDX-License-Identifier: Apache-2.0 */
/* A lease on an interface: address, routes, MTU. */
#include <errno.h>

#include "dhcp/client-link.h"
#include "net/route.h"

static uint32_t seconds_left(const struct dhcp_client_lease *l, int64_t now)
{
    if (l->expires_at == INT64_MAX)
        return UINT32_MAX;
    int64_t left = (l->expires_at - now) / 1000;
    return left > 0 ? (uint32_t)left : 1;
}

/* Gateways outside of the subnet must be told to be on the link. */
static int add_route(int net, int ifindex, const struct dhcp_client_lease *l,
                     const struct dhcp_route *route, uint32_t metric)
{
    struct net_route r = {.dest = route->dest,
                          .gateway = route->gateway,
                          .source = l->address.address,
                          .ifindex = ifindex,
                          .metric = metric};
    if (r.gateway && !cidr_contains(l->address, r.gateway)) {
        struct net_route to_gateway = {.dest = {.address = r.gateway, .prefix = 32},
                                       .source = l->address.address,
                                       .ifindex = ifindex,
                                       .metric = metric};
        int failed = net_route_add(net, &to_gateway);
        if (failed)
            return failed;
    }
    return net_route_add(net, &r);
}

int dhcp_lease_apply(int net, int ifindex, const struct dhcp_client_lease *l, uint32_t metric,
                     int64_t now)
{
    int first = 0;
    int r = net_address_add(net, ifindex, l->address, seconds_left(l, now));
    if (r < 0)
        return r; /* no route works without it */
    if (l->mtu)
        first = net_link_set_mtu(net, ifindex, l->mtu);
    for (size_t i = 0; i < l->route_count; i++) {
        r = add_route(net, ifindex, l, &l->routes[i], metric);
        first = first ? first : r;
    }
    if (l->router) {
        struct dhcp_route route = {.gateway = l->router};
        r = add_route(net, ifindex, l, &route, metric);
        first = first ? first : r;
    }
    return first;
}

/* The kernel removes routes whose preferred source goes away. */
int dhcp_lease_revoke(int net, int ifindex, const struct dhcp_client_lease *l)
{
    return net_address_delete(net, ifindex, l->address);
}
