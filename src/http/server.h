/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 server: one object with any number of listeners (TCP, TLS, Unix socket), each of
 * which serves one site, a table of routes.
 *
 * File routes are answered by I/O threads with sendfile(2), without the loop thread: a busy or
 * blocked loop does not slow an image download. Dynamic routes run on the libuv loop thread, one at
 * a time, so handlers need no locks; they answer at once, later, or as a stream. Every function
 * here is for the loop thread only unless it says otherwise.
 *
 * Everything that a stranger can grow has a limit: connections in total and per address, the
 * request head, the body per route and all bodies together, the time for head and body, idle time,
 * and the bytes waiting in a stream. Redirects are never sent (RFC 9110 allows it; firmware does
 * not follow them).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"

struct uv_loop_s;
struct http_server;
struct http_site;
struct http_listener;
struct http_request;

enum http_transport { HTTP_TCP, HTTP_TLS, HTTP_UNIX };

#define HTTP_PEER_TEXT_SIZE 64

/* Who is at the other end of a connection. */
struct http_peer {
    enum http_transport transport;
    ipv4 address; /* 0 when not IPv4 */
    uint16_t port;
    ipv4 local_address; /* the address that the client connected to */
    uint16_t local_port;
    pid_t pid; /* HTTP_UNIX: from SO_PEERCRED; else 0 */
    uid_t uid; /* HTTP_UNIX only; else (uid_t)-1 */
    gid_t gid;
    char text[HTTP_PEER_TEXT_SIZE]; /* "10.0.0.7:41002", "[::1]:41002" or "unix uid=0 pid=77" */
};

/* What the access hook is told once per request, after its last byte. */
struct http_access {
    const struct http_peer *peer;
    const char *method;  /* printable */
    const char *target;  /* as sent, path and query; not printable-safe: quote before logging */
    const char *agent;   /* User-Agent of dynamic requests, else NULL; not printable-safe */
    unsigned status;     /* 0 when there was no answer */
    uint64_t bytes;      /* length of the answer's body; streams: what was handed to the network */
    int64_t duration_us; /* from the request line to the end */
    bool complete;       /* false: the connection broke before the answer was sent */
};

/* Zero in a number means its default, given in parentheses. */
struct http_options {
    struct uv_loop_s *loop;           /* required; must outlive the server */
    unsigned threads;                 /* I/O threads for TCP and Unix (one per CPU, at most 4) */
    unsigned connections_max;         /* all listeners together (4096) */
    unsigned connections_per_address; /* per IPv4/IPv6 peer address; Unix not counted (128) */
    unsigned head_timeout_s;          /* from connect or last answer's end to end of head (20) */
    unsigned body_timeout_s;          /* from head to end of body (60) */
    unsigned idle_timeout_s;          /* no byte moves while sending, or kept alive (60) */
    size_t head_max;                  /* request head's memory, bytes (32 KiB) */
    size_t bodies_max;                /* bodies being held, all together, bytes (64 MiB) */
    /* Called by I/O threads, several at once: must be thread safe and quick. May be NULL. */
    void (*on_access)(void *data, const struct http_access *access);
    void *data;
};

struct http_counters {
    uint64_t connections; /* accepted ever */
    uint64_t open;        /* now */
    uint64_t refused;     /* closed because of a limit */
    uint64_t timeouts;    /* cut because a head or a body took too long, or nothing moved */
    uint64_t requests;    /* finished */
    uint64_t status[6];   /* by first digit; [0]: cut before an answer */
    uint64_t bytes;       /* body bytes of complete answers */
};

/*
 * Answers one request: exactly one of http_reply*() or http_stream_start() .. http_stream_end(),
 * inside the handler or later. The request stays valid until then, even when the client has gone
 * (the answer is then dropped), unless an http_on_close() callback ended it before.
 */
typedef void (*http_handler)(struct http_request *request, void *data);

/* A site's table entry: the longest matching path wins. Strings are copied. */
struct http_route {
    /* "/images/" is everything below it, "/healthz" only itself, "/" everything. */
    const char *path;
    /*
     * File route: the folder whose regular files are served for GET and HEAD (path must end in
     * '/'). Opened once, here. Names that start with '.' are not served, symbolic links only while
     * they stay inside. Ranges, ETag and conditions as in RFC 9110 sections 13 and 14.
     */
    const char *folder;
    /* Dynamic route: called on the loop thread. */
    http_handler handler;
    void *data;
    size_t body_max; /* larger bodies are refused with 413; 0: none accepted */
};

/*
 * 0, -EINVAL or -ENOMEM or what pthread and libmicrohttpd failed with. After a failure the loop
 * must still turn once, to close its handles.
 */
int http_server_new(const struct http_options *options, struct http_server **ret, struct err *err)
    _must_check_;

