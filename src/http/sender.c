/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sender threads: plain GET and HEAD requests for file routes, with sendfile(2), as many at once as
 * there are connections. A thread goes round its ready connections and sends up to TURN bytes of
 * each, so that no fast client starves the others.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>

#include "base/str.h"
#include "http/file.h"
#include "http/private.h"

enum { TURN = 2 << 20, EVENTS_MAX = 64, DRAIN_MS = 2000 };

enum state {
    STATE_REQUEST, /* waits for a request */
    STATE_ANSWER,  /* sends out, then the file */
    STATE_DRAIN,   /* answered for the last time; waits for the client to close */
};

struct http_transfer {
    struct list ready_item; /* http_sender.ready, or in no list */
    struct http_sender *sender;
    struct http_connection *connection;
    enum state state;
    bool last; /* close after this answer */
    char out[1024];
    size_t out_len, out_sent;
    int file;
    off_t offset;
    uint64_t left;
    /* for http_access */
    bool head_only;
    char *target; /* NULL when nobody listens */
    unsigned status;
    uint64_t length;
    int64_t start_us;
};

/* ---- which requests are a sender's ---- */

static bool is_plain(const struct http_head *head)
{
    static const char *const strange[] = {"Content-Length", "Transfer-Encoding", "Expect",
                                          "Upgrade"};
    if (!str_eq(head->method, "GET") && !str_eq(head->method, "HEAD"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
        if (http_head_find(head, strange[i]))
            return false;
    }
    return head->minor == 1 && http_head_count(head, "Host") == 1 &&
           http_head_count(head, "Connection") <= 1;
}

enum http_peek http_sender_peek(struct http_connection *c, struct http_head *head,
                                const struct http_site_route **ret_route,
                                struct http_target *ret_target)
{
    char data[HTTP_HEAD_MAX];
    ssize_t n = recv(c->fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return HTTP_PEEK_WAIT;
    if (n <= 0)
        return HTTP_PEEK_CLOSED;
    int r = http_head_parse_request(data, (size_t)n, head);
    if (r == -EAGAIN)
        return HTTP_PEEK_WAIT;
    if (r < 0 || !is_plain(head) ||
        http_target_parse(head->target, strlen(head->target), ret_target) < 0)
        return HTTP_PEEK_OTHER;
    *ret_route = http_site_match(c->site, ret_target->path);
    return *ret_route && (*ret_route)->root >= 0 ? HTTP_PEEK_FILE : HTTP_PEEK_OTHER;
}

/* ---- the books ---- */

static void end_answer(struct http_transfer *t, bool complete)
{
    const struct http_access access = {
        .peer = &t->connection->peer,
        .method = t->head_only ? "HEAD" : "GET",
        .target = t->target ? t->target : "",
        .status = t->status,
        .bytes = complete ? t->length : t->length - t->left,
        .duration_us = http_now_us() - t->start_us,
        .complete = complete,
    };
    http_server_account(t->sender->server, &access);
    if (t->file >= 0)
        (void)close(t->file);
    t->file = -1;
    free(TAKE_PTR(t->target));
}

static void not_ready(struct http_transfer *t)
{
    list_remove(&t->ready_item);
}

static void make_ready(struct http_transfer *t)
{
    list_remove(&t->ready_item);
    list_append(&t->sender->ready, &t->ready_item);
}

/* Takes the transfer off its connection, which the caller closes or gives away. */
static void detach(struct http_transfer *t)
{
    if (t->state == STATE_ANSWER)
        end_answer(t, false);
    not_ready(t);
    atomic_fetch_sub(&t->sender->connections, 1);
    free(t);
}

static void drop(struct http_transfer *t)
{
    struct http_connection *c = t->connection;
    detach(t);
    http_connection_close(c);
}

static void set_deadline(struct http_transfer *t, int64_t ms)
{
    atomic_store(&t->connection->deadline_ms, http_now_ms() + ms);
}

static int64_t idle_ms(const struct http_transfer *t)
{
    return (int64_t)t->sender->server->options.idle_timeout_s * 1000;
}

/* ---- answering ---- */

static struct http_conditions conditions_of(const struct http_head *head)
{
    return (struct http_conditions){
        .range = http_head_find(head, "Range"),
        .if_range = http_head_find(head, "If-Range"),
        .if_match = http_head_find(head, "If-Match"),
        .if_none_match = http_head_find(head, "If-None-Match"),
        .if_modified_since = http_head_find(head, "If-Modified-Since"),
        .if_unmodified_since = http_head_find(head, "If-Unmodified-Since"),
    };
}

static void add_field(struct buf *out, const char *name, const char *value)
{
    if (value && value[0])
        buf_printf(out, "%s: %s\r\n", name, value);
}

static void compose(struct http_transfer *t, const struct http_file_answer *a)
{
    char date[HTTP_DATE_SIZE], text[64] = "";
    unsigned status = a->selection.status;
    const char *reason = MHD_get_reason_phrase_for(status);
    _autobuf_ struct buf out = BUF_INIT_MAX(sizeof(t->out));
    if (!a->etag[0])
        (void)snprintf(text, sizeof(text), "%u %s\n", status, reason);
    t->length = text[0] ? strlen(text) : a->selection.length;
    buf_printf(&out, "HTTP/1.1 %u %s\r\n", status, reason);
    add_field(&out, "Date", http_date_text(time(NULL), date));
    add_field(&out, "Content-Type", text[0] ? "text/plain" : a->type);
    if (status != 304) /* whose length would be the file's */
        buf_printf(&out, "Content-Length: %llu\r\n", (unsigned long long)t->length);
    add_field(&out, "ETag", a->etag);
    add_field(&out, "Last-Modified", a->last_modified);
    add_field(&out, "Content-Range", a->content_range);
    buf_adds(&out, "Accept-Ranges: bytes\r\n");
    add_field(&out, "Connection", t->last ? "close" : NULL);
    buf_printf(&out, "\r\n%s", t->head_only ? "" : text);
    t->out_len = out.len; /* fits: the longest answer has half of the room */
    memcpy(t->out, buf_str(&out), out.len);
    if (t->head_only)
        t->length = 0;
}

static void begin_answer(struct http_transfer *t, const struct http_head *head,
                         const struct http_site_route *route, const struct http_target *target)
{
    struct http_server *s = t->sender->server;
    struct http_file_answer a;
    const struct http_conditions conditions = conditions_of(head);
    t->start_us = http_now_us();
    t->target = s->options.on_access ? strdup(head->target) : NULL;
    t->head_only = str_eq(head->method, "HEAD");
    t->last = http_value_has(http_head_find(head, "Connection"), "close");
    http_file_prepare(route->root, target->path + route->length, &conditions, &a);
    compose(t, &a);
    if (t->head_only && a.fd >= 0) {
        (void)close(a.fd);
        a.fd = -1;
    }
    t->state = STATE_ANSWER;
    t->status = a.selection.status;
    t->out_sent = 0;
    t->file = a.fd;
    t->offset = (off_t)a.selection.offset;
    t->left = a.fd >= 0 ? a.selection.length : 0;
    set_deadline(t, idle_ms(t));
}

/* True: look again; false: nothing more to do for now (the transfer may be gone). */
static bool take_request(struct http_transfer *t)
{
    struct http_head head;
    struct http_target target = {0};
    const struct http_site_route *route;
    char taken[HTTP_HEAD_MAX];
    struct http_connection *c = t->connection;
    switch (http_sender_peek(c, &head, &route, &target)) {
    case HTTP_PEEK_WAIT:
        not_ready(t);
        return false;
    case HTTP_PEEK_CLOSED:
        drop(t);
        return false;
    case HTTP_PEEK_OTHER:
        http_target_free(&target);
        (void)epoll_ctl(t->sender->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        detach(t);
        http_connection_to_worker(c);
        return false;
    case HTTP_PEEK_FILE:
        break;
    }
    atomic_store(&c->busy, true);
    bool whole = recv(c->fd, taken, head.size, MSG_DONTWAIT) == (ssize_t)head.size;
    if (whole)
        begin_answer(t, &head, route, &target);
    else
        drop(t);
    http_target_free(&target);
    return whole;
}

static bool finish_answer(struct http_transfer *t)
{
    const struct http_options *o = &t->sender->server->options;
    end_answer(t, true);
    atomic_store(&t->connection->busy, false);
    t->state = STATE_REQUEST;
    set_deadline(t, ((int64_t)o->idle_timeout_s + o->head_timeout_s) * 1000);
    if (!t->last)
        return true;
    /* Closing with unread bytes would reset the connection and lose the answer's end. */
    (void)shutdown(t->connection->fd, SHUT_WR);
    t->state = STATE_DRAIN;
    set_deadline(t, DRAIN_MS);
    return true;
}

static bool fail_send(struct http_transfer *t, ssize_t n)
{
    if (n < 0 && errno == EAGAIN)
        not_ready(t);
    else
        drop(t); /* the client is gone, or the file was cut short meanwhile */
    return false;
}

static bool send_some(struct http_transfer *t)
{
    int fd = t->connection->fd;
    if (t->out_sent < t->out_len) {
        int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (t->left ? MSG_MORE : 0);
        ssize_t n = send(fd, t->out + t->out_sent, t->out_len - t->out_sent, flags);
        if (n <= 0)
            return fail_send(t, n);
        t->out_sent += (size_t)n;
        return true;
    }
    if (t->left == 0)
        return finish_answer(t);
    size_t turn = t->left < TURN ? (size_t)t->left : TURN;
    ssize_t n = sendfile(fd, t->file, &t->offset, turn);
    if (n <= 0)
        return fail_send(t, n);
    t->left -= (uint64_t)n;
    set_deadline(t, idle_ms(t));
    make_ready(t); /* behind the others */
    return t->left == 0;
}

static bool drain(struct http_transfer *t)
{
    char waste[4096];
    ssize_t n = recv(t->connection->fd, waste, sizeof(waste), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        not_ready(t);
    else if (n <= 0)
        drop(t);
    return n > 0;
}

static bool step(struct http_transfer *t)
{
    switch (t->state) {
    case STATE_REQUEST:
        return take_request(t);
    case STATE_ANSWER:
        return send_some(t);
    case STATE_DRAIN:
        return drain(t);
    }
    return false;
}

/* ---- the thread ---- */

/* One turn for every transfer that was ready when it began. */
static void go_round(struct http_sender *sender)
{
    struct list turn;
    list_init(&turn);
    for (struct list *item; (item = list_first(&sender->ready));) {
        list_remove(item);
        list_append(&turn, item);
    }
    for (struct list *item; (item = list_first(&turn));) {
        struct http_transfer *t = container_of(item, struct http_transfer, ready_item);
        make_ready(t);
        while (step(t))
            continue;
    }
}

static void *sender_main(void *data)
{
    struct http_sender *sender = data;
    sigset_t all;
    sigfillset(&all); /* also SIGPIPE, which sendfile(2) cannot be told to leave */
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!atomic_load(&sender->stop)) {
        struct epoll_event events[EVENTS_MAX];
        int timeout = list_is_empty(&sender->ready) ? -1 : 0;
        int n = epoll_wait(sender->epoll, events, EVENTS_MAX, timeout);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                make_ready(events[i].data.ptr);
        }
        go_round(sender);
    }
    return NULL;
}

int http_sender_start(struct http_server *server, struct http_sender *sender)
{
    struct epoll_event event = {.events = EPOLLIN};
    sender->server = server;
    list_init(&sender->ready);
    sender->epoll = epoll_create1(EPOLL_CLOEXEC);
    sender->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sender->epoll < 0 || sender->wake_fd < 0 ||
        epoll_ctl(sender->epoll, EPOLL_CTL_ADD, sender->wake_fd, &event) < 0)
        return -errno;
    int r = pthread_create(&sender->thread, NULL, sender_main, sender);
    sender->running = r == 0;
    return -r;
}

/* A transfer that the ended thread left. Workers still change the list of connections. */
static struct http_transfer *find_left(struct http_sender *sender)
{
    struct http_server *s = sender->server;
    struct http_transfer *found = NULL;
    pthread_mutex_lock(&s->gate_lock);
    list_for_each (it, &s->connections) {
        struct http_transfer *t = container_of(it, struct http_connection, item)->transfer;
        if (t && t->sender == sender)
            found = t;
    }
    pthread_mutex_unlock(&s->gate_lock);
    return found;
}

void http_sender_stop(struct http_sender *sender)
{
    if (!sender->running)
        return;
    atomic_store(&sender->stop, true);
    (void)!write(sender->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)pthread_join(sender->thread, NULL);
    sender->running = false;
}

void http_sender_clear(struct http_sender *sender)
{
    for (struct http_transfer *t; (t = find_left(sender));)
        drop(t);
    if (sender->epoll >= 0)
        (void)close(sender->epoll);
    if (sender->wake_fd >= 0)
        (void)close(sender->wake_fd);
}

void http_sender_add(struct http_sender *sender, struct http_connection *c)
{
    struct http_transfer *t = calloc(1, sizeof(*t));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = t};
    if (!t) {
        http_connection_close(c);
        return;
    }
    list_init(&t->ready_item);
    t->sender = sender;
    t->connection = c;
    t->file = -1;
    c->transfer = t;
    atomic_fetch_add(&sender->connections, 1);
    if (epoll_ctl(sender->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        drop(t);
}
