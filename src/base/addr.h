/* SPDX-License-Identifier: Apache-2.0 */
/* Link-layer and IPv4 addresses and subnets as plain values, with strict parsing and printing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define MAC_TEXT_SIZE 18  /* "52:54:00:12:34:56" and NUL */
#define IPV4_TEXT_SIZE 16 /* "255.255.255.255" and NUL */
#define CIDR_TEXT_SIZE 19

struct mac {
    uint8_t b[6];
};

/* An IPv4 address in host byte order: 10.0.0.1 is 0x0a000001. 0 means "none". */
typedef uint32_t ipv4;

/* A subnet, or an address together with its subnet (the host bits are kept). */
struct cidr {
    ipv4 address;
    uint8_t prefix; /* 0..32 */
};

static inline bool mac_eq(struct mac a, struct mac b)
{
    return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

/* Neither all zero nor multicast: may belong to one machine. */
static inline bool mac_is_unicast(struct mac m)
{
    static const uint8_t zero[6];
    return !(m.b[0] & 1) && memcmp(m.b, zero, 6) != 0;
}

/* "52:54:00:12:34:56" or with '-', any case. 0 or -EINVAL. */
int mac_parse(const char *s, struct mac *ret) _must_check_;
/* Lower case with ':' into dst of MAC_TEXT_SIZE. Returns dst. */
const char *mac_text(struct mac m, char dst[static MAC_TEXT_SIZE]);

/* Dotted quad, no leading zeros. 0 or -EINVAL. */
int ipv4_parse(const char *s, ipv4 *ret) _must_check_;
const char *ipv4_text(ipv4 a, char dst[static IPV4_TEXT_SIZE]);

/* "10.0.0.0/24". 0 or -EINVAL. */
int cidr_parse(const char *s, struct cidr *ret) _must_check_;
const char *cidr_text(struct cidr c, char dst[static CIDR_TEXT_SIZE]);

static inline ipv4 cidr_mask(struct cidr c)
{
    return c.prefix ? (ipv4)(0xffffffffu << (32 - c.prefix)) : 0;
}

static inline ipv4 cidr_first(struct cidr c)
{
    return c.address & cidr_mask(c);
}

static inline ipv4 cidr_last(struct cidr c)
{
    return c.address | ~cidr_mask(c);
}

static inline bool cidr_contains(struct cidr c, ipv4 a)
{
    return (a & cidr_mask(c)) == cidr_first(c);
}

/* The prefix length of a netmask; -1 when its ones are not contiguous. */
int ipv4_mask_prefix(ipv4 mask);
