/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <time.h>

#include "http/private.h"

enum { CLOSE_POLL_MS = 20 };

int64_t http_now_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t http_now_ms(void)
{
    return http_now_us() / 1000;
}

void http_server_post(struct http_request *request, unsigned events)
{
    struct http_server *s = request->server;
    pthread_mutex_lock(&s->inbox_lock);
    if (list_is_empty(&request->inbox_item)) {
        (void)http_request_ref(request);
        list_append(&s->inbox, &request->inbox_item);
    }
    request->events |= events;
    pthread_mutex_unlock(&s->inbox_lock);
    (void)uv_async_send(&s->wake);
}

static struct http_request *inbox_take(struct http_server *s, unsigned *ret_events)
{
    pthread_mutex_lock(&s->inbox_lock);
    struct list *item = list_first(&s->inbox);
    struct http_request *request = NULL;
    if (item) {
        request = container_of(item, struct http_request, inbox_item);
        list_remove(item);
        *ret_events = request->events;
        request->events = 0;
    }
    pthread_mutex_unlock(&s->inbox_lock);
    return request;
}

static void inbox_drain(struct http_server *s)
{
    unsigned events;
    for (struct http_request *r; (r = inbox_take(s, &events));)
        http_request_dispatch(r, events);
}

static void on_wake(uv_async_t *handle)
{
    inbox_drain(handle->data);
}

static void free_connections(struct http_server *s)
{
    list_for_each_safe (it, &s->connections) {
        list_remove(it);
        free(container_of(it, struct http_connection, item));
    }
    free(s->by_fd);
    map_free(s->addresses);
}

static void server_free(struct http_server *s)
{
    list_for_each_safe (it, &s->listeners) {
        struct http_listener *l = container_of(it, struct http_listener, item);
        list_remove(it);
        free(l->unlink_path);
        free(l);
    }
    list_for_each_safe (site, &s->sites)
        http_site_free(container_of(site, struct http_site, item));
    free_connections(s);
    if (s->epoll >= 0)
        (void)close(s->epoll);
    if (s->wake_fd >= 0)
        (void)close(s->wake_fd);
    pthread_mutex_destroy(&s->inbox_lock);
    pthread_mutex_destroy(&s->gate_lock);
    free(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *s = handle->data;
    if (--s->handles > 0)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *data = s->on_closed_data;
    server_free(s);
    if (on_closed)
        on_closed(data);
}

static void move_requests(struct list *from, struct list *to, bool abort)
{
    for (struct list *item; (item = list_first(from));) {
        list_remove(item);
        list_append(to, item);
        if (abort)
            http_request_abort(container_of(item, struct http_request, held_item));
    }
}

/* From here on no request is suspended any more, so that the daemons may be stopped. */
static void abort_requests(struct http_server *s)
{
    pthread_mutex_lock(&s->inbox_lock);
    s->cut = true;
    pthread_mutex_unlock(&s->inbox_lock);
    inbox_drain(s);
    struct list aborted; /* a callback may end any held request, so no walk over the list */
    list_init(&aborted);
    move_requests(&s->held, &aborted, true);
    move_requests(&aborted, &s->held, false);
}

static void stop_threads(struct http_server *s)
{
    http_gate_stop(s);
    for (unsigned i = 0; i < s->senders_count; i++)
        http_sender_stop(&s->senders[i]); /* before workers: it may hand connections to them */
    for (unsigned i = 0; i < s->senders_count; i++)
        http_sender_clear(&s->senders[i]);
    for (unsigned i = 0; i < s->workers_count; i++)
        http_worker_stop(&s->workers[i]);
    list_for_each (it, &s->listeners)
        http_worker_stop(&container_of(it, struct http_listener, item)->tls);
}

static void finish_close(struct http_server *s)
{
    abort_requests(s);
    stop_threads(s);
    inbox_drain(s); /* what the daemons reported while they stopped */
    for (struct list *item; (item = list_first(&s->held));)
        list_remove(item); /* their owners answer them into the void */
    uv_close((uv_handle_t *)&s->wake, on_handle_closed);
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
}

static void on_close_timer(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    if (atomic_load(&s->open) == 0 || http_now_ms() >= s->close_at_ms)
        finish_close(s);
    else
        http_gate_cut(s, false);
}

void http_server_close(struct http_server *s, unsigned grace_ms, void (*on_closed)(void *data),
                       void *data)
{
    s->on_closed = on_closed;
    s->on_closed_data = data;
    s->close_at_ms = http_now_ms() + grace_ms;
    list_for_each (it, &s->listeners)
        http_listener_close(container_of(it, struct http_listener, item));
    pthread_mutex_lock(&s->gate_lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->gate_lock);
    http_gate_cut(s, false);
    (void)uv_timer_start(&s->timer, on_close_timer, 0, CLOSE_POLL_MS);
}

static unsigned count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

#define DEFAULT_TO(field, value)                                                                   \
    do {                                                                                           \
        if (!(field))                                                                              \
            (field) = (value);                                                                     \
    } while (0)

static void set_defaults(struct http_options *o)
{
    unsigned cpus = count_cpus();
    DEFAULT_TO(o->threads, cpus < 4 ? cpus : 4);
    DEFAULT_TO(o->connections_max, 4096);
    DEFAULT_TO(o->connections_per_address, 128);
    DEFAULT_TO(o->head_timeout_s, 20);
    DEFAULT_TO(o->body_timeout_s, 60);
    DEFAULT_TO(o->idle_timeout_s, 60);
    DEFAULT_TO(o->head_max, 32 << 10);
    DEFAULT_TO(o->bodies_max, 64 << 20);
    if (o->threads > HTTP_WORKERS_MAX)
        o->threads = HTTP_WORKERS_MAX;
}

static int start_threads(struct http_server *s, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < s->options.threads && r == 0; i++) {
        r = http_worker_start(s, &s->workers[i], NULL, NULL, err);
        if (r < 0)
            return r;
        s->workers_count = i + 1;
        r = http_sender_start(s, &s->senders[i]);
        s->senders_count = i + 1;
    }
    if (r == 0)
        r = http_gate_start(s);
    return r < 0 ? err_errno(err, r, "HTTP threads") : 0;
}

