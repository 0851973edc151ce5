/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/str.h"

enum { CONNECT_TIMEOUT_MS = 5000, IDLE_TIMEOUT_MS = 15000, INTERIM_MAX = 8 };

void http_client_init(struct http_client *c, const struct http_client_options *options)
{
    c->options = *options;
    c->fd = -1;
    if (!c->options.connect_timeout_ms)
        c->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (!c->options.idle_timeout_ms)
        c->options.idle_timeout_ms = IDLE_TIMEOUT_MS;
    http_client_close(c);
}

void http_client_close(struct http_client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->reusable = c->used = false;
    c->finished = true;
    c->start = c->end = 0;
}

/* ---- waiting ---- */

/* Milliseconds to wait: what is left of the call, at most limit. */
static int time_left(const struct http_client *c, int limit)
{
    if (!c->deadline_ms)
        return limit;
    int64_t left = c->deadline_ms - clock_now(&clock_system);
    if (left <= 0)
        return 0;
    return left < limit ? (int)left : limit;
}

/* Waits for the connection. 0, -ETIMEDOUT, -ECANCELED or another errno. */
static int wait_for(struct http_client *c, short events, int limit_ms)
{
    struct pollfd fds[2] = {
        {.fd = c->fd, .events = events},
        {.fd = c->options.cancel_fd > 0 ? c->options.cancel_fd : -1, .events = POLLIN},
    };
    int n;
    do {
        n = poll(fds, 2, time_left(c, limit_ms));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ETIMEDOUT;
    return fds[1].revents ? -ECANCELED : 0;
}

/* ---- connecting ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

static int set_address(const struct http_client_options *o, union address *ret, socklen_t *ret_len)
{
    *ret = (union address){0};
    if (o->unix_path) {
        ret->un.sun_family = AF_UNIX;
        *ret_len = sizeof(ret->un);
        return str_copy(ret->un.sun_path, sizeof(ret->un.sun_path), o->unix_path);
    }
    ret->in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(o->port), .sin_addr.s_addr = htonl(o->address)};
    *ret_len = sizeof(ret->in);
    return 0;
}

static int prepare_socket(int fd, const struct http_client_options *o)
{
    if (!o->unix_path)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (o->link &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->link, (socklen_t)strlen(o->link)) < 0)
        return -errno;
    return 0;
}

static int finish_connect(struct http_client *c)
{
    int result = 0;
    socklen_t len = sizeof(result);
    int r = wait_for(c, POLLOUT, c->options.connect_timeout_ms);
    if (r < 0)
        return r;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &result, &len) < 0)
        return -errno;
    return -result;
}

static int do_connect(struct http_client *c)
{
    union address to;
    socklen_t len;
    int r = set_address(&c->options, &to, &len);
    if (r < 0)
        return r;
    c->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -errno;
    r = prepare_socket(c->fd, &c->options);
    if (r < 0)
        return r;
    if (connect(c->fd, &to.any, len) == 0)
        return 0;
    return errno == EINPROGRESS ? finish_connect(c) : -errno;
}

static int connect_server(struct http_client *c, struct err *err)
{
    char text[IPV4_TEXT_SIZE];
    int r = do_connect(c);
    if (r == 0)
        return 0;
    http_client_close(c);
    if (c->options.unix_path)
        return err_errno(err, r, "connect to %s", c->options.unix_path);
    return err_errno(err, r, "connect to %s port %u", ipv4_text(c->options.address, text),
                     c->options.port);
}

/* A kept-alive connection that became readable was closed, or says what nobody asked for. */
static bool is_stale(const struct http_client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

/* ---- sending ---- */

static int send_all(struct http_client *c, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return errno == ECONNRESET ? -EPIPE : -errno;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
            continue;
        }
        int r = wait_for(c, POLLOUT, c->options.idle_timeout_ms);
        if (r < 0)
            return r;
    }
    return 0;
}

