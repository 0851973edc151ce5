/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4/UDP datagrams and ARP packets as bytes, for the raw sockets of a host without an address.
 * Pure: no sockets. Both begin at the network layer; the kernel adds and strips the Ethernet header
 * (packet(7), SOCK_DGRAM), so the same code serves plain links, VLANs and bridges.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define UDP_HEADERS_SIZE 28 /* IPv4 without options, and UDP */
#define ARP_PACKET_SIZE 28

struct udp_packet {
    ipv4 source, dest;
    uint16_t source_port, dest_port;
    const uint8_t *payload; /* borrowed */
    size_t len;
};

/*
 * Parses an IPv4 packet holding one whole UDP datagram. Header and (unless checksum_pending) UDP
 * checksums must match; padding behind the datagram is ignored. checksum_pending: the kernel said
 * that a local sender left the UDP checksum to hardware (TP_STATUS_CSUMNOTREADY).
 * 0, or -EBADMSG: not IPv4/UDP, a fragment, truncated, or a checksum is wrong. The payload borrows
 * from data.
 */
int udp_packet_parse(const void *data, size_t len, bool checksum_pending, struct udp_packet *ret)
    _must_check_;

/* Writes IPv4 and UDP headers with checksums, TTL 64, and the payload. 0 or -EMSGSIZE. */
int udp_packet_build(const struct udp_packet *p, void *dst, size_t size, size_t *ret_len)
    _must_check_;

/* RFC 1071 sum of data, added to a partial sum that ends on an even byte; fold with inet_fold(). */
uint32_t inet_sum(const void *data, size_t len, uint32_t partial);
uint16_t inet_fold(uint32_t sum);

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

/* RFC 826 for IPv4 over Ethernet. */
struct arp_packet {
    uint16_t op; /* ARP_REQUEST or ARP_REPLY */
    struct mac sender_mac;
    ipv4 sender;
    struct mac target_mac;
    ipv4 target;
};

/* 0, or -EBADMSG when it is not ARP for IPv4 over Ethernet. */
int arp_packet_parse(const void *data, size_t len, struct arp_packet *ret) _must_check_;
void arp_packet_build(const struct arp_packet *p, uint8_t dst[static ARP_PACKET_SIZE]);
