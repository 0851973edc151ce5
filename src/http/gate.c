/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate thread: accepts connections within the limits and deals them to the I/O threads, cuts
 * those whose deadline has passed, and notices when a client hangs up while its connection is
 * suspended (libmicrohttpd does not watch it then).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <time.h>

#include "http/private.h"

enum { EVENTS_MAX = 64, SWEEP_MS = 500, ACCEPT_BURST = 64, EXHAUSTED_PAUSE_MS = 50 };

/* epoll data: what an event is about, in the upper byte, then 24 bits of serial, then the fd. */
enum tag { TAG_WAKE = 1, TAG_LISTENER, TAG_CONNECTION };

static uint64_t event_key(enum tag tag, uint32_t serial, int fd)
{
    return (uint64_t)tag << 56 | (uint64_t)(serial & 0xffffff) << 32 | (uint32_t)fd;
}

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
};

static void describe_ip(const union address *a, ipv4 *ret_address, uint16_t *ret_port, char *text,
                        size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = a->any.sa_family == AF_INET6;
    *ret_port = ntohs(v6 ? a->in6.sin6_port : a->in.sin_port);
    *ret_address = v6 ? 0 : ntohl(a->in.sin_addr.s_addr);
    const void *raw = v6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in.sin_addr;
    (void)inet_ntop(a->any.sa_family, raw, host, sizeof(host));
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
                          const union address *remote)
{
    struct http_peer *peer = &c->peer;
    char text[HTTP_PEER_TEXT_SIZE];
    union address local = {0};
    socklen_t len = sizeof(local);
    *peer = (struct http_peer){.transport = transport, .uid = (uid_t)-1, .gid = (gid_t)-1};
    if (transport == HTTP_UNIX) {
        describe_unix(c->fd, peer);
        return;
    }
    describe_ip(remote, &peer->address, &peer->port, peer->text, sizeof(peer->text));
    if (getsockname(c->fd, &local.any, &len) == 0)
        describe_ip(&local, &peer->local_address, &peer->local_port, text, sizeof(text));
    if (remote->any.sa_family == AF_INET6) {
        memcpy(c->limit_key, &remote->in6.sin6_addr, 16);
        memset(c->limit_key + 8, 0, 8); /* one host easily owns a /64 */
        return;
    }
    c->limit_key[10] = c->limit_key[11] = 0xff;
    memcpy(c->limit_key + 12, &remote->in.sin_addr, 4);
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
    if (n > 1)
        (void)!map_put(s->addresses, c->limit_key, sizeof(c->limit_key), (void *)(n - 1), NULL);
    else
        (void)map_remove(s->addresses, c->limit_key, sizeof(c->limit_key));
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

static void forget(struct http_server *s, struct http_connection *c)
{
    limit_drop(s, c);
    list_remove(&c->item);
    s->by_fd[c->fd] = NULL;
    atomic_fetch_sub(&s->open, 1);
    atomic_fetch_sub(&c->worker->connections, 1);
    free(c);
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

/* Enters a new connection into the books. gate_lock held. */
static int admit(struct http_listener *l, int fd, const union address *remote,
                 struct http_worker **ret_worker)
{
    struct http_server *s = l->server;
    if (s->stopping || atomic_load(&s->open) >= s->options.connections_max)
        return -EUSERS;
    if (reserve_fd(s, fd) < 0)
        return -ENOMEM;
    if (s->by_fd[fd])
        forget(s, s->by_fd[fd]); /* libmicrohttpd dropped it before it began */
    struct http_connection *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->server = s;
    c->site = l->site;
    c->fd = fd;
    c->serial = ++s->serial;
    describe_peer(c, l->transport, remote);
    int r = limit_add(s, c);
    if (r < 0) {
        free(c);
        return r;
    }
    c->worker = choose_worker(s, l);
    atomic_store(&c->deadline_ms, http_now_ms() + s->options.head_timeout_s * 1000);
    atomic_fetch_add(&c->worker->connections, 1);
    atomic_fetch_add(&s->open, 1);
    atomic_fetch_add(&s->accepted, 1);
    list_append(&s->connections, &c->item);
    s->by_fd[fd] = c;
    *ret_worker = c->worker;
    return 0;
}

/* Accepts one connection. 0, or a negative errno when there is none to take. */
static int accept_one(struct http_server *s, struct http_listener *l)
{
    union address remote = {0};
    socklen_t len = sizeof(remote);
    struct http_worker *worker = NULL;
    pthread_mutex_lock(&s->gate_lock);
    int fd = l->fd < 0 ? -1 : accept4(l->fd, &remote.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int r = fd < 0 ? (l->fd < 0 ? -EBADF : -errno) : admit(l, fd, &remote, &worker);
    pthread_mutex_unlock(&s->gate_lock);
    if (fd < 0)
        return r;
    if (r < 0) {
        atomic_fetch_add(&s->refused, 1);
        (void)close(fd);
        return 0;
    }
    if (len > sizeof(remote) || remote.any.sa_family == AF_UNIX)
        len = offsetof(struct sockaddr_un, sun_path);
    (void)MHD_add_connection(worker->daemon, fd, &remote.any, len);
    return 0;
}

static void accept_some(struct http_server *s, struct http_listener *l)
{
    for (int i = 0; i < ACCEPT_BURST; i++) {
        int r = accept_one(s, l);
        if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM) {
            /* The backlog stays readable: do not spin until a descriptor is free. */
            const struct timespec pause = {.tv_nsec = EXHAUSTED_PAUSE_MS * 1000000L};
            (void)nanosleep(&pause, NULL);
            return;
        }
        if (r == -EAGAIN || r == -EBADF)
            return;
    }
}

static struct http_listener *find_listener(struct http_server *s, int fd)
{
    struct http_listener *found = NULL;
    pthread_mutex_lock(&s->gate_lock);
    list_for_each (it, &s->listeners) {
        struct http_listener *l = container_of(it, struct http_listener, item);
        if (l->fd == fd)
            found = l;
    }
    pthread_mutex_unlock(&s->gate_lock);
    return found;
}

static void hung_up(struct http_server *s, int fd, uint32_t serial)
{
    struct http_request *request = NULL;
    pthread_mutex_lock(&s->gate_lock);
    struct http_connection *c = (size_t)fd < s->by_fd_count ? s->by_fd[fd] : NULL;
    if (c && (c->serial & 0xffffff) == serial && c->watched)
        request = http_request_ref(c->watched);
    pthread_mutex_unlock(&s->gate_lock);
    if (!request)
        return;
    http_server_post(request, HTTP_EVENT_HANGUP);
    http_request_unref(request);
}

/* Makes libmicrohttpd see an end of file. gate_lock held, so the descriptor is still the one. */
static void cut(struct http_connection *c)
{
    if (c->started)
        (void)shutdown(c->fd, SHUT_RDWR);
}

static void sweep(struct http_server *s)
{
    int64_t now = http_now_ms();
    pthread_mutex_lock(&s->gate_lock);
    list_for_each (it, &s->connections) {
        struct http_connection *c = container_of(it, struct http_connection, item);
        int64_t deadline = atomic_load(&c->deadline_ms);
        if (!deadline || deadline > now)
            continue;
        atomic_store(&c->deadline_ms, 0);
        atomic_fetch_add(&s->timeouts, 1);
        cut(c);
    }
    pthread_mutex_unlock(&s->gate_lock);
}

static void handle_event(struct http_server *s, uint64_t key)
{
    int fd = (int)(uint32_t)key;
    switch ((enum tag)(key >> 56)) {
    case TAG_LISTENER: {
        struct http_listener *l = find_listener(s, fd);
        if (l)
            accept_some(s, l);
        return;
    }
    case TAG_CONNECTION:
        hung_up(s, fd, (uint32_t)(key >> 32) & 0xffffff);
        return;
    case TAG_WAKE:
        return;
    }
}

static bool gate_should_stop(struct http_server *s)
{
    pthread_mutex_lock(&s->gate_lock);
    bool stop = s->gate_stop;
    pthread_mutex_unlock(&s->gate_lock);
    return stop;
}

static void *gate_main(void *data)
{
    struct http_server *s = data;
    int64_t swept = http_now_ms();
    while (!gate_should_stop(s)) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(s->epoll, events, EVENTS_MAX, SWEEP_MS);
        for (int i = 0; i < n; i++)
            handle_event(s, events[i].data.u64);
        if (http_now_ms() - swept < SWEEP_MS)
            continue;
        sweep(s);
        swept = http_now_ms();
    }
    return NULL;
}

int http_gate_start(struct http_server *s)
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = event_key(TAG_WAKE, 0, 0)};
    if (s->epoll < 0 || s->wake_fd < 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake_fd, &event) < 0)
        return -errno;
    int r = pthread_create(&s->gate, NULL, gate_main, s);
    s->gate_running = r == 0;
    return -r;
}