struct text {
    char *dst;
    size_t size, len;
    bool overflow;
};

static void add(struct text *t, const char *format, ...) _printf_(2, 3);
static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->dst + t->len, t->size - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->size - t->len)
        t->overflow = true;
    else
        t->len += (size_t)n;
}

static const char *method_of(const struct http_call *call)
{
    if (call->method)
        return call->method;
    return call->body ? "POST" : "GET";
}

static bool is_safe_target(const char *target)
{
    if (target[0] != '/')
        return false;
    for (const char *p = target; *p; p++) {
        if ((unsigned char)*p <= 0x20 || *p == 0x7f)
            return false;
    }
    return true;
}

static int compose(const struct http_client *c, const struct http_call *call, struct text *t)
{
    char host[IPV4_TEXT_SIZE];
    const char *method = method_of(call);
    if (!is_safe_target(call->target))
        return -EINVAL;
    add(t, "%s %s HTTP/1.1\r\n", method, call->target);
    if (c->options.unix_path)
        add(t, "Host: localhost\r\n");
    else
        add(t, "Host: %s:%u\r\n", ipv4_text(c->options.address, host), c->options.port);
    if (c->options.user_agent)
        add(t, "User-Agent: %s\r\n", c->options.user_agent);
    if (call->length)
        add(t, "Range: bytes=%llu-%llu\r\n", (unsigned long long)call->offset,
            (unsigned long long)(call->offset + call->length - 1));
    if (call->body_type)
        add(t, "Content-Type: %s\r\n", call->body_type);
    if (call->body || !(str_eq(method, "GET") || str_eq(method, "HEAD")))
        add(t, "Content-Length: %zu\r\n", call->body_len);
    add(t, "%s\r\n", call->headers ? call->headers : "");
    return t->overflow ? -EMSGSIZE : 0;
}

static int send_request(struct http_client *c, const struct http_call *call)
{
    char request[4096];
    struct text t = {.dst = request, .size = sizeof(request)};
    int r = compose(c, call, &t);
    if (r == 0)
        r = send_all(c, t.dst, t.len);
    if (r == 0 && call->body_len)
        r = send_all(c, call->body, call->body_len);
    return r;
}

/* ---- receiving ---- */

/* The count, 0 at the end of the stream, or a negative errno. */
static ssize_t receive(struct http_client *c, void *dst, size_t max)
{
    for (;;) {
        ssize_t n = recv(c->fd, dst, max, 0);
        if (n >= 0)
            return n;
        if (errno == ECONNRESET)
            return -EPIPE;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int r = wait_for(c, POLLIN, c->options.idle_timeout_ms);
        if (r < 0)
            return r;
    }
}

