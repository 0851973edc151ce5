/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that own their strings, and what the server derives from them. */
#pragma once

#include "base/err.h"
#include "dhcp/answer.h"

struct dhcp_networks {
    struct dhcp_network *list;
    size_t count;
};

/* A deep copy. 0 or -ENOMEM. */
int dhcp_networks_copy(const struct dhcp_network *list, size_t count, struct dhcp_networks *ret)
    _must_check_;
void dhcp_networks_free(struct dhcp_networks *networks);

/* Checks what would make the server misbehave: ranges outside subnets, overlaps. 0 or -EINVAL. */
int dhcp_networks_check(const struct dhcp_network *list, size_t count, struct err *err)
    _must_check_;

/* Gives the ranges of all authoritative Networks to the lease table. */
int dhcp_networks_set_pools(const struct dhcp_networks *networks, struct dhcp_leases *leases,
                            struct err *err) _must_check_;
