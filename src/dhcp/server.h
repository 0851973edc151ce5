/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP server's edge: sockets on a libuv loop. It receives, asks dhcp_answer(), applies lease
 * changes, holds each ACK until the owner says that its lease is durable, probes addresses before
 * offering them, and sends. All calls and callbacks on the loop's thread.
 */
#pragma once

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "dhcp/answer.h"

struct dhcp_server;

enum dhcp_event_kind {
    DHCP_EVENT_ANSWERED,     /* a reply was sent */
    DHCP_EVENT_DROPPED,      /* see drop */
    DHCP_EVENT_CONFLICT,     /* address is in use on the wire: quarantined */
    DHCP_EVENT_OTHER_SERVER, /* another DHCP server spoke on a Network that we are authoritative on
                              */
    DHCP_EVENT_SEND_FAILED,  /* see error */
    DHCP_EVENT_INTERFACE,    /* the Network's interface appeared (error 0) or is missing */
};

/* One step of a machine's packet timeline. Borrowed during the call. */
struct dhcp_event {
    enum dhcp_event_kind kind;
    const struct dhcp_network *network; /* may be NULL */
    const char *host;                   /* the Machine's name, "" when unknown */
    struct mac mac;
    const struct dhcp_firmware *firmware; /* NULL for events that are no request */
    enum dhcp_type request, reply;
    enum dhcp_drop drop;
    ipv4 address; /* given, in conflict, or of the other server */
    int error;
    char text[256]; /* one line: "DISCOVER from 52:54:00:12:34:56 (UEFI x64 PXE): OFFER 10.0.0.5" */
};

struct dhcp_server_counters {
    uint64_t received, malformed, answered, dropped, send_errors;
    uint64_t acks_held, acks_expired; /* waiting for the disk now; given up */
    uint64_t conflicts;
    uint64_t link_errors; /* changes of links or addresses that could not be read */
    uint64_t by_drop[DHCP_DROP_TOO_BIG + 1];
    /* By the type of the request; [DHCP_NO_TYPE]: none, or one that nobody knows. */
    uint64_t answered_by_type[DHCP_INFORM + 1], dropped_by_type[DHCP_INFORM + 1];
};

struct dhcp_server_hooks {
    void *data;

    /* See struct dhcp_view. */
    enum dhcp_lookup (*find_host)(void *data, const struct dhcp_query *query,
                                  struct dhcp_host *ret);
    void (*plan_boot)(void *data, const struct dhcp_query *query, const struct dhcp_host *host,
                      struct dhcp_boot *ret);

    /*
     * Make these lease records durable and then call dhcp_server_durable(server, batch, 0), from
     * here or later. One batch is under way at a time; what comes meanwhile makes the next one, so
     * many ACKs share one disk flush. NULL: nothing is kept, ACKs leave at once.
     */
    void (*journal)(void *data, uint64_t batch, const struct dhcp_lease *leases, size_t count,
                    int64_t wall_offset);

    /* Every step, for timelines and logs. May be NULL. The owner limits the rate of its lines. */
    void (*event)(void *data, const struct dhcp_event *event);
};

struct dhcp_server_options {
    uv_loop_t *loop;
    const struct clock *clock; /* NULL: the system's */
    struct rng *rng;           /* NULL: the system's */
    struct dhcp_server_hooks hooks;
};

/* Makes a server without Networks. 0 or a negative errno with text. */
int dhcp_server_new(const struct dhcp_server_options *options, struct dhcp_server **ret,
                    struct err *err) _must_check_;

/*
 * The Networks to serve from now on (copied, names too). Sockets of interfaces that stay are kept;
 * interfaces that are missing are waited for. Leases stay. Errors (a port in use, ranges that
 * overlap) leave the previous Networks in place.
 */
int dhcp_server_set_networks(struct dhcp_server *server, const struct dhcp_network *networks,
                             size_t count, struct err *err) _must_check_;

/* The lease table: for restoring at start, reservations, and showing. Owned by the server. */
struct dhcp_leases *dhcp_server_leases(struct dhcp_server *server);

/* A batch is on disk (error 0): its ACKs leave. On an error they are not sent; clients ask again.
 */
void dhcp_server_durable(struct dhcp_server *server, uint64_t batch, int error);

const struct dhcp_server_counters *dhcp_server_counters(const struct dhcp_server *server);

/*
 * Closes everything; on_closed (may be NULL) runs when libuv has let go, and then the server is
 * freed. The journal hook is not called again.
 */
void dhcp_server_close(struct dhcp_server *server, void (*on_closed)(void *data), void *data);