/*
 * Stops accepting, closes idle connections, lets requests finish for at most grace_ms, cuts the
 * rest (their http_on_close() callbacks run), frees everything, then calls on_closed (may be NULL)
 * from the loop. No handler is called any more: what still comes is answered with 503. The server
 * must not be used after this call; requests that handlers still hold must still be answered, which
 * then just frees them.
 */
void http_server_close(struct http_server *server, unsigned grace_ms, void (*on_closed)(void *data),
                       void *data);

/* A table of routes; lives as long as the server. -EINVAL, -ENOMEM, or why a folder did not open.
 */
int http_site_new(struct http_server *server, const struct http_route *routes, size_t count,
                  struct http_site **ret, struct err *err) _must_check_;

struct http_listen {
    enum http_transport transport;
    int fd; /* a bound, listening socket that is handed over (closed on failure too); -1: make one
             */
    /* fd == -1: "10.0.0.1", "0.0.0.0", "::1", or the path of a Unix socket (replaced if stale) */
    const char *address;
    uint16_t port;               /* 0: any; see http_listener_port() */
    const char *link;            /* bind to this network interface (SO_BINDTODEVICE); NULL: any */
    bool freebind;               /* allow an address that the host does not have yet */
    mode_t mode;                 /* HTTP_UNIX: permission of the socket; 0 means 0600 */
    const char *certificate_pem; /* HTTP_TLS: chain and key, copied; key memory is wiped */
    const char *key_pem;
};

int http_listen(struct http_server *server, struct http_site *site,
                const struct http_listen *listen, struct http_listener **ret, struct err *err)
    _must_check_;

/* Stops accepting there (a Unix socket's path is removed). Open connections live on. */
void http_listener_close(struct http_listener *listener);

/* The TCP port in use. */
uint16_t http_listener_port(const struct http_listener *listener);

/* Any thread. */
void http_server_counters(const struct http_server *server, struct http_counters *ret);

/* ---- reading a request: all borrowed, valid as long as the request ---- */

const char *http_request_method(const struct http_request *request);
/* Percent-decoded, without query, repeated '/' merged; no "." or ".." parts, no NUL. */
const char *http_request_path(const struct http_request *request);
/* The path behind the route's prefix: "x.json" for "/images/x.json" on the route "/images/". */
const char *http_request_rest(const struct http_request *request);
/* A query argument, decoded; "" when it has no '='; NULL when absent. The first of several. */
const char *http_request_arg(const struct http_request *request, const char *name);
/* Walks the arguments by index from 0; false at the end. */
bool http_request_arg_at(const struct http_request *request, size_t index, const char **ret_name,
                         const char **ret_value);
/* By case-insensitive name; NULL when absent. The first of several. */
const char *http_request_header(const struct http_request *request, const char *name);
/* NUL-terminated behind *ret_len bytes; never NULL. ret_len may be NULL. */
const char *http_request_body(const struct http_request *request, size_t *ret_len);
const struct http_peer *http_request_peer(const struct http_request *request);

/* ---- answering ---- */

/*
 * Adds a header to the coming answer. -ENOMEM, -EINVAL (a line break in it), -E2BIG (more than 16).
 * Content-Type, Content-Length, Date and Connection are the server's.
 */
int http_header(struct http_request *request, const char *name, const char *value);

/* Answers; the request is gone afterwards. type NULL: no Content-Type. The body is copied. */
void http_reply(struct http_request *request, unsigned status, const char *type, const void *body,
                size_t len);
/* The same with a NUL-terminated body. */
void http_reply_text(struct http_request *request, unsigned status, const char *type,
                     const char *text);
/* The same with a malloc'd body that is handed over. */
void http_reply_take(struct http_request *request, unsigned status, const char *type, void *body,
                     size_t len);

/*
 * Called once, on the loop thread, when the connection ends before the answer was finished: the
 * client went away, was too slow, or the server closes. The request is gone when it returns. Set it
 * in the handler when an answer may take long, and for streams.
 */
void http_on_close(struct http_request *request,
                   void (*on_close)(struct http_request *request, void *data), void *data);

/* Starts an answer of unknown length (chunked coding). At most queue_max bytes wait (0: 1 MiB). */
void http_stream_start(struct http_request *request, unsigned status, const char *type,
                       size_t queue_max);
/*
 * Queues all of it for sending: 0. Nothing is queued on -EAGAIN (more than queue_max would wait:
 * end the stream, or go on in on_writable), -ENOMEM and -EPIPE (connection gone).
 */
int http_stream_write(struct http_request *request, const void *data, size_t len) _must_check_;
/* Called on the loop thread after an -EAGAIN, when half of the queue has been sent. */
void http_stream_on_writable(struct http_request *request,
                             void (*on_writable)(struct http_request *request, void *data),
                             void *data);
/* Sends what waits, ends the answer; the request is gone afterwards. */
void http_stream_end(struct http_request *request);
