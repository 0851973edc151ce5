/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One DHCP message (RFC 2131) as a typed value that owns its bytes: parsed once from the wire,
 * or filled in and built. Pure.
 */
#pragma once

#include "dhcp/options.h"

enum {
    DHCP_SERVER_PORT = 67,
    DHCP_CLIENT_PORT = 68,
    DHCP_PXE_PORT = 4011,       /* boot server discovery of the PXE specification */
    DHCP_MESSAGE_HEADER = 240,  /* the fixed fields and the magic cookie */
    DHCP_MESSAGE_MIN = 300,     /* BOOTP's size: some clients and relays drop less */
    DHCP_MESSAGE_DEFAULT = 548, /* what every client must take: 576 less IPv4 and UDP headers */
    DHCP_MESSAGE_MAX = 4096,    /* longer ones are refused */
    DHCP_FLAG_BROADCAST = 0x8000,
};

enum dhcp_op { DHCP_OP_REQUEST = 1, DHCP_OP_REPLY = 2 };

enum dhcp_type {
    DHCP_NO_TYPE = 0, /* BOOTP */
    DHCP_DISCOVER = 1,
    DHCP_OFFER = 2,
    DHCP_REQUEST = 3,
    DHCP_DECLINE = 4,
    DHCP_ACK = 5,
    DHCP_NAK = 6,
    DHCP_RELEASE = 7,
    DHCP_INFORM = 8,
};

struct dhcp_message {
    uint8_t op;
    uint8_t htype, hlen; /* 1 and 6 for Ethernet */
    uint8_t hops;
    uint32_t xid;
    uint16_t secs; /* since the client began */
    uint16_t flags;
    ipv4 ciaddr; /* the client's own, which it can already be reached at */
    ipv4 yiaddr; /* given to the client */
    ipv4 siaddr; /* next server */
    ipv4 giaddr; /* relay agent */
    uint8_t chaddr[16];
    char sname[65]; /* NUL-terminated; "" when the field carries options */
    char file[129];
    struct dhcp_options options;
};

/* The message type, option 53; DHCP_NO_TYPE when absent or unknown. */
enum dhcp_type dhcp_message_type(const struct dhcp_message *m);
/* "DISCOVER", "ACK"...; "BOOTP" for DHCP_NO_TYPE. */
const char *dhcp_type_text(enum dhcp_type type);

/* chaddr as a MAC; zero when it is not an Ethernet address. */
struct mac dhcp_message_mac(const struct dhcp_message *m);

/*
 * Parses a whole datagram. An area without END is accepted, an option that reaches beyond its
 * area is not. 0, or -EBADMSG: too short, too long, no cookie, malformed options.
 */
int dhcp_message_parse(const void *data, size_t len, struct dhcp_message *ret) _must_check_;

/*
 * Builds the datagram, at most `size` bytes (not below DHCP_MESSAGE_MIN), padded to
 * DHCP_MESSAGE_MIN. Options are written in their order, 53 first and 82 last; values above 255
 * bytes are split (RFC 3396). What does not fit goes into `sname` when that is unused (option 52),
 * and what still does not fit is left out, except 53, 54, 51, 61, 82 and 97: -EMSGSIZE.
 * A pad follows options 66 and 67, because EDK2 writes a NUL behind the latter.
 */
int dhcp_message_build(const struct dhcp_message *m, void *dst, size_t size, size_t *ret_len)
    _must_check_;
