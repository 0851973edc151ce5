/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP client (RFC 2131 section 4.4) as a state machine without sockets: it is given time,
 * messages and probe results, and says what to send, what to probe and what has changed. The edge
 * that drives it over AF_PACKET is dhcp/client-link.h. No libuv, no allocation.
 */
#pragma once

#include "base/random.h"
#include "dhcp/message.h"

enum dhcp_client_state {
    DHCP_STATE_INIT,
    DHCP_STATE_SELECTING,
    DHCP_STATE_INIT_REBOOT, /* confirming an address from before */
    DHCP_STATE_REQUESTING,
    DHCP_STATE_PROBING, /* acknowledged; is anybody else using it? */
    DHCP_STATE_BOUND,
    DHCP_STATE_RENEWING,
    DHCP_STATE_REBINDING,
    DHCP_STATE_STOPPED,
};
const char *dhcp_client_state_text(enum dhcp_client_state state);

enum { DHCP_CLIENT_LIST_MAX = 8, DHCP_CLIENT_ROUTES_MAX = 64 };

/* What the server granted. */
struct dhcp_client_lease {
    struct cidr address; /* with its prefix */
    ipv4 server;         /* option 54 */
    ipv4 router;         /* 0: none; from option 121 when that has a default route */
    ipv4 dns[DHCP_CLIENT_LIST_MAX];
    size_t dns_count;
    ipv4 ntp[DHCP_CLIENT_LIST_MAX];
    size_t ntp_count;
    struct dhcp_route routes[DHCP_CLIENT_ROUTES_MAX]; /* without the default route */
    size_t route_count;
    char hostname[256]; /* "" when none; valid as a DNS label sequence */
    char domain[256];
    uint16_t mtu;                            /* 0: not told */
    uint32_t lease_seconds;                  /* UINT32_MAX: for ever */
    int64_t renew_at, rebind_at, expires_at; /* monotonic ms; INT64_MAX: never */
};

struct dhcp_client_config {
    struct mac mac;
    const char *hostname; /* sent as option 12; NULL: none. Borrowed for the client's life. */
    bool has_uuid;
    uint8_t uuid[16];  /* SMBIOS order, sent as option 97 */
    ipv4 last_address; /* try to get this one again (INIT-REBOOT); 0: none */
    bool probe;        /* ARP-probe before using the address */
    struct rng *rng;   /* borrowed */
};

enum dhcp_client_event {
    DHCP_CLIENT_NOTHING,
    DHCP_CLIENT_BOUND,   /* lease is new or has changed */
    DHCP_CLIENT_RENEWED, /* the same lease, later expiry */
    DHCP_CLIENT_LOST,    /* expired or NAK: stop using the address */
    DHCP_CLIENT_CONFLICT /* the address was in use: declined, starting again */
};

/* What to do now. At most one message is to be sent for each call. */
struct dhcp_client_output {
    enum dhcp_client_event event;
    bool send;
    struct dhcp_message message;
    ipv4 source, dest; /* source 0 and dest 255.255.255.255: by broadcast on the link */
    bool probe;        /* start an ARP probe for lease.address, report with _probed() */
};

struct dhcp_client {
    struct dhcp_client_config config;
    enum dhcp_client_state state;
    uint32_t xid;
    int64_t started;    /* of this negotiation, for `secs` */
    int64_t deadline;   /* monotonic ms of the next dhcp_client_step(); INT64_MAX: none */
    unsigned attempt;   /* retransmissions in this state */
    ipv4 requested;     /* address that is being asked for */
    ipv4 server;        /* that offered it */
    unsigned conflicts; /* addresses declined in a row */
    bool bound;         /* lease is in use */
    struct dhcp_client_lease lease;
    struct dhcp_client_lease pending; /* acknowledged, being probed */
    char why[128]; /* last thing that went wrong, for people: "NAK: wrong network" */
};

/* Starts; call dhcp_client_step() at once. */
void dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_config *config,
                      int64_t now);

/* To be called at client->deadline or later; earlier calls do nothing. */
void dhcp_client_step(struct dhcp_client *client, int64_t now, struct dhcp_client_output *ret);

/* A message that arrived for port 68; anything that is not for us is ignored. */
void dhcp_client_receive(struct dhcp_client *client, const struct dhcp_message *message,
                         int64_t now, struct dhcp_client_output *ret);

/* The result of the probe that an output asked for. */
void dhcp_client_probed(struct dhcp_client *client, bool conflict, int64_t now,
                        struct dhcp_client_output *ret);

/* Gives the address back: the output holds a RELEASE when there is something to release. */
void dhcp_client_stop(struct dhcp_client *client, int64_t now, struct dhcp_client_output *ret);
