/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-blocking UDP sockets that know where a datagram came in and that answer from the same place:
 * IP_PKTINFO gives the interface and the local address, and sets both when sending.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"

struct udp_options {
    const char *device; /* SO_BINDTODEVICE; NULL: every interface */
    ipv4 address;       /* bind address; 0: any */
    uint16_t port;      /* 0: the kernel chooses */
    bool broadcast;     /* may send to broadcast addresses */
    bool shared;        /* SO_REUSEADDR: other sockets (of ours) may have the same port */
    int receive_buffer; /* bytes asked of the kernel; 0: its default */
};

struct udp_info {
    ipv4 source; /* who sent it */
    uint16_t source_port;
    ipv4 dest;  /* the address in the header: may be a broadcast */
    ipv4 local; /* our address on that interface */
    int ifindex;
    bool truncated; /* the datagram was longer than the buffer */
};

/* Opens, sets options and binds. The caller closes the descriptor. 0 or a negative errno. */
int udp_open(const struct udp_options *options, int *ret_fd, struct err *err) _must_check_;

/* One datagram. Its length in the buffer, -EAGAIN when none waits, or another negative errno. */
ssize_t udp_receive(int fd, void *buf, size_t size, struct udp_info *ret);

/*
 * Sends one datagram; source 0 and ifindex 0 leave the choice to the routing table. 0 or a negative
 * errno (-EAGAIN when the socket's buffer is full).
 */
int udp_send(int fd, const void *data, size_t len, ipv4 dest, uint16_t port, ipv4 source,
             int ifindex) _must_check_;

/* The port that the socket is bound to; 0 when it is not. */
uint16_t udp_port(int fd);
