/* SPDX-License-Identifier: Apache-2.0 */
#include "net/arp.h"

const struct arp_timing arp_timing_rfc5227 = {
    .wait_ms = 1000, .min_ms = 1000, .max_ms = 2000, .announce_ms = 2000, .probes = 3};
const struct arp_timing arp_timing_quick = {
    .wait_ms = 0, .min_ms = 50, .max_ms = 60, .announce_ms = 80, .probes = 3};

static uint32_t between(struct rng *rng, uint32_t min, uint32_t max)
{
    return min + rng_below(rng, max - min + 1);
}

void arp_probe_start(struct arp_probe *probe, ipv4 address, struct mac own,
                     const struct arp_timing *timing, struct rng *rng, int64_t now)
{
    *probe = (struct arp_probe){.state = ARP_PROBING,
                                .address = address,
                                .own = own,
                                .timing = timing,
                                .rng = rng,
                                .deadline = now + between(rng, 0, timing->wait_ms)};
}

bool arp_probe_step(struct arp_probe *probe, int64_t now, struct arp_packet *ret_send)
{
    if (probe->state != ARP_PROBING || now < probe->deadline)
        return false;
    const struct arp_timing *t = probe->timing;
    if (probe->sent == t->probes) {
        probe->state = ARP_FREE;
        return false;
    }
    probe->sent++;
    uint32_t pause = t->announce_ms;
    if (probe->sent < t->probes)
        pause = between(probe->rng, t->min_ms, t->max_ms);
    probe->deadline = now + pause;
    *ret_send =
        (struct arp_packet){.op = ARP_REQUEST, .sender_mac = probe->own, .target = probe->address};
    return true;
}

/* RFC 5227 section 2.1.1: the sender has the address, or another host probes for it too. */
void arp_probe_receive(struct arp_probe *probe, const struct arp_packet *packet)
{
    if (probe->state != ARP_PROBING || mac_eq(packet->sender_mac, probe->own))
        return;
    bool has_it = packet->sender == probe->address;
    bool wants_it =
        packet->op == ARP_REQUEST && packet->sender == 0 && packet->target == probe->address;
    if (!has_it && !wants_it)
        return;
    probe->state = ARP_CONFLICT;
    probe->conflict = packet->sender_mac;
}

struct arp_packet arp_announcement(ipv4 address, struct mac own)
{
    return (struct arp_packet){
        .op = ARP_REQUEST, .sender_mac = own, .sender = address, .target = address};
}
