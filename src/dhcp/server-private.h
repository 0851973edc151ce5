/* SPDX-License-Identifier: Apache-2.0 */
/* The server's parts, shared between its source files. Part of dhcp/server.h. */
#pragma once

#include <net/if.h>

#include "base/list.h"
#include "dhcp/network-list.h"
#include "dhcp/server.h"
#include "net/arp.h"
#include "net/link.h"

enum {
    HELD_MAX = 4096,        /* ACKs that wait for the disk; more are dropped, clients ask again */
    HELD_TIMEOUT_MS = 8000, /* an ACK later than this answers nobody */
    PROBES_MAX = 64,        /* addresses being probed; offers beyond go out unprobed */
    PROBE_ATTEMPTS = 4,     /* addresses tried for one DISCOVER */
    SILENCE_SLOTS = 1024,
    SILENCE_FORGET_MS = 180000,
    RECEIVE_BURST = 64, /* datagrams taken from one socket before others get their turn */
};

struct dhcp_listener;

/* One descriptor on the loop. */
struct dhcp_socket {
    uv_poll_t poll; /* its data is the listener */
    int fd;         /* -1: closed */
    uint16_t port;
};

/* The sockets on one interface. */
struct dhcp_listener {
    struct list list;
    struct dhcp_server *server;
    char device[IF_NAMESIZE]; /* "": any interface, for relayed requests */
    int ifindex;              /* 0: missing */
    struct mac mac;
    bool wanted; /* while Networks are replaced */
    struct dhcp_socket dhcp, pxe, sniffer, arp;
    unsigned handles; /* that libuv still knows */
    bool closing;
};

/* A reply as bytes, with what is told about it when it leaves. */
struct dhcp_outgoing {
    struct dhcp_destination to;
    ipv4 source;
    struct dhcp_firmware firmware;
    enum dhcp_type request, type;
    char network[254]; /* by name: the list may be replaced meanwhile */
    char host[254];
    struct mac mac;
    ipv4 address;
    size_t len;
    uint8_t bytes[DHCP_MESSAGE_MAX];
};

/* An ACK whose lease is not durable yet. */
struct dhcp_held {
    struct list list;
    uint64_t batch;
    int64_t since;
    struct dhcp_outgoing *outgoing;
};

/* An OFFER whose address is being probed. */
struct dhcp_probe {
    struct list list;
    struct arp_probe arp;
    int ifindex;
    unsigned attempt;
    struct dhcp_request *request; /* to be answered again after a conflict */
    struct dhcp_change change;
    struct dhcp_outgoing *outgoing;
};

/* Proxy offers that a client got without coming to port 4011. */
struct dhcp_silence {
    struct mac mac;
    uint32_t xid, count;
    int64_t last;
};

struct dhcp_server {
    uv_loop_t *loop;
    const struct clock *clock;
    struct rng *rng;
    struct dhcp_server_hooks hooks;
    struct dhcp_server_counters counters;
    struct dhcp_leases *leases;
    struct dhcp_networks networks;
    ipv4 *own;
    size_t own_count;
    struct list listeners;
    int net_fd, send_fd;
    struct dhcp_socket events; /* rtnetlink */
    uv_timer_t timer;

    struct list held;
    size_t held_count;
    uint64_t batch;     /* number of the batch being collected */
    uint64_t under_way; /* number of the batch at the journal, 0: none */
    struct dhcp_lease *records;
    size_t record_count, record_room;

    struct list probes;
    size_t probe_count;
    struct dhcp_silence silence[SILENCE_SLOTS];
    struct {
        ipv4 address;
        int64_t told;
    } others[8]; /* other servers, told about at most once a minute */

    unsigned handles; /* of the server itself and its listeners */
    bool closing;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* server-listen.c */
int dhcp_listeners_update(struct dhcp_server *s, struct err *err) _must_check_;
void dhcp_listeners_close(struct dhcp_server *s);
void dhcp_listeners_refresh(struct dhcp_server *s);
struct dhcp_listener *dhcp_listener_find(const struct dhcp_server *s, int ifindex);
void dhcp_listener_watch_arp(struct dhcp_listener *l, bool on);
/* Called by libuv-closing code: frees the server when nothing is left. */
void dhcp_server_released(struct dhcp_server *s);

/* server-receive.c */
void dhcp_on_datagram(uv_poll_t *poll, int status, int events);
void dhcp_on_sniffed(uv_poll_t *poll, int status, int events);
/* Answers a request; attempt counts conflicts met for it. */
void dhcp_server_handle(struct dhcp_server *s, const struct dhcp_request *request,
                        unsigned attempt);

/* server-send.c */
int dhcp_outgoing_new(const struct dhcp_request *request, const struct dhcp_answer *answer,
                      struct dhcp_outgoing **ret) _must_check_;
/* Sends, tells, frees. */
void dhcp_outgoing_send(struct dhcp_server *s, struct dhcp_outgoing *o);
void dhcp_tell_drop(struct dhcp_server *s, const struct dhcp_request *request,
                    const struct dhcp_answer *answer);
void dhcp_tell_conflict(struct dhcp_server *s, const struct dhcp_network *network, ipv4 address,
                        struct mac mac);
void dhcp_tell_other_server(struct dhcp_server *s, const struct dhcp_network *network, ipv4 address,
                            struct mac mac);
void dhcp_tell_interface(struct dhcp_server *s, const struct dhcp_listener *l, int error);

/* server-commit.c */
/* Applies a change and queues its records for the journal. 0 or -ENOMEM. */
int dhcp_commit(struct dhcp_server *s, const struct dhcp_change *change) _must_check_;
/* Holds a reply until the records queued so far are durable. Takes ownership. */
void dhcp_hold(struct dhcp_server *s, struct dhcp_outgoing *o);
/* Hands the queued records to the journal when it is idle. */
void dhcp_flush(struct dhcp_server *s);
void dhcp_held_expire(struct dhcp_server *s, int64_t now);
void dhcp_commit_free(struct dhcp_server *s);

/* server-probe.c */
/* Probes before the reply is sent; takes ownership of o. False when it is not done (too many). */
bool dhcp_probe_begin(struct dhcp_server *s, const struct dhcp_request *request,
                      const struct dhcp_change *change, struct dhcp_outgoing *o, unsigned attempt);
void dhcp_on_arp(uv_poll_t *poll, int status, int events);
void dhcp_probes_step(struct dhcp_server *s, int64_t now);
int64_t dhcp_probes_deadline(const struct dhcp_server *s);
void dhcp_probes_free(struct dhcp_server *s);

/* server.c */
void dhcp_timer_set(struct dhcp_server *s);
