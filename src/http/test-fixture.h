/* SPDX-License-Identifier: Apache-2.0 */
/* A server on loopback in the test's own loop, and raw clients in threads of their own. */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "http/server.h"
#include "base/test.h"

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    struct http_site *site;
    struct http_listener *listener;
    char folder[64];
    bool closed;
};

static inline void fixture_put(const char *folder, const char *name, const void *data, size_t len)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_write_atomic(path, data, len, 0644, NULL), 0);
}

static inline void fixture_start(struct fixture *f, struct http_options options,
                                 const struct http_route *routes, size_t count)
{
    struct err err = ERR_INIT;
    *f = (struct fixture){.folder = "/tmp/slipway-http-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    options.loop = &f->loop;
    if (http_server_new(&options, &f->server, &err) < 0)
        fail_msg("%s", err_text(&err));
    struct http_route copy[16];
    for (size_t i = 0; i < count; i++) {
        copy[i] = routes[i];
        if (copy[i].folder)
            copy[i].folder = f->folder;
    }
    if (http_site_new(f->server, copy, count, &f->site, &err) < 0)
        fail_msg("%s", err_text(&err));
    const struct http_listen listen = {.transport = HTTP_TCP, .fd = -1, .address = "127.0.0.1"};
    if (http_listen(f->server, f->site, &listen, &f->listener, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static inline void fixture_on_closed(void *data)
{
    *(bool *)data = true;
}

static inline void fixture_stop(struct fixture *f, unsigned grace_ms)
{
    http_server_close(f->server, grace_ms, fixture_on_closed, &f->closed);
    while (!f->closed)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT); /* timers of handlers whose clients went away */
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(tree_remove(f->folder, NULL), 0);
}

/* One raw connection: sends `send`, then reads to the end of file or until `until` was seen. */
struct client {
    uint16_t port;
    const char *path; /* Unix socket instead */
    const char *send;
    size_t send_len;
    const char *until;
    size_t read_max; /* stop after so many bytes; 0: none */
    bool keep;       /* leave the socket open in fd */
    int fd;
    struct buf got;
    uv_async_t done;
    bool finished;
    pthread_t thread;
};

static inline int client_connect(const struct client *c)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(c->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(c->path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->path)
        (void)!str_copy(un.sun_path, sizeof(un.sun_path), c->path);
    const struct sockaddr *to = c->path ? (void *)&un : (void *)&in;
    if (connect(fd, to, c->path ? sizeof(un) : sizeof(in)) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static inline void *client_main(void *data)
{
    struct client *c = data;
    c->fd = client_connect(c);
    ssize_t n = c->fd < 0 ? -1 : send(c->fd, c->send, c->send_len, MSG_NOSIGNAL);
    while (n > 0) {
        char *room = buf_room(&c->got, 65536);
        if (!room)
            break;
        n = recv(c->fd, room, 65536, 0);
        buf_commit(&c->got, n > 0 ? (size_t)n : 0);
        if ((c->until && strstr(buf_str(&c->got), c->until)) ||
            (c->read_max && c->got.len >= c->read_max))
            break;
    }
    if (c->fd >= 0 && !c->keep)
        (void)close(c->fd);
    (void)uv_async_send(&c->done);
    return NULL;
}

static inline void client_done(uv_async_t *handle)
{
    struct client *c = handle->data;
    c->finished = true;
    (void)pthread_join(c->thread, NULL);
    uv_close((uv_handle_t *)handle, NULL);
}

static inline void client_start(struct fixture *f, struct client *c)
{
    if (!c->send_len)
        c->send_len = strlen(c->send);
    if (!c->path && !c->port)
        c->port = http_listener_port(f->listener);
    assert_int_equal(uv_async_init(&f->loop, &c->done, client_done), 0);
    c->done.data = c;
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

static inline void client_wait(struct fixture *f, struct client *c)
{
    while (!c->finished)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Everything the server answers to these bytes until it closes; free with buf_free(). */
static inline struct buf fetch(struct fixture *f, const char *request)
{
    struct client c = {.send = request};
    client_start(f, &c);
    client_wait(f, &c);
    return c.got;
}

static inline const char *body_of(const struct buf *response)
{
    const char *end = strstr(buf_str(response), "\r\n\r\n");
    return end ? end + 4 : "(no body)";
}

static inline bool has(const struct buf *response, const char *text)
{
    return strstr(buf_str(response), text) != NULL;
}

#define GET(path, ...)                                                                             \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" __VA_ARGS__ "\r\n"
