/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's inside, shared by its source files only.
 *
 * Threads: the loop thread (handlers, answers); the gate thread (accepts, looks at a connection's
 * first request, watches deadlines and hang-ups); sender threads, which answer file requests; and
 * libmicrohttpd's threads ("workers"), which have all other connections. A connection moves from
 * the gate to a sender to a worker, never back.
 *
 * Why senders: libmicrohttpd calls sendfile(2) for 128 KiB at a time, with an epoll_wait(2) after
 * each. That served one connection with 0.77 of nginx's throughput per CPU second; 2 MiB at a time
 * serves it with more than 1.0. Senders understand only plain GET and HEAD requests for file
 * routes; at the first request of another kind the connection, with the request unread, becomes a
 * worker's.
 *
 * A dynamic request is made by an I/O thread, which collects its body, then suspends the connection
 * and puts the request into the server's inbox. The loop runs its handler. An answer is stored in
 * the request and the connection resumed; the I/O thread sends it.
 *
 * Lock order: http_request.lock, then http_server.inbox_lock, then libmicrohttpd's own;
 * http_server.gate_lock is taken last and nothing of libmicrohttpd is called under it.
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "http/head.h"
#include "http/server.h"
#include "http/target.h"

enum { HTTP_HEADERS_MAX = 16, HTTP_WORKERS_MAX = 16 };

/* ---- site.c ---- */

struct http_site_route {
    char *path;
    size_t length;
    bool prefix; /* path ends in '/' */
    int root;    /* file route: its folder, opened with O_PATH; else -1 */
    http_handler handler;
    void *data;
    size_t body_max;
};

struct http_site {
    struct list item; /* http_server.sites */
    bool has_files;
    size_t count;
    struct http_site_route routes[]; /* longest path first */
};

/* The route of a decoded path or NULL. */
const struct http_site_route *http_site_match(const struct http_site *site, const char *path);
void http_site_free(struct http_site *site);

/* ---- connection.c: the books on connections and their limits ---- */

/* One libmicrohttpd daemon with its epoll thread and no listening socket. */
struct http_worker {
    struct MHD_Daemon *daemon;
    atomic_uint connections;
};

struct http_listener {
    struct list item; /* http_server.listeners */
    struct http_server *server;
    struct http_site *site;
    enum http_transport transport;
    int fd; /* -1 once closed; guarded by gate_lock */
    uint16_t port;
    char *unlink_path;
    struct http_worker tls; /* HTTP_TLS: certificates belong to a daemon */
};

struct http_connection {
    struct list item; /* http_server.connections */
    struct http_server *server;
    struct http_listener *listener;
    struct http_site *site;
    struct http_worker *worker; /* NULL while libmicrohttpd does not have it */
    struct http_peer peer;
    uint8_t limit_key[16]; /* what connections_per_address counts by; IPv4 as ::ffff:a.b.c.d */
    bool limited;          /* counted in http_server.addresses */
    int fd;
    uint32_t serial;
    bool ours;                      /* fd is certainly this connection's: it may be shut down */
    _Atomic int64_t deadline_ms;    /* cut when passed; 0: none */
    atomic_bool busy;               /* between a request line and the end of its answer */
    struct http_request *watched;   /* told when the client hangs up; guarded by gate_lock */
    struct http_transfer *transfer; /* sender.c's, its thread's only */
};

/* Enters an accepted socket into the books; -EUSERS over a limit, -ENOMEM. gate_lock held. */
int http_connection_new(struct http_listener *listener, int fd, const struct sockaddr *remote,
                        struct http_connection **ret) _must_check_;
/* Strikes it out and frees it; the socket stays open. gate_lock held. */
void http_connection_forget(struct http_connection *connection);
/* The connection of an epoll event or NULL when it is gone. gate_lock held. */
struct http_connection *http_connection_find(struct http_server *server, int fd, uint32_t serial);
/* Ends it from outside: whoever has it sees an end of file. gate_lock held. */
void http_connection_cut(struct http_connection *connection);
/* Gives it to a libmicrohttpd daemon for good. gate_lock not held. */
void http_connection_to_worker(struct http_connection *connection);
/* Strikes out and closes. gate_lock not held. */
void http_connection_close(struct http_connection *connection);

/* ---- gate.c: accepting, first requests, deadlines, hang-ups ---- */

int http_gate_start(struct http_server *server) _must_check_;
void http_gate_stop(struct http_server *server);
int http_gate_add(struct http_server *server, struct http_listener *listener) _must_check_;
void http_gate_remove(struct http_listener *listener);
/* Notice a hang-up of this connection for a request. Loop thread, request not closed. */
void http_gate_watch(struct http_connection *connection, struct http_request *request);
void http_gate_unwatch(struct http_connection *connection);
/* Cuts connections: all, or those that have no request in progress. */
void http_gate_cut(struct http_server *server, bool all);
/* libmicrohttpd's notices about connections (MHD_OPTION_NOTIFY_CONNECTION). */
void http_gate_notify(void *data, struct MHD_Connection *mhd, void **context,
                      enum MHD_ConnectionNotificationCode code);

/* ---- sender.c: threads that answer file requests with sendfile(2) ---- */

struct http_sender {
    struct http_server *server;
    pthread_t thread;
    bool running;
    int epoll;
    int wake_fd;
    atomic_bool stop;
    atomic_uint connections;
    struct list ready; /* transfers that may go on */
};

int http_sender_start(struct http_server *server, struct http_sender *sender) _must_check_;
/* Ends the thread. */
void http_sender_stop(struct http_sender *sender);
/* Drops what the thread left, once no sender runs: each changes its own transfers without a lock.
 */
