/* SPDX-License-Identifier: Apache-2.0 */
/* From what the kernel has to what it shall have: the fewest changes. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "net/neighbour.h"
#include "net/route.h"
#include "podnet/plan.h"

enum podnet_change_kind {
    PODNET_REMOVE,
    PODNET_REPLACE, /* one of ours with another gateway, link or source, in one step */
    PODNET_CREATE,
};

struct podnet_route_change {
    enum podnet_change_kind kind;
    struct net_route route;
};

/*
 * have: our routes in the kernel, in any order (it is sorted); want: sorted by destination, each
 * destination once. Removals come first. free() the list. 0 or -ENOMEM.
 */
int podnet_diff_routes(struct net_route *have, size_t n_have, const struct net_route *want,
                       size_t n_want, struct podnet_route_change **ret, size_t *ret_count)
    _must_check_;

struct podnet_neighbour_change {
    bool remove; /* else set */
    struct net_neighbour entry;
};

/* As podnet_diff_routes() for one table of one link; both lists are sorted in place. */
int podnet_diff_neighbours(enum net_neighbour_table table, struct net_neighbour *have,
                           size_t n_have, struct net_neighbour *want, size_t n_want,
                           struct podnet_neighbour_change **ret, size_t *ret_count) _must_check_;

/* What has to happen to a tunnel device that is there. */
enum podnet_tunnel_change {
    PODNET_TUNNEL_KEEP,    /* its MTU aside, which can be set */
    PODNET_TUNNEL_REBUILD, /* what differs is fixed when it is made */
};

enum podnet_tunnel_change podnet_diff_tunnel(const struct net_vxlan *have,
                                             const struct net_vxlan *want);

/*
 * All routes of a plan, sorted by destination: those on links, and those through the tunnel, whose
 * link is tunnel_index (0: there is none, they are left out). malloc'd; NULL when out of memory.
 */
struct net_route *podnet_all_routes(const struct podnet_plan *plan, int tunnel_index,
                                    size_t *ret_count);
