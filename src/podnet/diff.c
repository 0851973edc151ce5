/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_u32(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_dest(const void *a, const void *b)
{
    const struct net_route *x = a, *y = b;
    int order = compare_u32(cidr_first(x->dest), cidr_first(y->dest));
    return order ? order : compare_u32(x->dest.prefix, y->dest.prefix);
}

static bool same_route(const struct net_route *a, const struct net_route *b)
{
    return compare_dest(a, b) == 0 && a->gateway == b->gateway && a->ifindex == b->ifindex &&
           a->source == b->source && a->metric == b->metric && a->onlink == b->onlink;
}

struct route_changes {
    struct podnet_route_change *list;
    size_t count;
};

static void add(struct route_changes *c, enum podnet_change_kind kind, const struct net_route *r)
{
    c->list[c->count++] = (struct podnet_route_change){.kind = kind, .route = *r};
}

/* Removes those for which `want` is no reason to stay. */
static void remove_stale(struct route_changes *c, const struct net_route *have, size_t n_have,
                         const struct net_route *want, size_t n_want)
{
    for (size_t i = 0; i < n_have; i++) {
        const struct net_route *w =
            n_want ? bsearch(&have[i], want, n_want, sizeof(*want), compare_dest) : NULL;
        if (!w || w->metric != have[i].metric) /* of the same metric there is one: see replace */
            add(c, PODNET_REMOVE, &have[i]);
    }
}

static void add_missing(struct route_changes *c, const struct net_route *have, size_t n_have,
                        const struct net_route *want)
{
    enum podnet_change_kind kind = PODNET_CREATE;
    for (size_t i = 0; i < n_have; i++) {
        if (same_route(&have[i], want))
            return;
        if (have[i].metric == want->metric)
            kind = PODNET_REPLACE;
    }
    add(c, kind, want);
}

int podnet_diff_routes(struct net_route *have, size_t n_have, const struct net_route *want,
                       size_t n_want, struct podnet_route_change **ret, size_t *ret_count)
{
    struct route_changes c = {.list = calloc(n_have + n_want + 1, sizeof(*c.list))};
    if (!c.list)
        return -ENOMEM;
    if (n_have)
        qsort(have, n_have, sizeof(*have), compare_dest);
    remove_stale(&c, have, n_have, want, n_want);
    for (size_t i = 0, at = 0; i < n_want; i++) {
        while (at < n_have && compare_dest(&have[at], &want[i]) < 0)
            at++;
        size_t end = at;
        while (end < n_have && compare_dest(&have[end], &want[i]) == 0)
            end++;
        add_missing(&c, have + at, end - at, &want[i]);
        at = end;
    }
    *ret = c.list;
    *ret_count = c.count;
    return 0;
}

static int compare_mac(const void *a, const void *b)
{
    const struct net_neighbour *x = a, *y = b;
    return memcmp(x->mac.b, y->mac.b, sizeof(x->mac.b));
}

static int compare_address(const void *a, const void *b)
{
    const struct net_neighbour *x = a, *y = b;
    return compare_u32(x->address, y->address);
}

int podnet_diff_neighbours(enum net_neighbour_table table, struct net_neighbour *have,
                           size_t n_have, struct net_neighbour *want, size_t n_want,
                           struct podnet_neighbour_change **ret, size_t *ret_count)
{
    int (*compare)(const void *, const void *) = table == NET_FDB ? compare_mac : compare_address;
    struct podnet_neighbour_change *list = calloc(n_have + n_want + 1, sizeof(*list));
    size_t count = 0;
    if (!list)
        return -ENOMEM;
    if (n_have)
        qsort(have, n_have, sizeof(*have), compare);
    if (n_want)
        qsort(want, n_want, sizeof(*want), compare);
    for (size_t i = 0; i < n_have; i++) {
        if (!n_want || !bsearch(&have[i], want, n_want, sizeof(*want), compare))
            list[count++] = (struct podnet_neighbour_change){.remove = true, .entry = have[i]};
    }
    for (size_t i = 0; i < n_want; i++) {
        const struct net_neighbour *h =
            n_have ? bsearch(&want[i], have, n_have, sizeof(*have), compare) : NULL;
        if (!h || h->address != want[i].address || !mac_eq(h->mac, want[i].mac))
            list[count++] = (struct podnet_neighbour_change){.entry = want[i]};
    }
    *ret = list;
    *ret_count = count;
    return 0;
}

enum podnet_tunnel_change podnet_diff_tunnel(const struct net_vxlan *have,
                                             const struct net_vxlan *want)
{
    bool same = have->id == want->id && have->port == want->port && have->local == want->local &&
                mac_eq(have->mac, want->mac) && !have->learning;
    return same ? PODNET_TUNNEL_KEEP : PODNET_TUNNEL_REBUILD;
}

struct net_route *podnet_all_routes(const struct podnet_plan *plan, int tunnel_index,
                                    size_t *ret_count)
{
    struct net_route *all = calloc(plan->n_routes + plan->n_peers + 1, sizeof(*all));
    size_t n = 0;
    if (!all)
        return NULL;
    for (size_t i = 0; i < plan->n_routes; i++)
        all[n++] = plan->routes[i];
    for (size_t i = 0; tunnel_index && i < plan->n_peers; i++) {
        all[n++] = (struct net_route){.dest = plan->peers[i].range,
                                      .gateway = plan->peers[i].address,
                                      .source = plan->tunnel_address,
                                      .ifindex = tunnel_index,
                                      .protocol = PODNET_PROTOCOL,
                                      .onlink = true};
    }
    if (n)
        qsort(all, n, sizeof(*all), compare_dest);
    *ret_count = n;
    return all;
}