void http_sender_clear(struct http_sender *sender);
/* Hands over a connection whose waiting request is a plain GET or HEAD for a file route. */
void http_sender_add(struct http_sender *sender, struct http_connection *connection);

enum http_peek { HTTP_PEEK_WAIT, HTTP_PEEK_FILE, HTTP_PEEK_OTHER, HTTP_PEEK_CLOSED };

/*
 * Looks at the request that waits on a connection without taking it: not all there yet, one that
 * a sender answers (then *ret_route and *ret_target, which the caller frees, are set), one for
 * libmicrohttpd, or end of file.
 */
enum http_peek http_sender_peek(struct http_connection *connection, struct http_head *head,
                                const struct http_site_route **ret_route,
                                struct http_target *ret_target);

/* ---- exchange.c: the I/O threads' side of a request ---- */

enum http_phase {
    HTTP_PHASE_HEAD,   /* request line seen */
    HTTP_PHASE_BODY,   /* head seen, body being collected */
    HTTP_PHASE_WAIT,   /* suspended until the loop answers */
    HTTP_PHASE_ANSWER, /* answer queued with libmicrohttpd */
};

enum http_event {
    HTTP_EVENT_NEW = 1,      /* run the handler */
    HTTP_EVENT_HANGUP = 2,   /* the client closed its side */
    HTTP_EVENT_CLOSED = 4,   /* libmicrohttpd is done with the request */
    HTTP_EVENT_WRITABLE = 8, /* half of a full stream queue was sent */
};

struct http_header {
    char *name; /* name, NUL, value, NUL in one allocation */
    const char *value;
};

struct http_request {
    atomic_uint refs;
    struct http_server *server; /* loop thread: NULL once the server is closed */

    /* I/O thread until the request is in the inbox, then constant. */
    enum http_phase phase;
    struct MHD_Connection *mhd;
    struct http_connection *connection; /* valid until closed */
    const struct http_site_route *route;
    struct http_peer peer;
    char method[16];
    char *raw_target;
    struct http_target target;
    unsigned early_status; /* an error found before the body */
    struct buf head;       /* name, NUL, value, NUL, ... of the request's headers */
    struct buf body;
    size_t charged; /* of http_options.bodies_max */
    int64_t start_us;
    const char *agent;

    pthread_mutex_t lock; /* guards the rest of the I/O side below */
    bool suspended;       /* waits for MHD_resume_connection() */
    bool aborted;         /* end the connection without (the rest of) an answer */
    bool closed;          /* libmicrohttpd is done; mhd and connection are gone */
    struct MHD_Response *response;
    unsigned status;
    uint64_t length; /* body bytes of the answer; streams: handed to libmicrohttpd */
    bool streaming;
    bool ended; /* no more data comes */
    bool want_writable;
    size_t queue_max;
    struct buf queue;

    /* Inbox, guarded by inbox_lock. */
    struct list inbox_item;
    unsigned events;

    /* Loop thread only. */
    struct list held_item; /* http_server.held */
    bool finished;         /* answered, or ended by on_close */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t headers_count;
    void (*on_close)(struct http_request *request, void *data);
    void *on_close_data;
    void (*on_writable)(struct http_request *request, void *data);
    void *on_writable_data;
};

/* Starts an epoll daemon for worker; certificate and key only for TLS. */
int http_worker_start(struct http_server *server, struct http_worker *worker,
                      const char *certificate_pem, const char *key_pem, struct err *err)
    _must_check_;
void http_worker_stop(struct http_worker *worker);

struct http_request *http_request_ref(struct http_request *request);
void http_request_unref(struct http_request *request);

/* MHD_ContentReaderCallback of streams; data is the request. */
ssize_t http_exchange_read(void *data, uint64_t position, char *dst, size_t max);

/* ---- request.c: the loop thread's side of a request ---- */

/* Handles what the inbox holds for one request. Drops the inbox's reference. */
void http_request_dispatch(struct http_request *request, unsigned events);
/* The connection is to end: runs on_close, resumes what waits. */
void http_request_abort(struct http_request *request);

/* Tells counters and the access hook about a finished request. Any thread. */
void http_server_account(struct http_server *server, const struct http_access *access);

/* Queues a short text answer inside the I/O thread. */
enum MHD_Result http_exchange_status(struct http_request *request, unsigned status);

/* ---- server.c ---- */

struct http_server {
    struct http_options options;
    struct http_worker workers[HTTP_WORKERS_MAX];
    unsigned workers_count;
    struct http_sender senders[HTTP_WORKERS_MAX];
    unsigned senders_count;
    struct list sites;
    struct list listeners;
    struct list held; /* requests that handlers have not answered; loop thread only */

    uv_async_t wake;
    uv_timer_t timer;
    int handles; /* libuv handles not closed yet */
    int64_t close_at_ms;
    void (*on_closed)(void *data);
    void *on_closed_data;

    pthread_mutex_t inbox_lock;
    struct list inbox;
    bool cut; /* no request may be suspended any more */

    pthread_mutex_t gate_lock;
    pthread_t gate;
    bool gate_running;
    int epoll;
    int wake_fd;
    bool gate_stop;
    bool stopping; /* end kept-alive connections after their answer */
    uint32_t serial;
    struct list connections;
    struct http_connection **by_fd;
    size_t by_fd_count;
    struct map *addresses; /* limit_key to number of connections */
    unsigned next_sender;

    atomic_size_t bodies;
    atomic_uint_fast64_t accepted, refused, timeouts, requests, bytes, status[6];
    atomic_uint open;
};

/* Puts events for a request into the inbox, which takes a reference. Any thread. */
void http_server_post(struct http_request *request, unsigned events);
int64_t http_now_ms(void);
int64_t http_now_us(void);