void http_gate_stop(struct http_server *s)
{
    pthread_mutex_lock(&s->gate_lock);
    s->gate_stop = true;
    pthread_mutex_unlock(&s->gate_lock);
    if (s->gate_running) {
        (void)!write(s->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)pthread_join(s->gate, NULL);
        s->gate_running = false;
    }
    if (s->epoll >= 0)
        (void)close(s->epoll);
    if (s->wake_fd >= 0)
        (void)close(s->wake_fd);
    s->epoll = s->wake_fd = -1;
}

int http_gate_add(struct http_server *s, struct http_listener *l)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = event_key(TAG_LISTENER, 0, l->fd)};
    pthread_mutex_lock(&s->gate_lock);
    list_append(&s->listeners, &l->item);
    int r = epoll_ctl(s->epoll, EPOLL_CTL_ADD, l->fd, &event) < 0 ? -errno : 0;
    if (r < 0)
        list_remove(&l->item);
    pthread_mutex_unlock(&s->gate_lock);
    return r;
}

void http_gate_remove(struct http_listener *l)
{
    struct http_server *s = l->server;
    pthread_mutex_lock(&s->gate_lock);
    if (l->fd >= 0) {
        (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, l->fd, NULL);
        (void)close(l->fd);
        l->fd = -1;
    }
    pthread_mutex_unlock(&s->gate_lock);
}

