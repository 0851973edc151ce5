/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O threads' side of a request: libmicrohttpd's callbacks, which collect the head and the
 * body, answer file routes and errors themselves, and hand dynamic requests to the loop.
 */
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "http/file.h"
#include "http/private.h"

enum { THREAD_STACK = 512 << 10, POOL_INCREMENT = 4096 };

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct http_request *http_request_ref(struct http_request *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void http_request_unref(struct http_request *r)
{
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    if (r->response)
        MHD_destroy_response(r->response);
    for (size_t i = 0; i < r->headers_count; i++)
        free(r->headers[i].name);
    http_target_free(&r->target);
    buf_free(&r->head);
    buf_free(&r->body);
    buf_free(&r->queue);
    free(r->raw_target);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* MHD_OPTION_URI_LOG_CALLBACK: the request line was read. What it returns becomes the context. */
static void *on_target(void *data, const char *uri, struct MHD_Connection *mhd)
{
    struct http_request *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    atomic_store(&r->refs, 1);
    pthread_mutex_init(&r->lock, NULL);
    list_init(&r->inbox_item);
    list_init(&r->held_item);
    r->server = data;
    r->mhd = mhd;
    r->connection = connection_of(mhd);
    r->start_us = http_now_us();
    r->raw_target = strdup(uri);
    r->peer = r->connection->peer;
    atomic_store(&r->connection->busy, true);
    return r;
}

static const char *head_value(struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

static bool has_body(struct http_request *r)
{
    const char *length = head_value(r, "Content-Length");
    return head_value(r, "Transfer-Encoding") || (length && !str_eq(length, "0"));
}

static bool body_too_long(struct http_request *r)
{
    uint64_t n;
    const char *length = head_value(r, "Content-Length");
    return length && str_parse_u64(length, 0, r->route->body_max, &n) < 0;
}

/* A body whose end is not certain (RFC 9112 section 6.3) must not be waited for, let alone guessed.
 */
static unsigned check_framing(struct http_request *r)
{
    const char *coding = head_value(r, "Transfer-Encoding");
    if (!coding)
        return 0;
    if (head_value(r, "Content-Length"))
        return 400;
    return strcasecmp(coding, "chunked") == 0 ? 0 : 501;
}

/* 0, or the status of an error that the request line or the head shows. */
static unsigned check_head(struct http_request *r, const char *method)
{
    if (!r->raw_target || str_copy(r->method, sizeof(r->method), method) < 0)
        return 501;
    unsigned framing = check_framing(r);
    if (framing)
        return framing;
    int err = http_target_parse(r->raw_target, strlen(r->raw_target), &r->target);
    if (err < 0)
        return err == -ENOMEM ? 503 : 400;
    r->route = http_site_match(r->connection->site, r->target.path);
    if (!r->route)
        return 404;
    if (!r->route->handler && !str_eq(method, "GET") && !str_eq(method, "HEAD"))
        return 405;
    if (has_body(r) && (!r->route->body_max || body_too_long(r)))
        return 413;
    return 0;
}

static enum MHD_Result copy_header(void *data, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct http_request *r = data;
    (void)kind;
    buf_add(&r->head, name, strlen(name) + 1);
    buf_add(&r->head, value ? value : "", value ? strlen(value) + 1 : 1);
    return MHD_YES;
}

static enum MHD_Result begin(struct http_request *r, const char *method)
{
    bool body = has_body(r);
    int64_t deadline = http_now_ms() + r->server->options.body_timeout_s * 1000;
    r->phase = HTTP_PHASE_BODY;
    r->early_status = check_head(r, method);
    atomic_store(&r->connection->deadline_ms, body ? deadline : 0);
    /* An answer to the head alone makes libmicrohttpd close the connection: only to stop a body. */
    if (r->early_status && body)
        return http_exchange_status(r, r->early_status);
    if (!r->early_status && r->route->handler) {
        r->head.max = r->body.max = SIZE_MAX; /* bounded by head_max and body_max */
        (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, copy_header, r);
        r->agent = http_request_header(r, "User-Agent");
    }
    return MHD_YES;
}

static enum MHD_Result collect(struct http_request *r, const char *data, size_t len)
{
    struct http_server *s = r->server;
    if (r->early_status)
        return MHD_YES;
    if (len > r->route->body_max - r->body.len) {
        r->early_status = 413; /* a chunked body; read on for the answer to be seen */
        return MHD_YES;
    }
    r->charged += len;
    if (atomic_fetch_add(&s->bodies, len) + len > s->options.bodies_max)
        r->early_status = 503;
    else
        buf_add(&r->body, data, len);
    return MHD_YES;
}

/* Suspends the connection and gives the request to the loop. */
static enum MHD_Result hand_over(struct http_request *r)
{
    struct http_server *s = r->server;
    if (buf_error(&r->body) < 0 || buf_error(&r->head) < 0)
        return http_exchange_status(r, 503);
    pthread_mutex_lock(&r->lock);
    pthread_mutex_lock(&s->inbox_lock);
    bool cut = s->cut;
    if (!cut) {
        r->phase = HTTP_PHASE_WAIT;
        r->suspended = true;
        MHD_suspend_connection(r->mhd);
    }
    pthread_mutex_unlock(&s->inbox_lock);
    if (!cut)
        http_server_post(r, HTTP_EVENT_NEW);
    pthread_mutex_unlock(&r->lock);
    return cut ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_answer(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    struct MHD_Response *response = TAKE_PTR(r->response);
    unsigned status = r->status;
    pthread_mutex_unlock(&r->lock);
    if (!response)
        return MHD_NO; /* aborted */
    r->phase = HTTP_PHASE_ANSWER;
    enum MHD_Result ok = MHD_queue_response(r->mhd, status, response);
    MHD_destroy_response(response);
    return ok;
}

static struct http_conditions conditions_of(struct http_request *r)
{
    return (struct http_conditions){
        .range = head_value(r, "Range"),
        .if_range = head_value(r, "If-Range"),
        .if_match = head_value(r, "If-Match"),
        .if_none_match = head_value(r, "If-None-Match"),
        .if_modified_since = head_value(r, "If-Modified-Since"),
        .if_unmodified_since = head_value(r, "If-Unmodified-Since"),
    };
}

static void add_file_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value && value[0])
        (void)MHD_add_response_header(response, name, value);
}

/* File routes over TLS, Unix sockets and on connections that a sender gave away. */
static enum MHD_Result answer_file(struct http_request *r)
{
    struct http_file_answer a;
    const struct http_conditions conditions = conditions_of(r);
    http_file_prepare(r->route->root, r->target.path + r->route->length, &conditions, &a);
    if (!a.etag[0])
        return http_exchange_status(r, a.selection.status);
    struct MHD_Response *response =
        a.fd < 0
            ? MHD_create_response_from_buffer(0, &a, MHD_RESPMEM_MUST_COPY)
            : MHD_create_response_from_fd_at_offset64(a.selection.length, a.fd, a.selection.offset);
    if (!response) {
        if (a.fd >= 0)
            (void)close(a.fd);
        return MHD_NO;
    }
    add_file_header(response, "Content-Type", a.type);
    add_file_header(response, "ETag", a.etag);
    add_file_header(response, "Last-Modified", a.last_modified);
    add_file_header(response, "Content-Range", a.content_range);
    add_file_header(response, "Accept-Ranges", "bytes");
    r->phase = HTTP_PHASE_ANSWER;
    r->status = a.selection.status;
    r->length = str_eq(r->method, "HEAD") ? 0 : a.selection.length;
    enum MHD_Result ok = MHD_queue_response(r->mhd, r->status, response);
    MHD_destroy_response(response);
    return ok;
}

static enum MHD_Result on_access(void *data, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_len, void **context)
{
    struct http_request *r = *context;
    (void)data, (void)mhd, (void)url, (void)version;
    if (!r)
        return MHD_NO;
    switch (r->phase) {
    case HTTP_PHASE_HEAD:
        return begin(r, method);
    case HTTP_PHASE_BODY:
        break;
    case HTTP_PHASE_WAIT:
        return send_answer(r);
    case HTTP_PHASE_ANSWER:
        return MHD_YES;
    }
    if (*upload_len) {
        enum MHD_Result ok = collect(r, upload, *upload_len);
        *upload_len = 0;
        return ok;
    }
    atomic_store(&r->connection->deadline_ms, 0);
    if (r->early_status)
        return http_exchange_status(r, r->early_status);
    return r->route->handler ? hand_over(r) : answer_file(r);
}

enum MHD_Result http_exchange_status(struct http_request *r, unsigned status)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%u %s\n", status, MHD_get_reason_phrase_for(status));
    struct MHD_Response *response =
        MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", "text/plain");
    if (status == 405)
        (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
    r->phase = HTTP_PHASE_ANSWER;
    r->status = status;
    r->length = (uint64_t)n;
    enum MHD_Result ok = MHD_queue_response(r->mhd, status, response);
    MHD_destroy_response(response);
    return ok;
}

/* Takes from the queue; suspends the connection when there is nothing. r->lock held. */
static ssize_t take_queued(struct http_request *r, char *dst, size_t max, bool *ret_writable)
{
    size_t n = r->queue.len < max ? r->queue.len : max;
    if (r->aborted)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0 && r->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        r->suspended = true;
        MHD_suspend_connection(r->mhd);
        return 0;
    }
    memcpy(dst, r->queue.data, n);
    buf_consume(&r->queue, n);
    r->length += n;
    *ret_writable = r->want_writable && r->queue.len <= r->queue_max / 2;
    if (*ret_writable)
        r->want_writable = false;
    return (ssize_t)n;
}

ssize_t http_exchange_read(void *data, uint64_t position, char *dst, size_t max)
{
    struct http_request *r = data;
    bool writable = false;
    (void)position;
    pthread_mutex_lock(&r->lock);
    ssize_t n = take_queued(r, dst, max, &writable);
    if (writable)
        http_server_post(r, HTTP_EVENT_WRITABLE);
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void account(struct http_request *r, bool complete)
{
    const struct http_access access = {
        .peer = &r->peer,
        .method = r->method[0] ? r->method : "-",
        .target = r->raw_target ? r->raw_target : "",
        .agent = r->agent,
        .status = r->status,
        .bytes = r->length,
        .duration_us = http_now_us() - r->start_us,
        .complete = complete,
    };
    http_server_account(r->server, &access);
}

/* The connection may serve another request, unless the server is closing. */
static void release_connection(struct http_request *r)
{
    struct http_connection *c = r->connection;
    struct http_server *s = r->server;
    http_gate_unwatch(c);
    int64_t wait_s = (int64_t)s->options.idle_timeout_s + s->options.head_timeout_s;
    atomic_store(&c->deadline_ms, http_now_ms() + wait_s * 1000);
    atomic_store(&c->busy, false);
}

/* MHD_OPTION_NOTIFY_COMPLETED */
static void on_completed(void *data, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_request *r = *context;
    (void)data, (void)mhd;
    if (!r)
        return;
    *context = NULL;
    pthread_mutex_lock(&r->lock);
    r->closed = true;
    if (r->response) /* a stream's response holds a reference to the request */
        MHD_destroy_response(TAKE_PTR(r->response));
    release_connection(r);
    account(r, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    atomic_fetch_sub(&r->server->bodies, r->charged);
    r->connection = NULL;
    r->mhd = NULL;
    if (r->route && r->route->handler)
        http_server_post(r, HTTP_EVENT_CLOSED);
    pthread_mutex_unlock(&r->lock);
    http_request_unref(r);
}

/* MHD_OPTION_UNESCAPE_CALLBACK: target.c decodes, strictly and once. */
static size_t keep_escapes(void *data, struct MHD_Connection *mhd, char *text)
{
    (void)data, (void)mhd;
    return strlen(text);
}

static void on_log(void *data, const char *format, va_list args) _printf_(2, 0);
static void on_log(void *data, const char *format, va_list args)
{
    char text[256], quoted[256];
    (void)data;
    int n = vsnprintf(text, sizeof(text), format, args);
    if (n > 0)
        log_debug("libmicrohttpd: %s", log_quote(quoted, sizeof(quoted), text, strlen(text)));
}

int http_worker_start(struct http_server *s, struct http_worker *worker,
                      const char *certificate_pem, const char *key_pem, struct err *err)
{
    const struct http_options *o = &s->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    if (certificate_pem)
        flags |= MHD_USE_TLS;
    /* Limits on connections are the gate's; these only must not be lower. */
    worker->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_CONNECTION_LIMIT, o->connections_max + 1, MHD_OPTION_CONNECTION_TIMEOUT,
        o->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->head_max,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)POOL_INCREMENT,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        http_gate_notify, s, MHD_OPTION_ARRAY, certificate_pem ? tls : none, MHD_OPTION_END);
    if (!worker->daemon)
        return err_set(err, -EIO, "cannot start an HTTP %sthread%s", certificate_pem ? "TLS " : "",
                       certificate_pem ? " (is the certificate or the key broken?)" : "");
    return 0;
}

void http_worker_stop(struct http_worker *worker)
{
    if (worker->daemon)
        MHD_stop_daemon(TAKE_PTR(worker->daemon));
}
