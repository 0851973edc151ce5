/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink datagrams, IPv4/UDP packets and ARP: what comes in below the protocols. */
#include "net/netlink.h"
#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_packets(const uint8_t *data, size_t size)
{
    struct udp_packet udp;
    struct arp_packet arp;
    if (udp_packet_parse(data, size, true, &udp) == 0) {
        uint8_t again[70000];
        size_t len = 0;
        struct udp_packet back;
        if (udp_packet_build(&udp, again, sizeof(again), &len) < 0 ||
            udp_packet_parse(again, len, false, &back) < 0 || back.len != udp.len)
            __builtin_trap();
    }
    if (arp_packet_parse(data, size, &arp) == 0) {
        uint8_t again[ARP_PACKET_SIZE];
        arp_packet_build(&arp, again);
        if (memcmp(again, data, sizeof(again)) != 0)
            __builtin_trap();
    }
}

static void read_tables(struct rd payload)
{
    struct net_route route;
    struct net_neighbour entry;
    struct net_vxlan vxlan;
    if (nl_parse_route(payload, &route) == 0 && route.dest.prefix > 32)
        __builtin_trap();
    if (nl_parse_neighbour(payload, NET_ARP, &entry) == 0 && !entry.address)
        __builtin_trap();
    (void)!nl_parse_neighbour(payload, NET_FDB, &entry);
    if (nl_parse_vxlan(payload, &vxlan) == 0 && !memchr(vxlan.name, 0, sizeof(vxlan.name)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_init(data, size);
    struct net_link link;
    struct net_address address;
    for (struct nl_message m; nl_next(&r, &m);) {
        if (nl_parse_link(m.payload, &link) == 0 && memchr(link.name, 0, sizeof(link.name)) == NULL)
            __builtin_trap();
        (void)!nl_parse_address(m.payload, &address);
        (void)nl_error(m.payload);
        read_tables(m.payload);
    }
    read_packets(data, size);
    return 0;
}
