/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transfer to a client as a pure state machine: packets and time-outs in, actions out. It knows
 * the content's length, not its bytes; sockets, clocks and files are the caller's.
 *
 * Block numbers count from 1 without end here; on the wire they wrap from 65535 to 0, which clients
 * expect of files that are longer than 65535 blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tftp/packet.h"

enum {
    TFTP_WINDOW_MAX = 64,
    TFTP_UDP_OVERHEAD = 32, /* IPv4, UDP and TFTP headers: what blksize must leave of the MTU */
};

struct tftp_policy {
    int timeout_ms;     /* before the first retransmission, unless the client asks for another */
    int timeout_max_ms; /* back-off doubles up to this */
    unsigned tries;     /* retransmissions without progress before giving up */
    unsigned tries_unconfirmed; /* the same before the first answer: its address may be forged */
    uint16_t mtu;               /* of the path to the client; 0: unknown */
};

#define TFTP_POLICY_DEFAULT                                                                        \
    ((struct tftp_policy){                                                                         \
        .timeout_ms = 1000, .timeout_max_ms = 8000, .tries = 8, .tries_unconfirmed = 4})

struct tftp_transfer {
    struct tftp_policy policy;
    struct tftp_options agreed; /* has_* are what the OACK holds */
    uint64_t size;              /* bytes of content */
    uint16_t block;             /* bytes per block */
    uint16_t window;            /* blocks in flight */
    uint64_t blocks;            /* in all; the last is shorter than the others, maybe empty */
    uint64_t acked;             /* every block up to this one has arrived */
    uint64_t sent;              /* the highest block sent since */
    bool oack_pending;          /* the OACK is not confirmed yet */
    bool confirmed;             /* the client has answered something */
    bool repeated;              /* a duplicate ACK was already honoured since the last progress */
    unsigned tries;
    int64_t deadline_ms; /* when to call tftp_transfer_timeout() */
};

enum tftp_act {
    TFTP_ACT_NONE,
    TFTP_ACT_OACK,   /* send the OACK of transfer->agreed */
    TFTP_ACT_BLOCKS, /* send DATA blocks first .. first+count-1 */
    TFTP_ACT_DONE,   /* the client has everything */
    TFTP_ACT_PROBED, /* over: the client only wanted to see the OACK (EDK2 asks for tsize so) */
    TFTP_ACT_FAILED, /* over; tell the client nothing */
};

struct tftp_action {
    enum tftp_act act;
    uint64_t first;
    unsigned count;
    const char *reason; /* TFTP_ACT_FAILED: static text */
};

/* What is granted of the options that a client asked for. */
struct tftp_options tftp_negotiate(const struct tftp_options *asked, uint64_t size,
                                   const struct tftp_policy *policy);

/* Begins a transfer of `size` bytes for a read request; the action is the first to do. */
struct tftp_action tftp_transfer_start(struct tftp_transfer *t, const struct tftp_options *asked,
                                       uint64_t size, const struct tftp_policy *policy,
                                       int64_t now_ms);

/*
 * A packet came from the client. Old and repeated ACKs do nothing (RFC 1123 section 4.2.3.1), nor
 * does a repeated request: the timer sends the first packet again.
 */
struct tftp_action tftp_transfer_packet(struct tftp_transfer *t, const struct tftp_packet *packet,
                                        int64_t now_ms);

/* transfer->deadline_ms has passed. */
struct tftp_action tftp_transfer_timeout(struct tftp_transfer *t, int64_t now_ms);

/* The bytes of a block: their offset in the content and their number. */
static inline uint64_t tftp_block_offset(const struct tftp_transfer *t, uint64_t block)
{
    return (block - 1) * t->block;
}

static inline uint16_t tftp_block_length(const struct tftp_transfer *t, uint64_t block)
{
    uint64_t left = t->size - tftp_block_offset(t, block);
    if (left < t->block)
        return (uint16_t)left;
    return t->block;
}
