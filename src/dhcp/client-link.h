/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP client on one interface: sockets around dhcp/client.h. Poll the descriptor, call
 * dispatch when it is readable or the deadline has come; several interfaces run side by side in
 * one poll(2). Needs CAP_NET_RAW. It does not touch addresses and routes by itself: on BOUND call
 * dhcp_lease_apply(), on LOST dhcp_lease_revoke().
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "dhcp/client.h"
#include "net/arp.h"
#include "net/link.h"

struct dhcp_client_link;

struct dhcp_client_link_options {
    int ifindex;
    const char *interface; /* its name */
    const char *hostname;  /* copied; NULL: none */
    bool has_uuid;
    uint8_t uuid[16];
    struct mac mac;
    ipv4 last_address;
    const struct arp_timing *probe; /* NULL: use addresses without probing */
    struct rng *rng;                /* NULL: the system's */
    const struct clock *clock;      /* NULL: the system's */
};

/* Opens the sockets and starts. The link must be up. 0 or a negative errno with text. */
int dhcp_client_link_new(const struct dhcp_client_link_options *options,
                         struct dhcp_client_link **ret, struct err *err) _must_check_;
void dhcp_client_link_free(struct dhcp_client_link *link);
DEFINE_CLEANUP(struct dhcp_client_link *, dhcp_client_link_free)

/* For poll(2) with POLLIN. */
int dhcp_client_link_fd(const struct dhcp_client_link *link);

/* Milliseconds until dispatch must be called (for poll's timeout); -1: no limit. */
int dhcp_client_link_timeout(const struct dhcp_client_link *link);

/* Does what is due and reads what waits. *ret_event is the last thing that happened. */
int dhcp_client_link_dispatch(struct dhcp_client_link *link, enum dhcp_client_event *ret_event)
    _must_check_;

/* State, lease and reason; borrowed. */
const struct dhcp_client *dhcp_client_link_client(const struct dhcp_client_link *link);

/* Sends a RELEASE when bound. The link is of no further use. */
void dhcp_client_link_release(struct dhcp_client_link *link);

/*
 * Sets address, routes and MTU of a lease on an interface / removes them. `net` is from net_open().
 * metric: of the routes, so that several interfaces can have a default route. 0 or the first
 * failure as a negative errno (the rest is still tried).
 */
int dhcp_lease_apply(int net, int ifindex, const struct dhcp_client_lease *lease, uint32_t metric,
                     int64_t now) _must_check_;
int dhcp_lease_revoke(int net, int ifindex, const struct dhcp_client_lease *lease) _must_check_;
