/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the policy share while one request is decided. Part of dhcp/answer.h. */
#pragma once

#include "dhcp/answer.h"

struct decision {
    const struct dhcp_request *request;
    const struct dhcp_view *view;
    int64_t now;
    enum dhcp_type type; /* of the request */
    const struct dhcp_network *network;
    ipv4 server_id; /* how we are called in option 54 */
    struct dhcp_key key;
    struct mac mac;
    struct dhcp_query query;
    struct dhcp_host host;
    bool known; /* host is set */
    struct dhcp_answer *ret;
};

/* answer-address.c: which address, and may the client have it? */

/* For a DISCOVER: DHCP_DROP_NONE and the address, or why there is none. */
enum dhcp_drop dhcp_choose_address(const struct decision *d, ipv4 *ret_address);

/* For a REQUEST of this very address: NULL when granted, else what the NAK says. */
const char *dhcp_refuse_address(const struct decision *d, ipv4 address, enum dhcp_drop *ret_drop);

/* Fills d->ret->change. */
void dhcp_change_offer(const struct decision *d, ipv4 address);
void dhcp_change_bind(const struct decision *d, ipv4 address);

/* answer-reply.c: what the reply says. All fill d->ret; a negative errno means that it is too big.
 */
int dhcp_reply_begin(const struct decision *d, enum dhcp_type type);
int dhcp_reply_lease(const struct decision *d, ipv4 address);
int dhcp_reply_settings(const struct decision *d, ipv4 address);
int dhcp_reply_nak(const struct decision *d, const char *why);
int dhcp_reply_finish(const struct decision *d);
void dhcp_reply_destination(const struct decision *d);

/* answer-boot.c: what the client shall boot. */

/* Asks the view; false when there is nothing to boot. */
bool dhcp_plan_boot(const struct decision *d, ipv4 address, struct dhcp_boot *ret);

/* How the boot program is announced. */
enum dhcp_boot_style {
    DHCP_BOOT_PLAIN,     /* with an address: file and next server are enough */
    DHCP_BOOT_DISCOVERY, /* option 43 says "boot this, ask nobody" (43.6 = 8) */
    DHCP_BOOT_BINL,      /* no option 43: the client comes to port 4011 */
    DHCP_BOOT_ACK,       /* the answer on port 4011 */
};
int dhcp_reply_boot(const struct decision *d, const struct dhcp_boot *boot,
                    enum dhcp_boot_style style);
enum dhcp_boot_style dhcp_proxy_style(const struct decision *d);

static inline uint32_t dhcp_lease_seconds(const struct dhcp_network *network)
{
    return network->lease_seconds ? network->lease_seconds : 3600;
}
