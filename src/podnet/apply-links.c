/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/apply-links.h"

#include <errno.h>
#include <stdlib.h>

#include "podnet/diff.h"
#include "podnet/outcome.h"

/* 0 with *ret_index 0 when there is no device any more. */
static int remove_tunnel(int net, int index, struct podnet_outcome *outcome)
{
    int r = net_link_delete(net, index);
    if (r < 0 && r != -ENODEV)
        return outcome_trouble(outcome, r, "cannot remove the tunnel " PODNET_TUNNEL);
    outcome_changed(outcome, "tunnel " PODNET_TUNNEL " removed");
    return 0;
}

static int create_tunnel(int net, const struct net_vxlan *want, int *ret_index,
                         struct podnet_outcome *outcome)
{
    struct net_vxlan made;
    int r = net_vxlan_create(net, want);
    if (r == -EOPNOTSUPP)
        return outcome_trouble(outcome, r,
                               "this kernel has no VXLAN (module vxlan): Nodes behind routers "
                               "cannot be reached");
    if (r == 0)
        r = net_vxlan_read(net, PODNET_TUNNEL, &made, ret_index);
    if (r < 0)
        return outcome_trouble(outcome, r, "cannot make the tunnel " PODNET_TUNNEL);
    outcome_changed(outcome, "tunnel " PODNET_TUNNEL " made");
    return 0;
}

static int has_address(int net, int index, ipv4 address)
{
    _autofree_ struct net_address *all = NULL;
    size_t n = 0;
    int r = net_addresses(net, &all, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (all[i].ifindex == index && all[i].address.address == address)
            return 1;
    }
    return r;
}

/*
 * Only what differs is set: the kernel announces also what changes nothing, and each announcement
 * makes us look again.
 */
static int set_up_tunnel(int net, const struct podnet_plan *plan, int index,
                         struct podnet_outcome *outcome)
{
    struct cidr address = {.address = plan->tunnel_address, .prefix = 32};
    struct net_link link = {0};
    int r = has_address(net, index, address.address);
    if (r == 0)
        r = net_address_add(net, index, address, UINT32_MAX);
    if (r >= 0)
        r = net_link_by_index(net, index, &link);
    if (r == 0 && link.mtu != plan->tunnel.mtu)
        r = net_link_set_mtu(net, index, plan->tunnel.mtu);
    if (r == 0 && !link.up)
        r = net_link_set_up(net, index, true);
    return r < 0 ? outcome_trouble(outcome, r, "cannot set up the tunnel " PODNET_TUNNEL) : 0;
}

/* The device as the plan wants it; *ret_index is 0 when it wants none, or when it failed. */
static int apply_tunnel(int net, const struct podnet_plan *plan, int *ret_index,
                        struct podnet_outcome *outcome)
{
    bool wanted = plan && plan->tunnel.name[0];
    struct net_vxlan have = {0};
    int index = 0, r = net_vxlan_read(net, PODNET_TUNNEL, &have, &index);
    if (r < 0 && r != -ENODEV)
        return outcome_trouble(outcome, r, "cannot use the link " PODNET_TUNNEL);
    if (index && (!wanted || podnet_diff_tunnel(&have, &plan->tunnel) == PODNET_TUNNEL_REBUILD)) {
        r = remove_tunnel(net, index, outcome);
        if (r < 0)
            return r;
        index = 0;
    }
    if (!wanted)
        return 0;
    if (!index) {
        r = create_tunnel(net, &plan->tunnel, &index, outcome);
        if (r < 0)
            return r;
    }
    *ret_index = index;
    return set_up_tunnel(net, plan, index, outcome);
}

