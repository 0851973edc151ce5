/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a request: waits in line, runs, is handed over, ends. libcurl's callbacks only
 * collect; everything that is the caller's is called by kube_requests_settle(), outside of libcurl.
 */
#include "base/log.h"
#include "base/str.h"
#include "kube/private.h"

enum { STREAM_BURST_MAX = 32 << 20 /* bytes that one wake-up may bring */ };

/* ---- making and freeing ---- */

static void free_headers(struct kube_request *r)
{
    for (struct curl_slist *it = r->headers; it; it = it->next)
        explicit_bzero(it->data, strlen(it->data));
    curl_slist_free_all(r->headers);
    r->headers = NULL;
}

static void free_body(struct kube_request *r)
{
    if (r->body)
        explicit_bzero(r->body, r->body_len);
    free(r->body);
    r->body = NULL;
}

/* Off the transport; the answer so far stays. */
static void detach(struct kube_request *r)
{
    if (r->easy) {
        kube_transport_stop(r->transport, r->easy);
        curl_easy_cleanup(r->easy);
    }
    r->easy = NULL;
    free_headers(r);
    kube_transport_unref(TAKE_PTR(r->transport));
}

static void request_free(struct kube_request *r)
{
    free_body(r);
    free(r->method);
    free(r->path);
    free(r->content_type);
    buf_free(&r->answer);
    free(r);
}

static int copy_body(struct kube_request *r, const struct kube_call *call)
{
    if (!call->body)
        return 0;
    r->body = malloc(call->len + 1);
    if (!r->body)
        return -ENOMEM;
    memcpy(r->body, call->body, call->len);
    r->body[call->len] = '\0';
    r->body_len = call->len;
    return 0;
}

static bool is_path(const char *path)
{
    if (!path || path[0] != '/')
        return false;
    for (const char *c = path; *c; c++)
        if ((uint8_t)*c <= 0x20 || (uint8_t)*c >= 0x7f || *c == '#')
            return false;
    return true;
}

static int request_new(struct kube_client *client, const struct kube_call *call,
                       struct kube_request **ret)
{
    struct kube_request *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->client = client;
    list_init(&r->item);
    list_init(&r->ready);
    r->method = strdup(call->method ? call->method : "GET");
    r->path = strdup(call->path);
    r->content_type = call->content_type ? strdup(call->content_type) : NULL;
    r->plain = call->plain;
    r->timeout_ms = call->timeout_ms ? call->timeout_ms : client->request_timeout_ms;
    r->deadline = clock_now(client->clock) + r->timeout_ms;
    if (!r->method || !r->path || (call->content_type && !r->content_type) ||
        copy_body(r, call) < 0) {
        request_free(r);
        return -ENOMEM;
    }
    *ret = r;
    return 0;
}

/* ---- libcurl's callbacks ---- */

static void become_ready(struct kube_request *r)
{
    if (list_is_empty(&r->ready))
        list_append(&r->client->ready, &r->ready);
}

static bool is_success(const struct kube_request *r)
{
    return r->http >= 200 && r->http < 300;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    struct kube_request *r = user;
    size_t len = size * count;
    long http = 0;
    (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &http);
    r->http = (int)http;
    buf_add(&r->answer, data, len);
    if (buf_error(&r->answer) < 0)
        return 0;
    if (r->data && is_success(r))
        become_ready(r);
    return len;
}

void kube_requests_ended(void *client, void *request, CURLcode code)
{
    struct kube_request *r = request;
    long http = 0, os_error = 0;
    curl_off_t retry_after = 0, sent_us = 0;
    (void)client;
    (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &http);
    (void)curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os_error);
    (void)curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after);
    (void)curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    r->code = code;
    r->http = (int)http;
    r->os_error = (int)os_error;
    r->retry_after = retry_after > 0 && retry_after < 86400 ? (int)retry_after : 0;
    r->sent = sent_us > 0;
    r->ended = true;
    detach(r);
    become_ready(r);
}

/* ---- starting ---- */

