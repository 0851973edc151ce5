/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one Node has to do so that every pod reaches every other: decided here from plain values,
 * carried out by apply.h. Pure.
 *
 * A Node on the subnet of one of our links gets a plain route to its pods' range. One behind a
 * router gets a VXLAN tunnel: both ends derive each other's Ethernet address and the tunnel's
 * address from the range alone (its first address, which no pod gets), so nothing has to be
 * published or agreed on.
 *
 * What a Node says of itself is not believed blindly, since its kubelet may be anybody's: a range
 * outside of the Cluster's, one that overlaps an older Node's, an address that cannot be a Node's
 * get no route, and a line that says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/link.h"
#include "net/neighbour.h"
#include "net/route.h"
#include "net/vxlan.h"
#include "podnet/config.h"
#include "podnet/node.h"

#define PODNET_BRIDGE "cni0"
#define PODNET_TUNNEL "vxlan.slipway"
#define PODNET_TABLE "slipway-podnet" /* of nftables */
#define PODNET_FILE "10-slipway.conflist"

enum {
    PODNET_PROTOCOL = 83,       /* of our routes: none of /etc/iproute2/rt_protos */
    PODNET_VXLAN_ID = 0x5357,   /* "SW" */
    PODNET_VXLAN_PORT = 4789,   /* RFC 7348 */
    PODNET_VXLAN_OVERHEAD = 50, /* IPv4, UDP, VXLAN and Ethernet headers */
};

/* This host, as the kernel tells. Everything is borrowed. */
struct podnet_host {
    const struct net_link *links;
    size_t n_links;
    const struct net_address *addresses;
    size_t n_addresses;
    bool has_portmap, has_bandwidth; /* CNI plugins that are there */
};

/* A Node that is reached through the tunnel. */
struct podnet_peer {
    ipv4 node;      /* where its end of the tunnel is */
    ipv4 address;   /* of that end inside the tunnel: the gateway of its range */
    struct mac mac; /* of that end */
    struct cidr range;
};

struct podnet_plan {
    /* Why nothing can be done yet; "" when there is a plan. While it waits, what was done stays. */
    char waiting[384];
    char *conflist;           /* the text of PODNET_FILE */
    char *rules;              /* for nft -f - */
    struct net_route *routes; /* to Nodes on our links, sorted by destination */
    size_t n_routes;
    struct podnet_peer *peers; /* sorted by range */
    size_t n_peers;
    struct net_vxlan tunnel; /* name "" when no peer needs it */
    ipv4 tunnel_address;
    uint32_t mtu;        /* of pods */
    struct buf problems; /* one line per Node that is left out, each with '\n'; sorted by range */
};

/* Frees all and leaves it empty. */
void podnet_plan_clear(struct podnet_plan *plan);
#define _autoplan_ _cleanup_(podnet_plan_clear)

/* 0 (also when it waits) or -ENOMEM. Nodes may come in any order; their names are unique. */
int podnet_plan_make(const struct podnet_config *config, const struct podnet_node *nodes,
                     size_t n_nodes, const struct podnet_host *host, struct podnet_plan *ret)
    _must_check_;

/* The Ethernet address of the tunnel's end of the Node with that range. */
struct mac podnet_tunnel_mac(struct cidr range);

/* The files' texts, malloc'd; NULL when out of memory. */
char *podnet_conflist(struct cidr range, uint32_t mtu, bool has_portmap, bool has_bandwidth);
char *podnet_rules(struct cidr pod_subnet);
/* A script that removes what podnet_rules() made, and succeeds when there is nothing. */
extern const char podnet_no_rules[];
