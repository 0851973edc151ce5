/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TFTP server: read requests for files below a folder and for generated files, on a libuv loop.
 * Nothing can be written. Everything here belongs to the loop thread, nothing waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "tftp/transfer.h"

struct uv_loop_s;
struct tftp_server;

/* A client, and where its request came in. */
struct tftp_peer {
    ipv4 address;
    uint16_t port;
    ipv4 local; /* our address that answers */
    int ifindex;
};

enum tftp_event_kind {
    TFTP_EVENT_STARTED,   /* a request was accepted */
    TFTP_EVENT_COMPLETED, /* the client has the file */
    TFTP_EVENT_PROBED,    /* the client only wanted to know the size: normal */
    TFTP_EVENT_FAILED,    /* see reason */
    TFTP_EVENT_REFUSED,   /* no such file, a write, or too busy: see reason */
};

struct tftp_event {
    enum tftp_event_kind kind;
    struct tftp_peer peer;
    const char *name;   /* as it was looked up; not printable-safe beyond ASCII */
    const char *reason; /* FAILED and REFUSED: for people */
    uint64_t size;      /* of the file */
    uint64_t bytes;     /* that the client has confirmed */
    unsigned block;     /* bytes per block */
    unsigned window;    /* blocks */
    unsigned resent;    /* packets sent more than once */
    int64_t duration_ms;
};

struct tftp_server_options {
    struct uv_loop_s *loop;    /* required; must outlive the server */
    const struct clock *clock; /* NULL: the system's */
    const char *device;        /* SO_BINDTODEVICE; NULL: every interface */
    ipv4 address;              /* 0: any */
    uint16_t port;             /* 0: the kernel chooses; the standard one is 69 */
    const char *root;          /* folder of the files; NULL: generated ones only */
    bool single_port;          /* answer from the request's port, for clients behind NAT */
    unsigned transfers_max;    /* 0: 2048 */
    unsigned per_client_max;   /* at once for one address; 0: 16 */
    struct tftp_policy policy; /* all zero: TFTP_POLICY_DEFAULT */
    /*
     * Asked first, for every request. 0: *ret_bytes (malloc'd, handed over) is the file; -ENOENT:
     * look in the folder; another error refuses the request. May be NULL.
     */
    int (*generate)(void *data, const struct tftp_peer *peer, const char *name, void **ret_bytes,
                    size_t *ret_len);
    /* May be NULL. */
    void (*on_event)(void *data, const struct tftp_event *event);
    void *data;
};

struct tftp_counters {
    uint64_t requests, completed, probed, failed, refused;
    uint64_t bytes;     /* of files, that clients have confirmed */
    uint64_t malformed; /* datagrams that were no packets, or came from nobody we serve */
    uint64_t dropped;   /* requests left unanswered because of a limit; clients repeat them */
    unsigned running;
};

int tftp_server_new(const struct tftp_server_options *options, struct tftp_server **ret,
                    struct err *err) _must_check_;

/*
 * Ends all transfers and frees the server on the loop's next turns, then calls on_closed (may be
 * NULL). The server must not be used after this call.
 */
void tftp_server_close(struct tftp_server *server, void (*on_closed)(void *data), void *data);

/* The UDP port in use. */
uint16_t tftp_server_port(const struct tftp_server *server);

void tftp_server_counters(const struct tftp_server *server, struct tftp_counters *ret);
