/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links and IPv4 addresses through rtnetlink(7). Spoken directly, because the static agent
 * needs this and no library for it can be linked statically here. Every call is one blocking
 * exchange with the kernel (microseconds) on a socket that the caller opened with net_open().
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct net_link {
    int index;
    char name[IF_NAMESIZE];
    struct mac mac; /* zero when it has no 6-byte address */
    uint16_t type;  /* ARPHRD_*, 1 is Ethernet */
    uint32_t mtu;
    bool up;      /* administratively */
    bool carrier; /* the cable (or its virtual peer) is there */
    bool loopback;
    int master;    /* index of the bridge or bond it is in, 0: none */
    char kind[16]; /* "bridge", "bond", "vlan", "veth"...; "" for real hardware */
};

struct net_address {
    int ifindex;
    struct cidr address; /* with its host bits */
};

/* An rtnetlink socket for the calls below. 0 or a negative errno. */
int net_open(int *ret_fd) _must_check_;

/* All links, in the kernel's order (by index). free() the list. 0 or a negative errno. */
int net_links(int fd, struct net_link **ret_links, size_t *ret_count) _must_check_;

/* One link. 0, -ENODEV when there is none, or another negative errno. */
int net_link_by_index(int fd, int index, struct net_link *ret) _must_check_;
int net_link_by_name(int fd, const char *name, struct net_link *ret) _must_check_;

/* Sets it administratively up or down. 0 or a negative errno. */
int net_link_set_up(int fd, int index, bool up) _must_check_;
int net_link_set_mtu(int fd, int index, uint32_t mtu) _must_check_;

/* Removes a virtual link. 0, -ENODEV, -EOPNOTSUPP (hardware) or another negative errno. */
int net_link_delete(int fd, int index) _must_check_;

/* All IPv4 addresses. free() the list. */
int net_addresses(int fd, struct net_address **ret_addresses, size_t *ret_count) _must_check_;

/*
 * Adds the address, or refreshes it when it is there. valid_seconds: how long the kernel keeps it
 * (UINT32_MAX: for ever). Deleting what is not there is -EADDRNOTAVAIL.
 */
int net_address_add(int fd, int ifindex, struct cidr address, uint32_t valid_seconds) _must_check_;
int net_address_delete(int fd, int ifindex, struct cidr address) _must_check_;

/* Megabits per second as the driver says, or -1 when it does not know (no carrier, virtual). */
int net_link_speed(const char *name);

/*
 * Waits until every link of `indexes` has a carrier, or timeout_ms passed; then *ret_ready (one
 * bool per link, may be NULL) tells which have. 0 when at least one has, -ETIMEDOUT when none, or
 * another negative errno.
 */
int net_wait_carrier(int fd, const int *indexes, size_t count, int timeout_ms, bool *ret_ready)
    _must_check_;

enum net_event_kind { NET_LINK_CHANGED, NET_LINK_GONE, NET_ADDRESS_CHANGED, NET_EVENTS_LOST };

struct net_event {
    enum net_event_kind kind;
    struct net_link link;       /* NET_LINK_*; only its index is set for GONE */
    struct net_address address; /* NET_ADDRESS_CHANGED */
    bool added;                 /* NET_ADDRESS_CHANGED: else removed */
};

/* A non-blocking descriptor that becomes readable when links or addresses change. */
int net_events_open(int *ret_fd) _must_check_;

/*
 * Reads what is waiting and calls on_event for each. NET_EVENTS_LOST: the kernel dropped some, so
 * list again. 0 or a negative errno.
 */
int net_events_read(int fd, void (*on_event)(void *data, const struct net_event *event), void *data)
    _must_check_;
