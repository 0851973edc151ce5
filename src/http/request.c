/* SPDX-License-Identifier: Apache-2.0 */
/* The loop thread's side of a request: reading it, answering it, streams. */
#include <strings.h>

#include "base/str.h"
#include "http/private.h"

enum { QUEUE_DEFAULT = 1 << 20, STREAM_BLOCK = 32 << 10 };

/* ---- reading ---- */

const char *http_request_method(const struct http_request *r)
{
    return r->method;
}

const char *http_request_path(const struct http_request *r)
{
    return r->target.path;
}

const char *http_request_rest(const struct http_request *r)
{
    return r->target.path + r->route->length;
}

const char *http_request_arg(const struct http_request *r, const char *name)
{
    return http_target_arg(&r->target, name);
}

bool http_request_arg_at(const struct http_request *r, size_t index, const char **ret_name,
                         const char **ret_value)
{
    if (index >= r->target.count)
        return false;
    *ret_name = r->target.args[index].name;
    *ret_value = r->target.args[index].value;
    return true;
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    const char *at = buf_str(&r->head);
    const char *end = at + r->head.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *http_request_body(const struct http_request *r, size_t *ret_len)
{
    if (ret_len)
        *ret_len = r->body.len;
    return buf_str(&r->body);
}

const struct http_peer *http_request_peer(const struct http_request *r)
{
    return &r->peer;
}

/* ---- answering ---- */

int http_header(struct http_request *r, const char *name, const char *value)
{
    if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
        return -EINVAL;
    if (r->headers_count == HTTP_HEADERS_MAX)
        return -E2BIG;
    size_t name_size = strlen(name) + 1, value_size = strlen(value) + 1;
    char *both = malloc(name_size + value_size);
    if (!both)
        return -ENOMEM;
    memcpy(both, name, name_size);
    memcpy(both + name_size, value, value_size);
    r->headers[r->headers_count++] = (struct http_header){.name = both, .value = both + name_size};
    return 0;
}

static void add_headers(struct http_request *r, struct MHD_Response *response, const char *type)
{
    if (type)
        (void)MHD_add_response_header(response, "Content-Type", type);
    for (size_t i = 0; i < r->headers_count; i++)
        (void)MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
}

/* Lets the I/O thread go on. r->lock held. */
static void resume(struct http_request *r)
{
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->mhd);
}

/* The loop is done with the request. */
static void finish(struct http_request *r)
{
    r->finished = true;
    list_remove(&r->held_item);
    http_request_unref(r);
}

/* Gives response (NULL: out of memory, the connection ends) to the I/O thread. */
static void give(struct http_request *r, unsigned status, struct MHD_Response *response,
                 uint64_t length)
{
    pthread_mutex_lock(&r->lock);
    if (r->closed || r->aborted) {
        if (response)
            MHD_destroy_response(response);
    } else {
        r->response = response;
        r->status = response ? status : 0;
        r->length = length;
        resume(r);
    }
    pthread_mutex_unlock(&r->lock);
}

static void reply(struct http_request *r, unsigned status, const char *type, void *body, size_t len,
                  enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, body, mode);
    if (response)
        add_headers(r, response, type);
    else if (mode == MHD_RESPMEM_MUST_FREE)
        free(body);
    give(r, status, response, len);
    finish(r);
}

void http_reply(struct http_request *r, unsigned status, const char *type, const void *body,
                size_t len)
{
    reply(r, status, type, (void *)(uintptr_t)body, len, MHD_RESPMEM_MUST_COPY);
}

void http_reply_text(struct http_request *r, unsigned status, const char *type, const char *text)
{
    http_reply(r, status, type, text, strlen(text));
}

void http_reply_take(struct http_request *r, unsigned status, const char *type, void *body,
                     size_t len)
{
    reply(r, status, type, body, len, MHD_RESPMEM_MUST_FREE);
}

void http_on_close(struct http_request *r,
                   void (*on_close)(struct http_request *request, void *data), void *data)
{
    r->on_close = on_close;
    r->on_close_data = data;
    pthread_mutex_lock(&r->lock);
    if (on_close && !r->closed)
        http_gate_watch(r->connection, r);
    pthread_mutex_unlock(&r->lock);
}

/* ---- streams ---- */

static void release_reader(void *data)
{
    http_request_unref(data);
}

void http_stream_start(struct http_request *r, unsigned status, const char *type, size_t queue_max)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, http_exchange_read, http_request_ref(r), release_reader);
    if (response)
        add_headers(r, response, type);
    else
        http_request_unref(r);
    pthread_mutex_lock(&r->lock);
    r->streaming = true;
    r->queue_max = queue_max ? queue_max : QUEUE_DEFAULT;
    r->queue.max = r->queue_max;
    pthread_mutex_unlock(&r->lock);
    give(r, status, response, 0);
}

/* r->lock held. */
static int enqueue(struct http_request *r, const void *data, size_t len)
{
    if (r->closed || r->aborted)
        return -EPIPE;
    if (len > r->queue_max - r->queue.len) {
        r->want_writable = r->on_writable != NULL;
        return -EAGAIN;
    }
    buf_add(&r->queue, data, len);
    if (buf_error(&r->queue) < 0)
        return -ENOMEM;
    resume(r);
    return 0;
}

int http_stream_write(struct http_request *r, const void *data, size_t len)
{
    pthread_mutex_lock(&r->lock);
    int result = enqueue(r, data, len);
    pthread_mutex_unlock(&r->lock);
    return result;
}

void http_stream_on_writable(struct http_request *r,
                             void (*on_writable)(struct http_request *request, void *data),
                             void *data)
{
    r->on_writable = on_writable;
    r->on_writable_data = data;
}

void http_stream_end(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    if (!r->closed)
        resume(r);
    pthread_mutex_unlock(&r->lock);
    finish(r);
}

/* ---- events ---- */

void http_request_abort(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->aborted = true;
    if (!r->closed)
        resume(r);
    pthread_mutex_unlock(&r->lock);
    if (r->finished || !r->on_close)
        return;
    void (*on_close)(struct http_request *, void *) = r->on_close;
    r->on_close = NULL;
    on_close(r, r->on_close_data);
    finish(r);
}

static void start(struct http_request *r)
{
    struct http_server *s = r->server;
    list_append(&s->held, &http_request_ref(r)->held_item);
    if (s->cut) {
        http_request_abort(r);
        finish(r);
        return;
    }
    if (s->stopping)
        http_reply_text(r, 503, "text/plain", "the server is stopping");
    else
        r->route->handler(r, r->route->data);
}

void http_request_dispatch(struct http_request *r, unsigned events)
{
    if (events & HTTP_EVENT_NEW)
        start(r);
    if ((events & HTTP_EVENT_WRITABLE) && !r->finished && r->on_writable)
        r->on_writable(r, r->on_writable_data);
    if ((events & (HTTP_EVENT_HANGUP | HTTP_EVENT_CLOSED)) && !r->finished && r->on_close)
        http_request_abort(r);
    http_request_unref(r);
}