/* More bytes behind those that wait in the buffer. 0 or a negative errno; -EPIPE at the end. */
static int fill(struct http_client *c)
{
    if (c->start > 0) {
        memmove(c->buffer, c->buffer + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    if (c->end == sizeof(c->buffer))
        return -EMSGSIZE;
    ssize_t n = receive(c, c->buffer + c->end, sizeof(c->buffer) - c->end);
    if (n <= 0)
        return n < 0 ? (int)n : -EPIPE;
    c->end += (size_t)n;
    return 0;
}

static int receive_head(struct http_client *c)
{
    for (int interim = 0; interim < INTERIM_MAX;) {
        int r = http_head_parse_response(c->buffer + c->start, c->end - c->start, &c->head);
        if (r == -EAGAIN) {
            r = fill(c);
            if (r < 0)
                return r;
            continue;
        }
        if (r < 0)
            return r == -EMSGSIZE ? r : -EPROTO;
        c->start += c->head.size;
        if (c->head.status >= 200)
            return 0;
        if (c->head.status == 101)
            return -EPROTO;
        interim++;
    }
    return -EPROTO;
}

static int set_framing(struct http_client *c, const struct http_call *call)
{
    const struct http_head *h = &c->head;
    const char *length = http_head_find(h, "Content-Length");
    const char *coding = http_head_find(h, "Transfer-Encoding");
    const char *connection = http_head_find(h, "Connection");
    c->reusable = h->minor == 1 && !http_value_has(connection, "close");
    c->chunked = (struct http_chunked){0};
    c->framing = HTTP_BY_LENGTH;
    c->left = 0;
    if (http_head_count(h, "Content-Length") > 1 || (length && coding))
        return -EPROTO; /* two readings: somebody smuggles */
    if (str_eq(method_of(call), "HEAD") || h->status == 204 || h->status == 304)
        c->framing = HTTP_NO_BODY;
    else if (coding && !str_eq(coding, "chunked"))
        return -EPROTO;
    else if (coding)
        c->framing = HTTP_BY_CHUNKS;
    else if (!length)
        c->framing = HTTP_BY_CLOSE;
    if (length && str_parse_u64(length, 0, INT64_MAX, &c->left) < 0)
        return -EPROTO;
    if (c->framing == HTTP_BY_CLOSE)
        c->reusable = false;
    c->finished = c->framing == HTTP_NO_BODY || (c->framing == HTTP_BY_LENGTH && c->left == 0);
    return 0;
}

/* "bytes FIRST-LAST/TOTAL" of exactly the call's range. */
static int check_range(const struct http_client *c, const struct http_call *call,
                       uint64_t *ret_total)
{
    char want[64];
    const char *range = http_head_find(&c->head, "Content-Range");
    (void)snprintf(want, sizeof(want), "bytes %llu-%llu/", (unsigned long long)call->offset,
                   (unsigned long long)(call->offset + call->length - 1));
    const char *total = range ? str_after(range, want) : NULL;
    if (c->head.status != 206 || !total || c->framing != HTTP_BY_LENGTH || c->left != call->length)
        return -EPROTO;
    *ret_total = HTTP_LENGTH_UNKNOWN;
    return str_eq(total, "*") ? 0 : str_parse_u64(total, 0, INT64_MAX, ret_total);
}

static int accept_answer(struct http_client *c, const struct http_call *call,
                         struct http_answer *ret)
{
    int r = set_framing(c, call);
    if (r < 0)
        return r;
    bool known = c->framing == HTTP_BY_LENGTH || c->framing == HTTP_NO_BODY;
    *ret = (struct http_answer){.status = c->head.status,
                                .length = known ? c->left : HTTP_LENGTH_UNKNOWN,
                                .total = HTTP_LENGTH_UNKNOWN,
                                .head = &c->head};
    if (call->length && c->head.status / 100 == 2)
        return check_range(c, call, &ret->total) < 0 ? -EPROTO : 0;
    return 0;
}

/* ---- calls ---- */

/* One attempt on the connection that is there. */
static int attempt(struct http_client *c, const struct http_call *call)
{
    int r = send_request(c, call);
    /* A server that refuses the body early has answered although sending failed. */
    if (r == 0 || r == -EPIPE)
        r = receive_head(c);
    return r;
}

static int exchange(struct http_client *c, const struct http_call *call, struct err *err)
{
    bool again = c->used && !call->body;
    int r = c->fd >= 0 ? 0 : connect_server(c, err);
    if (r < 0)
        return r;
    r = attempt(c, call);
    if (r == -EPIPE && again && c->end == 0) {
        http_client_close(c);
        r = connect_server(c, err);
        if (r < 0)
            return r;
        r = attempt(c, call);
    }
    return r < 0 ? err_errno(err, r, "%s %s", method_of(call), call->target) : 0;
}

int http_client_call(struct http_client *c, const struct http_call *call, struct http_answer *ret,
                     struct err *err)
{
    int64_t now = clock_now(&clock_system);
    c->deadline_ms = call->total_timeout_ms ? now + call->total_timeout_ms : 0;
    if (call->length > INT64_MAX || call->offset > INT64_MAX - call->length)
        return err_set(err, -EINVAL, "range is too large");
    if (c->fd >= 0 && (!c->reusable || !c->finished || c->start != c->end || is_stale(c)))
        http_client_close(c);
    c->start = c->end = 0;
    int r = exchange(c, call, err);
    if (r == 0) {
        r = accept_answer(c, call, ret);
        if (r < 0)
            (void)err_set(err, r, "%s %s: answer %u does not fit the request", method_of(call),
                          call->target, c->head.status);
    }
    c->used = r == 0;
    if (r < 0)
        http_client_close(c);
    return r;
}

/* Body bytes: those in the buffer first, then from the connection. 0: end of the stream. */
static ssize_t take(struct http_client *c, void *dst, size_t max)
{
    size_t waiting = c->end - c->start;
    if (waiting == 0)
        return receive(c, dst, max);
    size_t n = waiting < max ? waiting : max;
    memcpy(dst, c->buffer + c->start, n);
    c->start += n;
    return (ssize_t)n;
}

static ssize_t read_by_length(struct http_client *c, void *dst, size_t max)
{
    ssize_t n = take(c, dst, max < c->left ? max : (size_t)c->left);
    if (n <= 0)
        return n < 0 ? n : -EPIPE;
    c->left -= (uint64_t)n;
    c->finished = c->left == 0;
    return n;
}

static ssize_t read_by_close(struct http_client *c, void *dst, size_t max)
{
    ssize_t n = take(c, dst, max);
    c->finished = n == 0;
    return n;
}

static ssize_t read_by_chunks(struct http_client *c, void *dst, size_t max)
{
    for (;;) {
        struct rd r = rd_init(c->buffer + c->start, c->end - c->start);
        int step = http_chunked_step(&c->chunked, &r);
        c->start += r.pos;
        if (step < 0)
            return -EPROTO;
        if (step == HTTP_CHUNKED_DONE) {
            c->finished = true;
            return 0;
        }
        if (step == HTTP_CHUNKED_HAVE)
            break;
        int err = fill(c);
        if (err < 0)
            return err;
    }
    uint64_t left = c->chunked.left;
    ssize_t n = take(c, dst, max < left ? max : (size_t)left);
    if (n <= 0)
        return n < 0 ? n : -EPIPE;
    http_chunked_taken(&c->chunked, (uint64_t)n);
    return n;
}

static ssize_t read_body(struct http_client *c, void *dst, size_t max)
{
    if (c->finished || max == 0)
        return 0;
    switch (c->framing) {
    case HTTP_BY_LENGTH:
        return read_by_length(c, dst, max);
    case HTTP_BY_CHUNKS:
        return read_by_chunks(c, dst, max);
    case HTTP_BY_CLOSE:
        return read_by_close(c, dst, max);
    case HTTP_NO_BODY:
        break;
    }
    return 0;
}

ssize_t http_client_read(struct http_client *c, void *dst, size_t max, struct err *err)
{
    if (c->fd < 0)
        return err_set(err, -EPIPE, "not connected");
    ssize_t n = read_body(c, dst, max);
    if (n < 0) {
        http_client_close(c);
        return err_errno(err, (int)n, "receiving the answer");
    }
    return n;
}

int http_client_read_all(struct http_client *c, void *dst, size_t max, size_t *ret_len,
                         struct err *err)
{
    size_t len = 0;
    uint8_t more;
    ssize_t n = 1;
    while (n > 0 && len < max) {
        n = http_client_read(c, (uint8_t *)dst + len, max - len, err);
        if (n < 0)
            return (int)n;
        len += (size_t)n;
    }
    if (n > 0) {
        n = http_client_read(c, &more, 1, err);
        if (n < 0)
            return (int)n;
        if (n > 0)
            return err_set(err, -EMSGSIZE, "the answer is longer than %zu bytes", max);
    }
    *ret_len = len;
    return 0;
}
