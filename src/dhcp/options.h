/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of one DHCP message as owned values: RFC 2132 codes, RFC 3396 concatenation already
 * done, everything bounded. An option is present once, however it was split on the wire.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rd.h"
#include "base/wr.h"

enum dhcp_option_code {
    DHCP_OPTION_PAD = 0,
    DHCP_OPTION_SUBNET_MASK = 1,
    DHCP_OPTION_ROUTER = 3,
    DHCP_OPTION_DNS = 6,
    DHCP_OPTION_HOSTNAME = 12,
    DHCP_OPTION_DOMAIN = 15,
    DHCP_OPTION_MTU = 26,
    DHCP_OPTION_BROADCAST = 28,
    DHCP_OPTION_NTP = 42,
    DHCP_OPTION_VENDOR = 43, /* PXE suboptions */
    DHCP_OPTION_REQUESTED_ADDRESS = 50,
    DHCP_OPTION_LEASE_TIME = 51,
    DHCP_OPTION_OVERLOAD = 52,
    DHCP_OPTION_MESSAGE_TYPE = 53,
    DHCP_OPTION_SERVER_ID = 54,
    DHCP_OPTION_PARAMETERS = 55,
    DHCP_OPTION_MESSAGE = 56,
    DHCP_OPTION_MAX_SIZE = 57,
    DHCP_OPTION_RENEWAL_TIME = 58,
    DHCP_OPTION_REBINDING_TIME = 59,
    DHCP_OPTION_VENDOR_CLASS = 60,
    DHCP_OPTION_CLIENT_ID = 61,
    DHCP_OPTION_TFTP_SERVER = 66,
    DHCP_OPTION_BOOT_FILE = 67,
    DHCP_OPTION_USER_CLASS = 77,
    DHCP_OPTION_RELAY_AGENT = 82,  /* RFC 3046 */
    DHCP_OPTION_ARCHITECTURE = 93, /* RFC 4578 */
    DHCP_OPTION_NETWORK_INTERFACE = 94,
    DHCP_OPTION_MACHINE_ID = 97,        /* RFC 4578: a type byte and a UUID */
    DHCP_OPTION_DOMAIN_SEARCH = 119,    /* RFC 3397 */
    DHCP_OPTION_CLASSLESS_ROUTES = 121, /* RFC 3442 */
    DHCP_OPTION_IPXE = 175,
    DHCP_OPTION_END = 255,
};

enum { DHCP_OPTIONS_DATA_MAX = 4096 };

/* Zero-initialised: no options. */
struct dhcp_options {
    uint16_t at[256];   /* where the value starts in data */
    uint16_t size[256]; /* length of the value plus one; 0: absent */
    uint8_t order[256]; /* codes in the order in which they came or were added */
    uint16_t count;
    uint16_t used; /* bytes of data */
    uint8_t data[DHCP_OPTIONS_DATA_MAX];
};

static inline bool dhcp_options_has(const struct dhcp_options *o, uint8_t code)
{
    return o->size[code] != 0;
}

/* The value, borrowed from o; bad when the option is absent. */
struct rd dhcp_options_get(const struct dhcp_options *o, uint8_t code);

/* Values of exactly this size; 0 when absent or of another size. */
uint8_t dhcp_options_u8(const struct dhcp_options *o, uint8_t code);
uint16_t dhcp_options_u16(const struct dhcp_options *o, uint8_t code);
uint32_t dhcp_options_u32(const struct dhcp_options *o, uint8_t code);
ipv4 dhcp_options_ipv4(const struct dhcp_options *o, uint8_t code);

/* At most max addresses of a list; the count. */
size_t dhcp_options_ipv4s(const struct dhcp_options *o, uint8_t code, ipv4 *dst, size_t max);

/*
 * Text into dst, cut at the first NUL (firmware appends one) and at size-1. The length.
 * Bytes are copied as they are: a stranger chose them.
 */
size_t dhcp_options_text(const struct dhcp_options *o, uint8_t code, char *dst, size_t size);

/* Adds an option behind the others. 0, -EEXIST, -EINVAL (pad, end) or -EMSGSIZE. */
int dhcp_options_add(struct dhcp_options *o, uint8_t code, const void *value, size_t len)
    _must_check_;
int dhcp_options_add_u8(struct dhcp_options *o, uint8_t code, uint8_t value) _must_check_;
int dhcp_options_add_u16(struct dhcp_options *o, uint8_t code, uint16_t value) _must_check_;
int dhcp_options_add_u32(struct dhcp_options *o, uint8_t code, uint32_t value) _must_check_;
int dhcp_options_add_ipv4s(struct dhcp_options *o, uint8_t code, const ipv4 *values, size_t count)
    _must_check_;
int dhcp_options_add_text(struct dhcp_options *o, uint8_t code, const char *text) _must_check_;

/* One option or suboption on the wire. */
struct dhcp_tlv {
    uint8_t code;
    struct rd value; /* borrows */
};

/*
 * The next option of an area with pads skipped; false at its END, at its end, or when an option
 * reaches beyond it (then r is bad). Suboptions of 43 and 175 have the same form.
 */
bool dhcp_tlv_next(struct rd *r, struct dhcp_tlv *ret);

/* The same for option 82, whose suboptions know neither pad nor END (RFC 3046 section 2.0). */
bool dhcp_relay_tlv_next(struct rd *r, struct dhcp_tlv *ret);

/*
 * Reads options areas (the options field, then `file`, then `sname` where overloaded) into ret,
 * joining the parts of an option that comes several times. 0 or -EBADMSG.
 */
int dhcp_options_parse(const struct rd *areas, size_t count, struct dhcp_options *ret) _must_check_;

/*
 * RFC 3442 routes. Reading: at most max, -EBADMSG when malformed, else the count. Writing: into
 * dst, the length or -EMSGSIZE.
 */
struct dhcp_route {
    struct cidr dest;
    ipv4 gateway;
};
int dhcp_routes_parse(struct rd value, struct dhcp_route *dst, size_t max);
int dhcp_routes_build(const struct dhcp_route *routes, size_t count, uint8_t *dst, size_t size);

/* RFC 3397: domain names in DNS form, uncompressed. The length, -EINVAL or -EMSGSIZE. */
int dhcp_search_build(const char *const *names, size_t count, uint8_t *dst, size_t size);
