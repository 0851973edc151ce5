/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches: a stream of JSON lines {"type": "ADDED", "object": {...}}. The store says when there may
 * be something new; the lines are made outside of its call, on the next turn of the loop, and only
 * as fast as the client takes them. A client that is slower than the store's history is told to
 * start over (410), so no watch holds memory for what was not sent.
 */
#include "base/buf.h"
#include "base/str.h"
#include "server/api-internal.h"
#include "server/api-table.h"

#define QUEUE_BYTES ((size_t)1 << 20)
#define SLICE_BYTES ((size_t)256 * 1024)
#define INITIAL_OBJECTS 64
#define LINES_PER_TURN 64
#define TIMEOUT_DEFAULT_MS (30 * 60 * 1000)
#define BOOKMARK_EVERY_MS (60 * 1000)

enum stage {
    STAGE_INITIAL,  /* what is there already, as ADDED */
    STAGE_BOOKMARK, /* the bookmark behind it */
    STAGE_CHANGES,
};

struct watch {
    struct list item; /* in api->watches */
    struct api_request *request;
    struct store_watch *store_watch;
    struct buf line; /* made but not yet taken by the stream */
    enum stage stage;
    char after[API_NAME_SIZE]; /* STAGE_INITIAL: the last name that was shown */
    uint64_t start_version;
    struct api_job job;
    bool last; /* the line is the last: end the stream behind it */
    bool columns_sent;
    int64_t end_ms;      /* monotonic */
    int64_t bookmark_ms; /* monotonic; when the next one is due */
};

static struct api *api_of(const struct watch *w)
{
    return w->request->api;
}

static int64_t now_of(const struct watch *w)
{
    return clock_now(api_of(w)->setup.clock);
}

static void watch_free(struct watch *w)
{
    struct api *api = api_of(w);
    list_remove(&w->item);
    list_remove(&w->job.item);
    if (--api->watch_count == 0 && !api->closing)
        (void)uv_timer_stop(&api->tick);
    store_watch_free(w->store_watch);
    buf_free(&w->line);
    api_request_free(w->request);
    free(w);
}

static void watch_end(struct watch *w)
{
    http_stream_end(w->request->http);
    watch_free(w);
}

/* ---- lines ---- */

static void add_line(struct watch *w, const char *type, json_t *object)
{
    json_auto_t *event = json_pack("{ss,so}", "type", type, "object", object);
    _autofree_ char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    if (!text) {
        w->line.error = -ENOMEM;
        return;
    }
    buf_adds(&w->line, text);
    buf_addc(&w->line, '\n');
}

/* Only the first Table of a stream needs its columns. */
static json_t *table_of(struct watch *w, json_t *object)
{
    const struct api_request *r = w->request;
    json_t *table =
        api_table_single(r->path.kind, object, &r->options, r->form == API_FORM_TABLE_BETA,
                         clock_wall(r->api->setup.clock));
    if (table && w->columns_sent)
        (void)json_object_set_new(table, "columnDefinitions", json_null());
    w->columns_sent = true;
    return table;
}

/* An event about an object in the form that the request asked for; borrows the object. */
static void add_event(struct watch *w, const char *type, json_t *object)
{
    enum api_form form = w->request->form;
    if (form == API_FORM_TABLE || form == API_FORM_TABLE_BETA)
        add_line(w, type, table_of(w, object));
    else if (form == API_FORM_PARTIAL)
        add_line(w, type, api_partial_metadata(object));
    else
        add_line(w, type, json_incref(object));
}

static void add_error(struct watch *w, json_t *status)
{
    add_line(w, "ERROR", status);
    w->last = true;
}

static void add_bookmark(struct watch *w, uint64_t version, bool initial_end)
{
    const struct kind *kind = w->request->path.kind;
    json_t *metadata =
        json_pack("{so,sn}", "resourceVersion", json_sprintf("%llu", (unsigned long long)version),
                  "creationTimestamp");
    if (initial_end)
        (void)json_object_set_new(metadata, "annotations",
                                  json_pack("{ss}", "k8s.io/initial-events-end", "true"));
    json_t *object = json_pack("{ss,ss,so}", "kind", kind->kind, "apiVersion",
                               kind_api_version(kind), "metadata", metadata);
    enum api_form form = w->request->form;
    if (object && (form == API_FORM_TABLE || form == API_FORM_TABLE_BETA)) {
        add_event(w, "BOOKMARK", object);
        json_decref(object);
    } else {
        add_line(w, "BOOKMARK", object);
    }
    w->bookmark_ms = now_of(w) + BOOKMARK_EVERY_MS;
}

/* ---- what comes next ---- */

/* store_each() callback */
static int add_initial(void *data, json_t *object)
{
    struct watch *w = data;
    const char *name = object_name(object);
    if (name && str_copy(w->after, sizeof(w->after), name) == 0)
        add_event(w, "ADDED", object);
    return w->line.len >= SLICE_BYTES;
}

static void next_initial(struct watch *w)
{
    const struct store_list list = {.after = *w->after ? w->after : NULL,
                                    .limit = INITIAL_OBJECTS,
                                    .match = api_store_match,
                                    .match_data = w->request};
    bool more = false;
    int r = store_each(api_of(w)->setup.store, w->request->path.kind, &list, add_initial, w, &more);
    if (r < 0)
        w->line.error = r;
    else if (r == 0 && !more)
        w->stage = STAGE_BOOKMARK;
}

