/* SPDX-License-Identifier: Apache-2.0 */
/* What of a Kubernetes Node matters for the network between pods, as a plain value. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "podnet/config.h"

struct podnet_node {
    char name[PODNET_NAME_SIZE];
    ipv4 address;      /* its first IPv4 InternalIP; 0: none yet */
    struct cidr range; /* its first IPv4 podCIDR; prefix 0: none yet */
    bool foreign;      /* it has podCIDRs, none of which can be used: only IPv6, or no subnets */
    int64_t created;   /* metadata.creationTimestamp, in ms since 1970 */
};

/* Takes it from a Node object of the API. 0, or -EINVAL when it has no name. */
int podnet_node_read(const json_t *object, struct podnet_node *ret) _must_check_;

bool podnet_node_eq(const struct podnet_node *a, const struct podnet_node *b);
