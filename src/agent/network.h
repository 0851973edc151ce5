/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps this machine on the network: brings every adapter up, asks for an address on each that has
 * a carrier as soon as it has one (switches may take a minute), and uses one of them: the one that
 * the firmware booted from, unless the server is only reached through another. Works in a thread of
 * its own; leases are renewed as long as it runs.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "dhcp/client.h"

struct network;

struct network_options {
    bool has_boot_mac;
    struct mac boot_mac;
    bool has_uuid;
    uint8_t uuid[16];
    struct rng *rng; /* borrowed; used by the thread alone */
};

/* The link that is in use. */
struct network_link {
    char name[16];
    struct mac mac;
    struct dhcp_client_lease lease;
};

/* Starts the thread. 0 or a negative errno. */
int network_start(const struct network_options *options, struct network **ret, struct err *err)
    _must_check_;

/*
 * Waits until a link is in use. 0 and *ret; -ETIMEDOUT with the state of every link in err's text.
 * Any thread may call.
 */
int network_wait(struct network *network, int timeout_ms, struct network_link *ret, struct err *err)
    _must_check_;

/* The server was not reached through the link in use: changes to another one if there is one. */
void network_change(struct network *network);

/* For choosing: a candidate as the thread sees it. */
struct network_candidate {
    bool bound; /* has a lease */
    bool carrier;
    bool boot;       /* the firmware's adapter */
    unsigned misses; /* how often the server was not reached through it */
};

enum { NETWORK_BOOT_PATIENCE_MS = 3000 };

/*
 * Which link to use, or -1 for none yet: the fewest misses win, then the boot adapter, then the
 * first. While the boot adapter has a carrier but no lease, others wait for
 * NETWORK_BOOT_PATIENCE_MS since the start. Pure.
 */
int network_choose(const struct network_candidate *candidates, size_t count,
                   int64_t since_start_ms);
