/* SPDX-License-Identifier: Apache-2.0 */
/* This host as the kernel shows it now: what the plan is made from besides the Nodes. */
#pragma once

#include "base/err.h"
#include "podnet/plan.h"

/* Owns the lists that podnet_host borrows. */
struct podnet_snapshot {
    struct podnet_host host;
    struct net_link *links;
    struct net_address *addresses;
};

void podnet_snapshot_clear(struct podnet_snapshot *snapshot);
#define _autosnapshot_ _cleanup_(podnet_snapshot_clear)

/* net: a socket of net_open(). bin_dir: where CNI plugins are looked for. 0 or a negative errno. */
int podnet_snapshot_take(int net, const char *bin_dir, struct podnet_snapshot *ret, struct err *err)
    _must_check_;
