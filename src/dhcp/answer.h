/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP policy: one pure function from a request and a view of the world to an answer, the same
 * for the server, its tests, its fuzzer and the simulation. It reads, decides, and changes nothing.
 */
#pragma once

#include "dhcp/firmware.h"
#include "dhcp/leases.h"
#include "dhcp/message.h"

enum dhcp_mode {
    DHCP_MODE_OFF,
    DHCP_MODE_AUTHORITATIVE, /* gives addresses and boot information; says NAK */
    DHCP_MODE_PROXY,         /* another server gives addresses; boot information only */
};

enum { DHCP_SERVERS_MAX = 8, DHCP_RANGES_MAX = 64, DHCP_ROUTES_MAX = 32, DHCP_SEARCH_MAX = 16 };

/* A subnet and what its machines are told. Strings are borrowed from the owner of the list. */
struct dhcp_network {
    const char *name;
    enum dhcp_mode mode;
    struct cidr subnet;
    const char *interface; /* where it is attached; NULL: reached through relays only */
    int ifindex;           /* of interface, 0 while it is missing (the server keeps it) */
    ipv4 server;           /* our address for its clients: options 54 and (default) 66, siaddr */
    struct dhcp_range ranges[DHCP_RANGES_MAX];
    size_t range_count;
    bool answer_unknown;    /* machines that nobody declared get an address and are Discovered */
    bool probe;             /* ARP for an address before offering it */
    uint32_t lease_seconds; /* 0: 3600 */
    uint32_t quarantine_seconds; /* 0: 600 */
    ipv4 router;                 /* 0: none */
    ipv4 dns[DHCP_SERVERS_MAX];
    size_t dns_count;
    ipv4 ntp[DHCP_SERVERS_MAX];
    size_t ntp_count;
    struct dhcp_route routes[DHCP_ROUTES_MAX]; /* option 121, besides the default route */
    size_t route_count;
    const char *domain; /* NULL: none */
    const char *search[DHCP_SEARCH_MAX];
    size_t search_count;
    uint16_t mtu; /* 0: not told */
};

/* What is asked about a client. Everything in it may be forged. */
struct dhcp_query {
    const struct dhcp_network *network;
    const struct dhcp_firmware *firmware;
    struct mac mac;
    char uuid[DHCP_UUID_TEXT_SIZE]; /* "" when the client sent none */
    ipv4 address; /* that the client has or will have; 0 while not known (proxy) */
};

enum dhcp_lookup {
    DHCP_HOST_UNKNOWN,
    DHCP_HOST_FOUND,
    DHCP_HOST_AMBIGUOUS, /* several Machines claim this MAC or UUID: nobody is answered */
    DHCP_HOST_REFUSED,   /* known, and not to be answered */
};

/* A known Machine, as far as DHCP cares. Strings are borrowed until the next call. */
struct dhcp_host {
    const char *name;     /* the Machine's name */
    ipv4 address;         /* reserved for it in the query's Network; 0: from the pool */
    const char *hostname; /* option 12; NULL: none */
    ipv4 router;          /* 0: the Network's */
    ipv4 dns[DHCP_SERVERS_MAX];
    size_t dns_count; /* 0: the Network's */
    ipv4 ntp[DHCP_SERVERS_MAX];
    size_t ntp_count;
};

enum { DHCP_BOOT_FILE_MAX = 512 };

/* What a client shall boot. */
struct dhcp_boot {
    bool boot;        /* false: no boot information (local disk, or nothing to offer) */
    ipv4 next_server; /* TFTP server; 0: the Network's server address */
    char file[DHCP_BOOT_FILE_MAX]; /* TFTP path, or the URI for HTTP Boot and iPXE */
};

/*
 * The world as plain values and look-ups. The look-ups answer from memory, at once. `networks` is
 * borrowed; leases must have been expired to `now`.
 */
struct dhcp_view {
    const struct dhcp_network *networks;
    size_t network_count;
    const struct dhcp_leases *leases;
    const ipv4 *own; /* all addresses of this host: a relayed request "from" one is forged */
    size_t own_count;
    uint32_t proxy_silence; /* proxy offers this client got without coming to port 4011 */
    void *data;
    enum dhcp_lookup (*find_host)(void *data, const struct dhcp_query *query,
                                  struct dhcp_host *ret);
    /* host is NULL for an unknown client. Only asked for clients that boot over the network. */
    void (*plan_boot)(void *data, const struct dhcp_query *query, const struct dhcp_host *host,
                      struct dhcp_boot *ret);
};