static int server_init(struct http_server *s, const struct http_options *options, struct err *err)
{
    s->options = *options;
    set_defaults(&s->options);
    s->epoll = s->wake_fd = -1;
    list_init(&s->sites);
    list_init(&s->listeners);
    list_init(&s->held);
    list_init(&s->inbox);
    list_init(&s->connections);
    s->addresses = map_new();
    if (!s->addresses)
        return err_set(err, -ENOMEM, "out of memory");
    pthread_mutex_init(&s->inbox_lock, NULL);
    pthread_mutex_init(&s->gate_lock, NULL);
    int r = uv_async_init(s->options.loop, &s->wake, on_wake);
    if (r < 0)
        return err_errno(err, r, "event loop");
    (void)uv_timer_init(s->options.loop, &s->timer);
    s->wake.data = s->timer.data = s;
    s->handles = 2;
    return 0;
}

int http_server_new(const struct http_options *options, struct http_server **ret, struct err *err)
{
    if (!options->loop)
        return err_set(err, -EINVAL, "HTTP server needs an event loop");
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    int r = server_init(s, options, err);
    if (r < 0) {
        map_free(s->addresses);
        free(s);
        return r;
    }
    r = start_threads(s, err);
    if (r < 0) {
        finish_close(s); /* frees it on the loop's next turn */
        return r;
    }
    *ret = s;
    return 0;
}

void http_server_account(struct http_server *s, const struct http_access *access)
{
    atomic_fetch_add(&s->requests, 1);
    atomic_fetch_add(&s->status[access->status < 600 ? access->status / 100 : 0], 1);
    if (access->complete)
        atomic_fetch_add(&s->bytes, access->bytes);
    if (s->options.on_access)
        s->options.on_access(s->options.data, access);
}

void http_server_counters(const struct http_server *s, struct http_counters *ret)
{
    *ret = (struct http_counters){
        .connections = atomic_load(&s->accepted),
        .open = atomic_load(&s->open),
        .refused = atomic_load(&s->refused),
        .timeouts = atomic_load(&s->timeouts),
        .requests = atomic_load(&s->requests),
        .bytes = atomic_load(&s->bytes),
    };
    for (size_t i = 0; i < ARRAY_SIZE(ret->status); i++)
        ret->status[i] = atomic_load(&s->status[i]);
}
