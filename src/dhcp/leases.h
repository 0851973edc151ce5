/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which address: the lease table in memory, found by address and by client, with expiry
 * and pools. Every operation is O(log n) or better, so that ten thousand leases answer like ten.
 *
 * A client is its Ethernet address. RFC 2131 would let option 61 decide, but one machine speaks
 * with three DHCP clients on its way up (firmware, iPXE, Linux), each with another client
 * identifier and the same MAC, and would hold three addresses. Only where there is no Ethernet
 * address (InfiniBand) does option 61 count.
 *
 * Times are monotonic milliseconds, except in records, which outlive the process. Not thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/random.h"
#include "dhcp/message.h"

enum { DHCP_KEY_MAX = 64 };

struct dhcp_key {
    uint8_t len; /* 0: the client cannot be told apart */
    uint8_t bytes[DHCP_KEY_MAX];
};

/* The client that sent m; len is 0 when it has neither an Ethernet unicast MAC nor a usable 61. */
struct dhcp_key dhcp_key_of(const struct dhcp_message *m);
static inline bool dhcp_key_eq(const struct dhcp_key *a, const struct dhcp_key *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

enum dhcp_lease_state {
    DHCP_LEASE_FREE,    /* over; remembered so that the client gets it again */
    DHCP_LEASE_OFFERED, /* held for a short while; never written to disk */
    DHCP_LEASE_BOUND,
    DHCP_LEASE_QUARANTINED /* somebody on the wire uses it */
};

struct dhcp_lease {
    ipv4 address;
    enum dhcp_lease_state state;
    bool stranger;   /* the client was no known Machine when it got it */
    bool probed;     /* an ARP probe found the address unused before it was offered */
    int64_t expires; /* monotonic ms; INT64_MAX: never */
    struct dhcp_key key;
    struct mac mac;
};

/* What dhcp_answer() wants done to the table. */
enum dhcp_change_kind {
    DHCP_CHANGE_NONE,
    DHCP_CHANGE_OFFER,
    DHCP_CHANGE_BIND,       /* durable before the ACK leaves */
    DHCP_CHANGE_FREE,       /* RELEASE, or an offer that was not taken */
    DHCP_CHANGE_QUARANTINE, /* DECLINE, or a probe was answered */
};

struct dhcp_change {
    enum dhcp_change_kind kind;
    struct dhcp_lease lease; /* OFFER, BIND, QUARANTINE: as it shall be; FREE: its address */
    struct cidr subnet;      /* a client has one address in each subnet: others are let go */
};

struct dhcp_range {
    ipv4 first, last; /* both included */
};

enum { DHCP_POOL_MAX = 1 << 20 }; /* addresses in one range */

struct dhcp_leases;

/* NULL when out of memory. */
struct dhcp_leases *dhcp_leases_new(void);
void dhcp_leases_free(struct dhcp_leases *leases);
DEFINE_CLEANUP(struct dhcp_leases *, dhcp_leases_free)

/*
 * Sets the ranges from which addresses are chosen (of all Networks; they may not overlap), and
 * addresses inside them that are never chosen (our own, routers). Leases stay. 0, -EINVAL
 * (reversed, overlapping), -ERANGE (above DHCP_POOL_MAX) or -ENOMEM; on failure nothing changed.
 */
int dhcp_leases_set_pools(struct dhcp_leases *leases, const struct dhcp_range *ranges, size_t count,
                          const ipv4 *excluded, size_t excluded_count) _must_check_;

/*
 * Addresses promised to known Machines are never chosen for others. Addresses outside all ranges
 * are ignored; dhcp_leases_set_pools() keeps what was reserved in ranges that stay.
 */
void dhcp_leases_reserve(struct dhcp_leases *leases, ipv4 address, bool reserved);
void dhcp_leases_reserve_none(struct dhcp_leases *leases);

/* Lookups; borrowed until the next change. NULL when there is none. FREE leases are found too. */
const struct dhcp_lease *dhcp_leases_by_address(const struct dhcp_leases *leases, ipv4 address);
const struct dhcp_lease *dhcp_leases_by_key(const struct dhcp_leases *leases,
                                            const struct dhcp_key *key, struct cidr subnet);

/*
 * True when this client may have the address from the pool: it lies in a range, is neither reserved
 * nor excluded, and nobody else holds it.
 */
bool dhcp_leases_is_open(const struct dhcp_leases *leases, ipv4 address,
                         const struct dhcp_key *key);

/*
 * A free address of the range for this client: each client starts its search at a place of its own,
 * so that it tends to get the same one again. 0 when the range is full.
 */
ipv4 dhcp_leases_pick(const struct dhcp_leases *leases, struct dhcp_range range,
                      const struct dhcp_key *key);

/* How full a range is: what limits on strangers are made from. */
struct dhcp_pool_use {
    uint32_t size;
    uint32_t taken;             /* offered, bound or quarantined */
    uint32_t offered_strangers; /* offers that wait for a stranger's REQUEST */
    uint32_t bound_strangers;
    uint32_t quarantined;
};
struct dhcp_pool_use dhcp_leases_pool_use(const struct dhcp_leases *leases,
                                          struct dhcp_range range);

/*
 * Applies a change. *ret_records (room for DHCP_RECORDS_MAX) gets a copy of each lease whose
 * durable record must be written, *ret_count how many. 0 or -ENOMEM (then nothing changed).
 */
enum { DHCP_RECORDS_MAX = 4 };
int dhcp_leases_apply(struct dhcp_leases *leases, const struct dhcp_change *change,
                      struct dhcp_lease *ret_records, size_t *ret_count) _must_check_;

/* Puts a lease read from the journal into the table. Later records replace earlier ones. */
int dhcp_leases_restore(struct dhcp_leases *leases, const struct dhcp_lease *lease) _must_check_;

/* Ends what is over. To be called before answering; cheap when nothing is. */
void dhcp_leases_expire(struct dhcp_leases *leases, int64_t now);

/* A time before which no lease ends (it may be too early), INT64_MAX when none will. */
int64_t dhcp_leases_next_expiry(const struct dhcp_leases *leases);

size_t dhcp_leases_count(const struct dhcp_leases *leases);

/* Calls each for every lease, in no order. The table must not change meanwhile. */
void dhcp_leases_walk(const struct dhcp_leases *leases,
                      void (*each)(void *data, const struct dhcp_lease *lease), void *data);

/*
 * A lease as one line of text without newline, for the journal:
 * "10.0.0.5 bound 1767225600000 52:54:00:12:34:56 01525400123456 -". `expires` becomes wall-clock
 * time: wall_offset is wall minus monotonic. The length, or -EMSGSIZE.
 */
enum { DHCP_RECORD_TEXT_SIZE = 256 };
int dhcp_lease_print(const struct dhcp_lease *lease, int64_t wall_offset, char *dst, size_t size);
/* 0 or -EBADMSG. */
int dhcp_lease_parse(const char *line, int64_t wall_offset, struct dhcp_lease *ret) _must_check_;
const char *dhcp_lease_state_text(enum dhcp_lease_state state);
