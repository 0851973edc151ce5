/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/private.h"

static void describe_ip(const struct sockaddr *a, ipv4 *ret_address, uint16_t *ret_port, char *text,
                        size_t size)
{
    const struct sockaddr_in *in = (const void *)a;
    const struct sockaddr_in6 *in6 = (const void *)a;
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = a->sa_family == AF_INET6;
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): what the kernel filled in */
    *ret_port = ntohs(v6 ? in6->sin6_port : in->sin_port);
    *ret_address = v6 ? 0 : ntohl(in->sin_addr.s_addr);
    const void *raw = v6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr;
    (void)inet_ntop(a->sa_family, raw, host, sizeof(host));
    (void)snprintf(text, size, v6 ? "[%s]:%u" : "%s:%u", host, *ret_port);
}

static void describe_unix(int fd, struct http_peer *peer)
{
    struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t len = sizeof(cred);
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
    peer->pid = cred.pid;
    peer->uid = cred.uid;
    peer->gid = cred.gid;
    (void)snprintf(peer->text, sizeof(peer->text), "unix uid=%u pid=%d", cred.uid, cred.pid);
}

static void describe_peer(struct http_connection *c, enum http_transport transport,
                          const struct sockaddr *remote)
{
    struct http_peer *peer = &c->peer;
    char text[HTTP_PEER_TEXT_SIZE];
    struct sockaddr_storage local = {0};
    socklen_t len = sizeof(local);
    *peer = (struct http_peer){.transport = transport, .uid = (uid_t)-1, .gid = (gid_t)-1};
    if (transport == HTTP_UNIX) {
        describe_unix(c->fd, peer);
        return;
    }
    describe_ip(remote, &peer->address, &peer->port, peer->text, sizeof(peer->text));
    if (getsockname(c->fd, (struct sockaddr *)&local, &len) == 0)
        describe_ip((struct sockaddr *)&local, &peer->local_address, &peer->local_port, text,
                    sizeof(text));
    if (remote->sa_family == AF_INET6) { /* by /64: one host easily owns that many addresses */
        memcpy(c->limit_key, &((const struct sockaddr_in6 *)(const void *)remote)->sin6_addr, 8);
        return;
    }
    c->limit_key[10] = c->limit_key[11] = 0xff;
    memcpy(c->limit_key + 12, &((const struct sockaddr_in *)(const void *)remote)->sin_addr, 4);
}

/* The map's value is the count itself, carried in the pointer. */
static int limit_add(struct http_server *s, struct http_connection *c)
{
    if (c->peer.transport == HTTP_UNIX)
        return 0;
    uintptr_t n = (uintptr_t)map_get(s->addresses, c->limit_key, sizeof(c->limit_key));
    if (n >= s->options.connections_per_address)
        return -EUSERS;
    int r = map_put(s->addresses, c->limit_key, sizeof(c->limit_key), (void *)(n + 1), NULL);
    c->limited = r == 0;
    return r;
}

static void limit_drop(struct http_server *s, struct http_connection *c)
{
    if (!c->limited)
        return;
    uintptr_t n = (uintptr_t)map_get(s->addresses, c->limit_key, sizeof(c->limit_key));
    c->limited = false;
    if (n <= 1)
        (void)map_remove(s->addresses, c->limit_key, sizeof(c->limit_key));
    else
        (void)!map_put(s->addresses, c->limit_key, sizeof(c->limit_key), (void *)(n - 1), NULL);
}

static int reserve_fd(struct http_server *s, int fd)
{
    size_t want = (size_t)fd + 1;
    if (want <= s->by_fd_count)
        return 0;
    size_t count = want < 64 ? 64 : want * 2;
    struct http_connection **grown = reallocarray(s->by_fd, count, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    memset(grown + s->by_fd_count, 0, (count - s->by_fd_count) * sizeof(*grown));
    s->by_fd = grown;
    s->by_fd_count = count;
    return 0;
}

int http_connection_new(struct http_listener *l, int fd, const struct sockaddr *remote,
                        struct http_connection **ret)
{
    struct http_server *s = l->server;
    if (s->stopping || atomic_load(&s->open) >= s->options.connections_max)
        return -EUSERS;
    if (reserve_fd(s, fd) < 0)
        return -ENOMEM;
    if (s->by_fd[fd])
        http_connection_forget(s->by_fd[fd]); /* libmicrohttpd dropped it before it began */
    struct http_connection *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->server = s;
    c->listener = l;
    c->site = l->site;
    c->fd = fd;
    c->ours = true;
    c->serial = ++s->serial;
    describe_peer(c, l->transport, remote);
    int r = limit_add(s, c);
    if (r < 0) {
        free(c);
        return r;
    }
    atomic_store(&c->deadline_ms, http_now_ms() + s->options.head_timeout_s * 1000);
    atomic_fetch_add(&s->open, 1);
    atomic_fetch_add(&s->accepted, 1);
    list_append(&s->connections, &c->item);
    s->by_fd[fd] = c;
    *ret = c;
    return 0;
}

void http_connection_forget(struct http_connection *c)
{
    struct http_server *s = c->server;
    limit_drop(s, c);
    list_remove(&c->item);
    s->by_fd[c->fd] = NULL;
    atomic_fetch_sub(&s->open, 1);
    if (c->worker)
        atomic_fetch_sub(&c->worker->connections, 1);
    free(c);
}

struct http_connection *http_connection_find(struct http_server *s, int fd, uint32_t serial)
{
    struct http_connection *c = (size_t)fd < s->by_fd_count ? s->by_fd[fd] : NULL;
    return c && (c->serial & 0xffffff) == serial ? c : NULL;
}

void http_connection_cut(struct http_connection *c)
{
    if (c->ours)
        (void)shutdown(c->fd, SHUT_RDWR);
}

static struct http_worker *choose_worker(struct http_server *s, struct http_listener *l)
{
    if (l->transport == HTTP_TLS)
        return &l->tls;
    struct http_worker *best = &s->workers[0];
    for (unsigned i = 1; i < s->workers_count; i++) {
        if (atomic_load(&s->workers[i].connections) < atomic_load(&best->connections))
            best = &s->workers[i];
    }
    return best;
}

void http_connection_to_worker(struct http_connection *c)
{
    struct http_server *s = c->server;
    const struct sockaddr unused = {.sa_family = AF_UNSPEC}; /* the peer is in the books */
    int fd = c->fd;
    pthread_mutex_lock(&s->gate_lock);
    c->transfer = NULL;
    c->ours = false; /* until libmicrohttpd reports it started: it closes fd when it cannot */
    c->worker = choose_worker(s, c->listener);
    struct MHD_Daemon *daemon = c->worker->daemon;
    atomic_fetch_add(&c->worker->connections, 1);
    pthread_mutex_unlock(&s->gate_lock);
    (void)MHD_add_connection(daemon, fd, &unused, sizeof(unused));
}

void http_connection_close(struct http_connection *c)
{
    struct http_server *s = c->server;
    int fd = c->fd;
    pthread_mutex_lock(&s->gate_lock);
    http_connection_forget(c);
    pthread_mutex_unlock(&s->gate_lock);
    (void)close(fd);
}
