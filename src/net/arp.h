/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this address in use on the link? RFC 5227's probing as a state machine without sockets: the
 * owner sends what it is told, feeds in what arrives, and calls again at the deadline. The RFC's
 * timing takes up to nine seconds; machines that boot cannot wait that long for an address, so the
 * timing is a parameter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "net/packet.h"

struct arp_timing {
    uint16_t wait_ms;        /* the first probe waits a random time up to this */
    uint16_t min_ms, max_ms; /* between probes, random */
    uint16_t announce_ms;    /* quiet time after the last probe */
    uint8_t probes;
};

extern const struct arp_timing arp_timing_rfc5227; /* 4 to 9 s */
extern const struct arp_timing arp_timing_quick;   /* 3 probes within 200 ms */

enum arp_state { ARP_PROBING, ARP_FREE, ARP_CONFLICT };

struct arp_probe {
    enum arp_state state;
    ipv4 address;
    struct mac own;                  /* of the interface that probes */
    struct mac conflict;             /* who has it, when state is ARP_CONFLICT */
    int64_t deadline;                /* monotonic ms of the next arp_probe_step() while probing */
    const struct arp_timing *timing; /* borrowed */
    struct rng *rng;                 /* borrowed */
    uint8_t sent;
};

void arp_probe_start(struct arp_probe *probe, ipv4 address, struct mac own,
                     const struct arp_timing *timing, struct rng *rng, int64_t now);

/*
 * To be called at the deadline (earlier calls do nothing). True: broadcast *ret_send, now. When the
 * quiet time is over the state becomes ARP_FREE.
 */
bool arp_probe_step(struct arp_probe *probe, int64_t now, struct arp_packet *ret_send);

/* Every ARP packet seen on the link, also those for other addresses. */
void arp_probe_receive(struct arp_probe *probe, const struct arp_packet *packet);

/* The announcement that tells the link's caches whose the address is from now on. */
struct arp_packet arp_announcement(ipv4 address, struct mac own);