/* A datagram as it came in. */
struct dhcp_request {
    struct dhcp_message message;
    ipv4 source; /* of the IP header */
    uint16_t source_port;
    ipv4 dest;  /* of the IP header: tells a unicast renewal from a broadcast */
    ipv4 local; /* our address on the interface it came in by */
    int ifindex;
    uint16_t port; /* that it was received on: 67 or 4011 */
};

/* Why nothing is sent. Every one has a text for people. */
enum dhcp_drop {
    DHCP_DROP_NONE,
    DHCP_DROP_NOT_REQUEST, /* op is not BOOTREQUEST: an answer, perhaps reflected */
    DHCP_DROP_BOOTP,       /* no message type */
    DHCP_DROP_BAD_TYPE,    /* a type that only servers send, or that nobody knows */
    DHCP_DROP_HOPS,        /* more than 16 relays */
    DHCP_DROP_LOOP,        /* giaddr is one of our addresses, or no address at all */
    DHCP_DROP_CLIENT,      /* neither a unicast MAC nor a client identifier */
    DHCP_DROP_NO_NETWORK,  /* no Network for this interface or relay */
    DHCP_DROP_OFF,         /* its Network is off */
    DHCP_DROP_UNKNOWN,     /* no Machine has this MAC, and the Network ignores strangers */
    DHCP_DROP_AMBIGUOUS,   /* two Machines claim it */
    DHCP_DROP_REFUSED,
    DHCP_DROP_OTHER_SERVER,   /* the client chose another server */
    DHCP_DROP_NO_ADDRESS,     /* ranges are full */
    DHCP_DROP_STRANGERS,      /* strangers hold their share of the ranges */
    DHCP_DROP_ADDRESS_IN_USE, /* the Machine's address is held by another client */
    DHCP_DROP_QUARANTINED,    /* the Machine's address is in use on the wire */
    DHCP_DROP_NOT_YOURS,      /* RELEASE or DECLINE of somebody else's address */
    DHCP_DROP_MALFORMED,      /* fields that contradict each other */
    DHCP_DROP_NOT_BOOTING,    /* proxy: not a network boot client, or nothing to boot */
    DHCP_DROP_PROXY,          /* proxy: a message that the address server answers */
    DHCP_DROP_DONE,           /* RELEASE and DECLINE have no reply */
    DHCP_DROP_TOO_BIG,        /* the reply does not fit the client's buffer */
};
/* For programs, in lower case with underscores, and for people. */
const char *dhcp_drop_name(enum dhcp_drop drop);
const char *dhcp_drop_text(enum dhcp_drop drop);

enum dhcp_route_kind {
    DHCP_SEND_UDP,       /* unicast, the client or relay answers ARP */
    DHCP_SEND_BROADCAST, /* to 255.255.255.255 */
    DHCP_SEND_LINK,      /* to `mac`: the client has no address yet and answers no ARP */
};

struct dhcp_destination {
    enum dhcp_route_kind kind;
    ipv4 address;
    uint16_t port;
    uint16_t source_port; /* clients on 4011 take answers from 4011 only */
    struct mac mac;
    int ifindex; /* where the request came in: preferred; for a routed one the table decides */
};

struct dhcp_answer {
    enum dhcp_drop drop; /* DHCP_DROP_NONE: send reply to `to` */
    enum dhcp_type type; /* of the reply */
    struct dhcp_message reply;
    size_t reply_size; /* the most that the client takes, for dhcp_message_build() */
    ipv4 source;       /* our address to send from */
    struct dhcp_destination to;
    struct dhcp_change change; /* to apply first, and, for BIND, to make durable before sending */
    bool probe;                /* ARP for change.lease.address before sending this OFFER */
    /* For events and logs; borrowed from the view. */
    const struct dhcp_network *network; /* NULL when none was found */
    struct dhcp_firmware firmware;
    char host[254]; /* the Machine's name, "" when unknown */
};

/* Decides. `now` is monotonic ms. Fills all of *ret. */
void dhcp_answer(const struct dhcp_request *request, const struct dhcp_view *view, int64_t now,
                 struct dhcp_answer *ret);

/*
 * The Network a request belongs to: by link selection (82.5) or giaddr when relayed, by ciaddr when
 * renewing by unicast, else by the interface. NULL when there is none.
 */
const struct dhcp_network *dhcp_network_of(const struct dhcp_request *request,
                                           const struct dhcp_view *view);