void http_gate_watch(struct http_connection *c, struct http_request *request)
{
    struct http_server *s = c->server;
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT,
                                .data.u64 = event_key(TAG_CONNECTION, c->serial, c->fd)};
    pthread_mutex_lock(&s->gate_lock);
    if (!c->watched)
        (void)epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event);
    c->watched = request;
    pthread_mutex_unlock(&s->gate_lock);
}

void http_gate_unwatch(struct http_connection *c)
{
    struct http_server *s = c->server;
    pthread_mutex_lock(&s->gate_lock);
    if (c->watched)
        (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    c->watched = NULL;
    pthread_mutex_unlock(&s->gate_lock);
}

void http_gate_cut(struct http_server *s, bool all)
{
    pthread_mutex_lock(&s->gate_lock);
    list_for_each (it, &s->connections) {
        struct http_connection *c = container_of(it, struct http_connection, item);
        if (all || !atomic_load(&c->busy))
            cut(c);
    }
    pthread_mutex_unlock(&s->gate_lock);
}

void http_gate_notify(void *data, struct MHD_Connection *mhd, void **context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = data;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    pthread_mutex_lock(&s->gate_lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_connection *c = s->by_fd[info->connect_fd];
        c->started = true;
        *context = c;
    } else if (*context) {
        forget(s, *context);
        *context = NULL;
    }
    pthread_mutex_unlock(&s->gate_lock);
}
