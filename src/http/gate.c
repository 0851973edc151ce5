/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate thread: accepts connections within the limits, looks at their first request to give them
 * to a sender or a worker, cuts those whose deadline has passed, and notices when a client hangs up
 * while its connection is suspended (libmicrohttpd does not watch it then).
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "http/private.h"

enum { EVENTS_MAX = 64, SWEEP_MS = 500, ACCEPT_BURST = 64, EXHAUSTED_PAUSE_MS = 50 };

/* epoll data: what an event is about, in the upper byte, then 24 bits of serial, then the fd. */
enum tag { TAG_WAKE = 1, TAG_LISTENER, TAG_NEW, TAG_WATCHED };

static uint64_t event_key(enum tag tag, uint32_t serial, int fd)
{
    return (uint64_t)tag << 56 | (uint64_t)(serial & 0xffffff) << 32 | (uint32_t)fd;
}

/* Gives a connection to the thread that its first request is for, once that is known. */
static void look_at(struct http_server *s, struct http_connection *c)
{
    struct http_head head;
    struct http_target target = {0};
    const struct http_site_route *route;
    enum http_peek what = http_sender_peek(c, &head, &route, &target);
    http_target_free(&target);
    if (what == HTTP_PEEK_WAIT)
        return;
    (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    if (what == HTTP_PEEK_FILE)
        http_sender_add(&s->senders[s->next_sender++ % s->senders_count], c);
    else if (what == HTTP_PEEK_OTHER)
        http_connection_to_worker(c);
    else
        http_connection_close(c);
}

static void welcome(struct http_server *s, struct http_connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                .data.u64 = event_key(TAG_NEW, c->serial, c->fd)};
    if (c->peer.transport != HTTP_TCP || !c->site->has_files)
        http_connection_to_worker(c);
    else if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        http_connection_close(c);
}

/* Accepts one connection. 0, or a negative errno when there is none to take. */
static int accept_one(struct http_server *s, struct http_listener *l)
{
    struct sockaddr_storage remote = {0};
    struct sockaddr *address = (struct sockaddr *)&remote;
    socklen_t len = sizeof(remote);
    struct http_connection *c = NULL;
    pthread_mutex_lock(&s->gate_lock);
    int fd = l->fd < 0 ? -1 : accept4(l->fd, address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int r = l->fd < 0 ? -EBADF : fd < 0 ? -errno : http_connection_new(l, fd, address, &c);
    pthread_mutex_unlock(&s->gate_lock);
    if (fd < 0)
        return r;
    if (r == 0) {
        welcome(s, c);
        return 0;
    }
    atomic_fetch_add(&s->refused, 1);
    (void)close(fd);
    return 0;
}

static void accept_some(struct http_server *s, struct http_listener *l)
{
    for (int i = 0; i < ACCEPT_BURST; i++) {
        int r = accept_one(s, l);
        if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM) {
            /* The backlog stays readable: do not spin until a descriptor is free. */
            clock_sleep_ms(EXHAUSTED_PAUSE_MS);
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
    struct http_connection *c = http_connection_find(s, fd, serial);
    if (c && c->watched)
        request = http_request_ref(c->watched);
    pthread_mutex_unlock(&s->gate_lock);
    if (!request)
        return;
    http_server_post(request, HTTP_EVENT_HANGUP);
    http_request_unref(request);
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
        http_connection_cut(c);
    }
    pthread_mutex_unlock(&s->gate_lock);
}

static void on_new(struct http_server *s, int fd, uint32_t serial)
{
    pthread_mutex_lock(&s->gate_lock);
    struct http_connection *c = http_connection_find(s, fd, serial);
    pthread_mutex_unlock(&s->gate_lock);
    if (c)
        look_at(s, c); /* until it is given away only this thread frees it */
}

static void handle_event(struct http_server *s, uint64_t key)
{
    int fd = (int)(uint32_t)key;
    uint32_t serial = (uint32_t)(key >> 32) & 0xffffff;
    struct http_listener *l;
    switch ((enum tag)(key >> 56)) {
    case TAG_LISTENER:
        l = find_listener(s, fd);
        if (l)
            accept_some(s, l);
        return;
    case TAG_NEW:
        on_new(s, fd, serial);
        return;
    case TAG_WATCHED:
        hung_up(s, fd, serial);
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
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
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

/* Closes what the gate still had: connections that never sent a whole request. */
static void close_undecided(struct http_server *s)
{
    pthread_mutex_lock(&s->gate_lock);
    list_for_each_safe (it, &s->connections) {
        struct http_connection *c = container_of(it, struct http_connection, item);
        if (c->worker || c->transfer)
            continue;
        (void)close(c->fd);
        http_connection_forget(c);
    }
    pthread_mutex_unlock(&s->gate_lock);
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
        close_undecided(s);
    }
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
                                .data.u64 = event_key(TAG_WATCHED, c->serial, c->fd)};
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
            http_connection_cut(c);
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
        c->ours = true;
        *context = c;
    } else if (*context) {
        http_connection_forget(*context);
        *context = NULL;
    }
    pthread_mutex_unlock(&s->gate_lock);
}
