/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's two source files share: server.c takes requests, session.c runs transfers. */
#pragma once

#include <net/if.h>
#include <uv.h>

#include "base/list.h"
#include "base/map.h"
#include "tftp/content.h"
#include "tftp/server.h"

struct tftp_server {
    struct tftp_server_options options; /* root and device point nowhere */
    char device[IFNAMSIZ];              /* "": every interface */
    struct tftp_counters counters;
    int root; /* -1: none */
    int fd;
    uint16_t port;
    uv_poll_t poll;
    struct list sessions;
    struct map *by_peer; /* struct peer_key to session */
    unsigned handles;    /* libuv handles not closed yet: the server's and all sessions' */
    bool closing;
    void (*on_closed)(void *data);
    void *on_closed_data;
};

/* Key of by_peer: a client's address and port. */
struct tftp_peer_key {
    uint8_t bytes[6];
};
struct tftp_peer_key tftp_peer_key(ipv4 address, uint16_t port);

int64_t tftp_now(const struct tftp_server *server);
void tftp_report(struct tftp_server *server, const struct tftp_event *event);
void tftp_send_error(int fd, const struct tftp_peer *peer, enum tftp_error code, const char *text);
/* A libuv handle of this server is closed; frees the server after the last. */
void tftp_handle_closed(struct tftp_server *server);

struct tftp_session;

/* Starts sending content (handed over, also on failure). 0 or a negative errno. */
int tftp_session_new(struct tftp_server *server, const struct tftp_peer *peer, const char *name,
                     const struct tftp_options *asked, struct tftp_content *content) _must_check_;
/*
 * Whether a request from the session's own port is a new one rather than the network's copy of the
 * old: for another file, or when all is sent and the client's last ACK may be lost.
 */
bool tftp_session_is_over_with(const struct tftp_session *session, const char *name);
/* A packet of this session's client came in on the server's socket. */
void tftp_session_packet(struct tftp_session *session, const struct tftp_packet *packet);
void tftp_session_end(struct tftp_session *session, enum tftp_event_kind kind, const char *reason);
/* The session that this list entry of server->sessions belongs to. */
struct tftp_session *tftp_session_of(struct list *item);
ipv4 tftp_session_address(const struct tftp_session *session);