static int change_route(int net, const struct podnet_route_change *change,
                        struct podnet_outcome *outcome)
{
    static const char *const verbs[] = {"removed", "changed", "added"};
    char dest[CIDR_TEXT_SIZE], gateway[IPV4_TEXT_SIZE];
    const struct net_route *route = &change->route;
    int r = change->kind == PODNET_REMOVE    ? net_route_delete(net, route)
            : change->kind == PODNET_REPLACE ? net_route_add(net, route)
                                             : net_route_create(net, route);
    if (r == -ESRCH && change->kind == PODNET_REMOVE)
        r = 0; /* gone with its link */
    cidr_text(route->dest, dest);
    ipv4_text(route->gateway, gateway);
    if (r == -EEXIST)
        return outcome_trouble(outcome, r, "the route to %s is not ours and stays", dest);
    if (r < 0)
        return outcome_trouble(outcome, r, "route to %s via %s", dest, gateway);
    outcome_changed(outcome, "route to %s via %s %s", dest, gateway, verbs[change->kind]);
    return 0;
}

static int apply_routes(int net, const struct podnet_plan *plan, int tunnel,
                        struct podnet_outcome *outcome)
{
    _autofree_ struct net_route *have = NULL, *want = NULL;
    _autofree_ struct podnet_route_change *changes = NULL;
    size_t n_have = 0, n_want = 0, n = 0;
    int r = net_routes(net, PODNET_PROTOCOL, &have, &n_have), first = 0;
    if (r == 0 && plan && !(want = podnet_all_routes(plan, tunnel, &n_want)))
        r = -ENOMEM;
    if (r == 0)
        r = podnet_diff_routes(have, n_have, want, n_want, &changes, &n);
    if (r < 0)
        return outcome_trouble(outcome, r, "cannot compare routes");
    for (size_t i = 0; i < n; i++)
        outcome_first(&first, change_route(net, &changes[i], outcome));
    return first;
}

static int change_neighbour(int net, enum net_neighbour_table table,
                            const struct podnet_neighbour_change *change,
                            struct podnet_outcome *outcome)
{
    char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
    int r = change->remove ? net_neighbour_delete(net, table, &change->entry)
                           : net_neighbour_set(net, table, &change->entry);
    if (r == -ENOENT && change->remove)
        r = 0;
    if (r < 0)
        return outcome_trouble(outcome, r, "neighbour %s, %s on " PODNET_TUNNEL,
                               ipv4_text(change->entry.address, address),
                               mac_text(change->entry.mac, mac));
    return 0;
}

static struct net_neighbour *wanted_neighbours(const struct podnet_plan *plan, int tunnel,
                                               enum net_neighbour_table table)
{
    struct net_neighbour *want = calloc(plan->n_peers + 1, sizeof(*want));
    for (size_t i = 0; want && i < plan->n_peers; i++) {
        const struct podnet_peer *peer = &plan->peers[i];
        want[i] = (struct net_neighbour){.ifindex = tunnel,
                                         .mac = peer->mac,
                                         .address = table == NET_FDB ? peer->node : peer->address};
    }
    return want;
}

static int apply_neighbours(int net, const struct podnet_plan *plan, int tunnel,
                            enum net_neighbour_table table, struct podnet_outcome *outcome)
{
    _autofree_ struct net_neighbour *have = NULL;
    _autofree_ struct net_neighbour *want = wanted_neighbours(plan, tunnel, table);
    _autofree_ struct podnet_neighbour_change *changes = NULL;
    size_t n_have = 0, n = 0;
    int r = want ? net_neighbours(net, table, tunnel, &have, &n_have) : -ENOMEM, first = 0;
    if (r == 0)
        r = podnet_diff_neighbours(table, have, n_have, want, plan->n_peers, &changes, &n);
    if (r < 0)
        return outcome_trouble(outcome, r, "cannot compare neighbours");
    for (size_t i = 0; i < n; i++)
        outcome_first(&first, change_neighbour(net, table, &changes[i], outcome));
    return first;
}

int apply_links(int net, const struct podnet_plan *plan, struct podnet_outcome *outcome)
{
    int first = 0, tunnel = 0;
    outcome_first(&first, apply_tunnel(net, plan, &tunnel, outcome));
    if (tunnel) { /* before the routes that lead there */
        outcome_first(&first, apply_neighbours(net, plan, tunnel, NET_FDB, outcome));
        outcome_first(&first, apply_neighbours(net, plan, tunnel, NET_ARP, outcome));
    }
    outcome_first(&first, apply_routes(net, plan, tunnel, outcome));
    return first;
}
