/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_PACKET sockets on one interface, with a kernel filter so that only what was asked for wakes
 * us: for hosts that have no address yet, and for answering them. Need CAP_NET_RAW. Non-blocking.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"

extern const struct mac mac_broadcast; /* ff:ff:ff:ff:ff:ff */

struct raw_info {
    struct mac source;
    int ifindex;
    bool outgoing;         /* our own packet, looped back to us */
    bool checksum_pending; /* see udp_packet_parse() */
    bool truncated;
};

/* Receives IPv4/UDP packets (unfragmented) to dest_port. 0 or a negative errno. */
int raw_open_udp(int ifindex, uint16_t dest_port, int *ret_fd) _must_check_;

/* Receives ARP packets. 0 or a negative errno. */
int raw_open_arp(int ifindex, int *ret_fd) _must_check_;

/* Sends IPv4 packets built by udp_packet_build() and receives nothing. 0 or a negative errno. */
int raw_open_send(int *ret_fd) _must_check_;

/* One packet from its network header on. Its length, -EAGAIN, or another negative errno. */
ssize_t raw_receive(int fd, void *buf, size_t size, struct raw_info *ret);

/* Sends one IPv4 (raw_send_ip) or ARP packet to a link-layer address. 0 or a negative errno. */
int raw_send_ip(int fd, int ifindex, struct mac dest, const void *data, size_t len) _must_check_;
int raw_send_arp(int fd, int ifindex, struct mac dest, const void *data, size_t len) _must_check_;