static bool add_header(struct kube_request *r, const char *name, const char *value)
{
    _autofree_ char *line = value ? str_format("%s: %s", name, value) : NULL;
    if (!value)
        return true;
    struct curl_slist *list = line ? curl_slist_append(r->headers, line) : NULL;
    if (line)
        explicit_bzero(line, strlen(line));
    if (!list)
        return false;
    r->headers = list;
    return true;
}

static int set_headers(struct kube_request *r)
{
    const struct kube_client *c = r->client;
    _autofree_ char *bearer = c->token ? str_format("Bearer %s", c->token) : NULL;
    bool ok =
        (!c->token || bearer) && add_header(r, "Accept", r->plain ? "*/*" : "application/json") &&
        add_header(r, "Content-Type", r->content_type) && add_header(r, "Authorization", bearer);
    if (bearer)
        explicit_bzero(bearer, strlen(bearer));
    /* No waiting for "100 Continue". */
    struct curl_slist *list = ok ? curl_slist_append(r->headers, "Expect:") : NULL;
    if (!list)
        return -ENOMEM;
    r->headers = list;
    return curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, list) == CURLE_OK ? 0 : -ENOMEM;
}

static int set_url(struct kube_request *r)
{
    const struct kube_client *c = r->client;
    r->url = c->url;
    _autofree_ char *url = str_format("%s%s", c->urls.text[c->url], r->path);
    if (!url)
        return -ENOMEM;
    (void)curl_easy_setopt(r->easy, CURLOPT_PATH_AS_IS, 1L);
    return curl_easy_setopt(r->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_body(struct kube_request *r)
{
    if (r->body) {
        (void)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        (void)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
    }
    (void)curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_limits(struct kube_request *r)
{
    const struct kube_client *c = r->client;
    (void)curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
    buf_free(&r->answer);
    r->answer = BUF_INIT_MAX(r->data ? STREAM_BURST_MAX : c->response_max);
    if (r->data)
        return;
    int64_t left = r->deadline - clock_now(c->clock);
    (void)curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, left > 1 ? (long)left : 1L);
    (void)curl_easy_setopt(r->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->response_max);
}

static int prepare(struct kube_request *r)
{
    int e = kube_transport_prepare(r->transport, r->easy);
    if (e == 0)
        e = set_url(r);
    if (e == 0)
        e = set_headers(r);
    if (e < 0)
        return e;
    set_body(r);
    set_limits(r);
    (void)curl_easy_setopt(r->easy, CURLOPT_USERAGENT, r->client->user_agent);
    (void)curl_easy_setopt(r->easy, CURLOPT_PRIVATE, (void *)r);
    (void)curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    r->error_text[0] = '\0';
    (void)curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error_text);
    return 0;
}

/* Sends it; 0, or it is not on the transport. */
static int start(struct kube_request *r)
{
    r->ended = false;
    r->http = 0;
    r->n_urls++;
    r->easy = curl_easy_init();
    if (!r->easy)
        return -ENOMEM;
    r->transport = kube_transport_ref(r->client->transport);
    int e = prepare(r);
    if (e == 0)
        e = kube_transport_start(r->transport, r->easy);
    if (e < 0)
        detach(r);
    return e;
}

static void enlist(struct kube_request *r)
{
    list_remove(&r->item);
    list_append(&r->client->running, &r->item);
    if (!r->data)
        r->client->n_running++;
}

/* Out of every list: nothing of it is left but its memory. */
static void unlist(struct kube_request *r, bool running)
{
    list_remove(&r->item);
    list_remove(&r->ready);
    if (!running)
        r->client->n_waiting--;
    else if (!r->data)
        r->client->n_running--;
    if (r->client->current == r)
        r->client->current = NULL;
    if (r->then.slot)
        *r->then.slot = NULL;
}

/* ---- the end ---- */

static int error_of_code(const struct kube_request *r)
{
    switch (r->code) {
    case CURLE_OK:
        return 0;
    case CURLE_COULDNT_CONNECT:
        return r->os_error > 0 ? -r->os_error : -ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        return -EKEYREJECTED;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return -ECONNRESET;
    case CURLE_FILESIZE_EXCEEDED:
        return -EMSGSIZE;
    case CURLE_WRITE_ERROR:
        return buf_error(&r->answer) < 0 ? buf_error(&r->answer) : -EIO;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    default:
        return -EPROTO;
    }
}

static int fail_without_answer(const struct kube_request *r, int error, struct kube_status *status)
{
    const char *url = kube_client_url(r->client);
    status->code = r->http;
    if (error == -EMSGSIZE)
        return kube_status_set(status, error, "%s: the answer is longer than %zu bytes", url,
                               r->answer.max);
    if (error == -ECANCELED)
        return kube_status_set(status, error, "cancelled");
    const char *text = r->error_text[0] ? r->error_text : curl_easy_strerror(r->code);
    return kube_status_set(status, error, "%s: %s", url, r->code ? text : strerror(-error));
}

/* Failures may be plain text ("Too many requests, please try again later."). */
static void add_text(const struct kube_request *r, const json_t *object, struct kube_status *status)
{
    char quoted[256];
    size_t len = r->answer.len < sizeof(quoted) - 1 ? r->answer.len : sizeof(quoted) - 1;
    while (len > 0 && r->answer.data[len - 1] == '\n')
        len--;
    if (object || len == 0)
        return;
    (void)log_quote(quoted, sizeof(quoted), r->answer.data, len);
    (void)kube_status_set(status, 0, "the API server answered %d: %s", r->http, quoted);
}

static void judge(const struct kube_request *r, json_t *object, struct kube_answer *answer)
{
    answer->error = kube_status_read(r->http, object, &answer->status);
    if (answer->error < 0)
        add_text(r, object, &answer->status);
    if (r->retry_after > answer->status.retry_after_seconds)
        answer->status.retry_after_seconds = answer->error < 0 ? r->retry_after : 0;
    if (answer->error == 0 && !r->plain && !r->data && !object)
        answer->error = kube_status_set(&answer->status, -EBADMSG, "%s: the answer is no JSON",
                                        kube_client_url(r->client));
}

/* Calls done and frees it; it is in no list any more. */
static void finish(struct kube_request *r, int error)
{
    struct kube_answer answer = {.text = "", .error = error};
    json_auto_t *object = NULL;
    if (error == 0 && r->answer.len > 0 && !r->plain)
        object = json_loadb(r->answer.data, r->answer.len, JSON_ALLOW_NUL, NULL);
    if (error == 0)
        judge(r, object, &answer);
    else
        (void)fail_without_answer(r, error, &answer.status);
    answer.object = object;
    answer.text = error == 0 ? buf_str(&r->answer) : "";
    answer.len = error == 0 ? r->answer.len : 0;
    free_body(r);
    if (r->then.done)
        r->then.done(r->then.user, &answer);
    request_free(r);
}

/* Goes to the next address when this one could not be reached; true when it was sent again. */
static bool try_next_url(struct kube_request *r)
{
    struct kube_client *c = r->client;
    if (r->code == CURLE_OK || r->sent || c->closing || r->n_urls >= c->urls.n)
        return false;
    if (!r->data && clock_now(c->clock) >= r->deadline)
        return false;
    if (c->url == r->url)
        c->url = (c->url + 1) % c->urls.n;
    return start(r) == 0;
}

/* ---- handing over ---- */

/* false when it was ended meanwhile. */
static bool hand_data(struct kube_request *r)
{
    struct kube_client *c = r->client;
    struct buf data = r->answer;
    r->answer = BUF_INIT_MAX(STREAM_BURST_MAX);
    r->answer.error = data.error;
    c->current = r;
    r->data(r->then.user, data.data, data.len);
    buf_free(&data);
    bool alive = c->current == r;
    c->current = NULL;
    return alive;
}

static void serve(struct kube_request *r)
{
    if (r->data && is_success(r) && r->answer.len > 0 && !hand_data(r))
        return;
    if (!r->ended || try_next_url(r))
        return;
    int error = error_of_code(r);
    unlist(r, true);
    finish(r, error);
}

static void start_waiting(struct kube_client *c)
{
    while (!c->closing && c->n_running < c->concurrent_max && !list_is_empty(&c->waiting)) {
        struct kube_request *r = container_of(list_first(&c->waiting), struct kube_request, item);
        c->n_waiting--;
        enlist(r);
        if (start(r) == 0)
            continue;
        r->code = CURLE_OUT_OF_MEMORY;
        r->ended = r->sent = true;
        become_ready(r);
    }
}

static struct kube_request *take_ready(struct kube_client *c)
{
    struct list *it = c->ready.next;
    if (it == &c->ready)
        return NULL;
    c->ready.next = it->next;
    it->next->prev = &c->ready;
    list_init(it);
    return container_of(it, struct kube_request, ready);
}

void kube_requests_settle(void *client)
{
    struct kube_client *c = client;
    start_waiting(c);
    for (struct kube_request *r; (r = take_ready(c));) {
        serve(r);
        start_waiting(c);
    }
}

void kube_requests_end_all(struct kube_client *c)
{
    for (struct list *it; (it = list_first(&c->running)) || (it = list_first(&c->waiting));) {
        struct kube_request *r = container_of(it, struct kube_request, item);
        bool running = !list_is_empty(&c->running);
        detach(r);
        unlist(r, running);
        finish(r, -ECANCELED);
    }
}

/* ---- the interface ---- */

static void on_kick_now(uv_timer_t *timer)
{
    kube_requests_settle(timer->data);
}

static bool is_running(const struct kube_request *r)
{
    return r->n_urls > 0;
}

/* One that was not answered yet is sent again, to the first of the new addresses. */
static void end_stream(struct kube_request *r)
{
    kube_requests_ended(r->client, r, CURLE_OK);
    if (is_success(r))
        return;
    r->code = CURLE_COULDNT_CONNECT;
    r->os_error = 0;
    r->sent = false;
    r->url = KUBE_URLS_MAX;
    r->n_urls = 1;
}

void kube_requests_move_streams(struct kube_client *c, const char *url)
{
    list_for_each_safe (it, &c->running) {
        struct kube_request *r = container_of(it, struct kube_request, item);
        if (!r->data || r->ended)
            continue;
        if (str_eq(c->urls.text[r->url], url)) {
            r->url = 0;
            continue;
        }
        end_stream(r);
        (void)uv_timer_start(&c->kick, on_kick_now, 0, 0);
    }
}

void kube_request_cancel(struct kube_request *request)
{
    if (!request)
        return;
    struct kube_client *c = request->client;
    detach(request);
    unlist(request, is_running(request));
    if (request->release)
        request->release(request->then.user);
    request_free(request);
    /* Its place may be another's, but not inside of this call. */
    if (!list_is_empty(&c->waiting) && !c->closing)
        (void)uv_timer_start(&c->kick, on_kick_now, 0, 0);
}

static int submit(struct kube_client *c, struct kube_request *r)
{
    if (r->data || c->n_running < c->concurrent_max) {
        int e = start(r);
        if (e == 0)
            enlist(r);
        return e;
    }
    if (c->n_waiting >= c->queue_max)
        return -ENOBUFS;
    list_append(&c->waiting, &r->item);
    c->n_waiting++;
    return 0;
}

static int begin(struct kube_client *client, const struct kube_call *call,
                 void (*data)(void *user, const char *data, size_t len), struct kube_then then,
                 void (*release)(void *user))
{
    struct kube_request *r = NULL;
    if (client->closing)
        return -ESHUTDOWN;
    int e = is_path(call->path) ? request_new(client, call, &r) : -EINVAL;
    if (e < 0)
        return e;
    r->then = then;
    r->data = data;
    r->release = release;
    e = submit(client, r);
    if (e < 0) {
        request_free(r);
        return e;
    }
    if (then.slot)
        *then.slot = r;
    return 0;
}

int kube_call_owned(struct kube_client *client, const struct kube_call *call, struct kube_then then,
                    void (*release)(void *user))
{
    return begin(client, call, NULL, then, release);
}

int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_then then)
{
    return begin(client, call, NULL, then, NULL);
}

int kube_stream(struct kube_client *client, const struct kube_stream *stream)
{
    const struct kube_call call = {.path = stream->path};
    return begin(client, &call, stream->data, stream->then, NULL);
}