static void next_change(struct watch *w)
{
    static const char *const types[] = {
        [STORE_ADDED] = "ADDED", [STORE_MODIFIED] = "MODIFIED", [STORE_DELETED] = "DELETED"};
    enum store_change change = STORE_ADDED;
    json_t *object = NULL;
    int r = store_watch_next(w->store_watch, &change, &object);
    json_auto_t *owned = object;
    if (r == 1)
        add_event(w, types[change], owned);
    else if (r == -ESTALE)
        add_error(w, api_status_expired("too old resource version"));
    else if (r < 0)
        w->line.error = r;
}

/* Makes the next lines; none when there is nothing to say yet. */
static void next_lines(struct watch *w)
{
    const struct api_options *o = &w->request->options;
    switch (w->stage) {
    case STAGE_INITIAL:
        next_initial(w);
        break;
    case STAGE_BOOKMARK:
        if (o->send_initial_events && o->bookmarks)
            add_bookmark(w, w->start_version, true);
        w->stage = STAGE_CHANGES;
        break;
    case STAGE_CHANGES:
        next_change(w);
        break;
    }
}

/* Hands the lines to the stream. 0 when all of them were taken. */
static int write_lines(struct watch *w)
{
    int r = buf_error(&w->line);
    while (r == 0 && w->line.len > 0) {
        size_t n = w->line.len < SLICE_BYTES ? w->line.len : SLICE_BYTES;
        r = http_stream_write(w->request->http, buf_str(&w->line), n);
        if (r == 0)
            buf_consume(&w->line, n);
    }
    return r;
}

/* Makes and sends what there is to say, at most a slice of it in one turn of the loop. */
static void pump(struct watch *w)
{
    for (int n = 0; n < LINES_PER_TURN; n++) {
        int r = write_lines(w);
        if (r == -EAGAIN)
            return;
        if (r < 0 || w->last) {
            watch_end(w);
            return;
        }
        enum stage before = w->stage;
        next_lines(w);
        if (before == STAGE_INITIAL)
            break;
        if (w->line.len == 0 && before == STAGE_CHANGES && buf_error(&w->line) == 0)
            return;
    }
    api_later(api_of(w), &w->job);
}

static void run_watch(struct api_job *job)
{
    pump(container_of(job, struct watch, job));
}

/* ---- callbacks ---- */

/* From inside the store, where the watch must not end: so it is sent in the next turn. */
static void on_wake(void *data)
{
    struct watch *w = data;
    api_later(api_of(w), &w->job);
}

static void on_writable(struct http_request *http, void *data)
{
    (void)http;
    pump(data);
}

static void on_closed(struct http_request *http, void *data)
{
    (void)http;
    watch_free(data);
}

static void tick_one(struct watch *w, int64_t now)
{
    bool idle = w->stage == STAGE_CHANGES && w->line.len == 0;
    if (now >= w->end_ms) {
        watch_end(w);
    } else if (idle && w->request->options.bookmarks && now >= w->bookmark_ms) {
        add_bookmark(w, store_watch_version(w->store_watch), false);
        pump(w);
    }
}

void api_watches_tick(uv_timer_t *tick)
{
    struct api *api = container_of(tick, struct api, tick);
    int64_t now = clock_now(api->setup.clock);
    list_for_each_safe (it, &api->watches)
        tick_one(container_of(it, struct watch, item), now);
}

void api_watches_end(struct api *api)
{
    list_for_each_safe (it, &api->watches)
        watch_end(container_of(it, struct watch, item));
}

/* ---- starting ---- */

static int open_store_watch(struct watch *w)
{
    const struct api_options *o = &w->request->options;
    struct store *store = api_of(w)->setup.store;
    bool from_now = !o->has_resource_version || o->resource_version == 0 || o->send_initial_events;
    w->start_version = from_now ? store_version(store) : o->resource_version;
    w->stage = from_now ? STAGE_INITIAL : STAGE_CHANGES;
    const struct store_watch_options options = {.kind = w->request->path.kind,
                                                .since = w->start_version,
                                                .match = api_store_match,
                                                .match_data = w->request,
                                                .wake = on_wake,
                                                .wake_data = w};
    return store_watch_new(store, &options, &w->store_watch);
}

static struct watch *watch_new(struct api_request *request)
{
    struct api *api = request->api;
    struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    unsigned timeout = request->options.timeout_seconds;
    w->request = request;
    api_job_init(&w->job, run_watch);
    w->end_ms = now_of(w) + (timeout ? (int64_t)timeout * 1000 : TIMEOUT_DEFAULT_MS);
    w->bookmark_ms = now_of(w) + BOOKMARK_EVERY_MS;
    list_append(&api->watches, &w->item);
    if (api->watch_count++ == 0)
        (void)uv_timer_start(&api->tick, api_watches_tick, 1000, 1000);
    return w;
}

void api_watch(struct api_request *request)
{
    struct api *api = request->api;
    if (api->watch_count >= API_WATCHES_MAX) {
        api_fail(request, api_status(429, "TooManyRequests", "more than %d watches are open",
                                     API_WATCHES_MAX));
        return;
    }
    struct watch *w = watch_new(request);
    if (!w) {
        api_fail(request, NULL);
        return;
    }
    int r = open_store_watch(w);
    /* the failure is told inside the stream, where clients look for it */
    if (r == -ESTALE || r == -EINVAL)
        add_error(w, api_status_expired("too old resource version"));
    else if (r < 0)
        add_error(w, api_status(500, "InternalError", "cannot watch"));
    http_on_close(request->http, on_closed, w);
    http_stream_start(request->http, 200, "application/json", QUEUE_BYTES);
    http_stream_on_writable(request->http, on_writable, w);
    pump(w);
}
