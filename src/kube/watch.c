/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include "base/str.h"
#include "kube/backoff.h"
#include "kube/line.h"
#include "kube/objects.h"
#include "kube/private.h"
#include "kube/request.h"

enum {
    PAGE = 100,
    TIMEOUT_SECONDS = 300,
    GRACE_SECONDS = 30,
    RETRY_MIN_MS = 200,
    RETRY_MAX_MS = 30000,
    LINE_MAX_BYTES = 8 << 20,
    OBJECTS_MAX = 200000,
    PATH_MAX_BYTES = 64 << 10,
    /* A stream that lived this long was a success, though nothing came on it. */
    LIVED_MS = 5000,
    /* One that ended sooner is not opened again at once. */
    SHORT_MS = 1000,
};

enum state {
    STATE_LISTING,
    STATE_WATCHING,
    STATE_PAUSED,
    STATE_ENDED, /* the client is gone */
};

struct kube_watch {
    struct kube_client *client; /* NULL in STATE_ENDED */
    struct kube_follower follower;
    struct kube_watch_options options; /* its texts are owned, limits are filled in */
    struct kube_objects objects;
    struct kube_entry *leaving; /* being reported as deleted */
    struct kube_lines lines;
    struct kube_request *request; /* a page, or the stream */
    uv_timer_t timer;             /* of the pause, or of the stall */
    enum state state;
    char *version;     /* to watch from; NULL: list first */
    unsigned failures; /* in a row */
    uint64_t opened;   /* uv_now() at which the stream was */
    uint64_t heard;    /* uv_now() at which something came */
    bool progressed;   /* the stream brought something */
    bool synced;
    bool whole_list; /* no pages: their continuation expired the last time */
    bool full;       /* objects_max was reported since the last list */
    bool closed;     /* kube_watch_free() was called: touch nothing of the user's */
};

static void begin(struct kube_watch *w);

static uint64_t now(const struct kube_watch *w)
{
    return uv_now(w->timer.loop);
}

/* Whether callbacks may go on: false after kube_watch_free() or the client's end. */
static bool is_alive(const struct kube_watch *w)
{
    return !w->closed && w->state != STATE_ENDED;
}

/* ---- pauses and failures ---- */

static void on_timer(uv_timer_t *timer);

static void arm(struct kube_watch *w, uint64_t ms)
{
    (void)uv_timer_start(&w->timer, on_timer, ms, 0);
}

static void trouble(struct kube_watch *w, int error, const char *text)
{
    if (w->options.trouble && !w->closed)
        w->options.trouble(w->options.user, error, text);
}

/* What the last stream was worth decides how soon the next try comes. */
static void settle_progress(struct kube_watch *w)
{
    if (w->state == STATE_WATCHING && (w->progressed || now(w) - w->opened >= LIVED_MS))
        w->failures = 0;
    w->progressed = false;
}

static void pause_for(struct kube_watch *w, int retry_after_seconds)
{
    uint32_t ms = kube_backoff_ms(w->failures, w->options.retry_min_ms, w->options.retry_max_ms,
                                  kube_client_rng(w->client));
    uint64_t asked = (uint64_t)retry_after_seconds * 1000;
    if (asked > w->options.retry_max_ms)
        asked = w->options.retry_max_ms;
    w->state = STATE_PAUSED;
    arm(w, asked > ms ? asked : ms);
}

/* The request is over; tells the user and tries again later. */
static void fail(struct kube_watch *w, int error, int retry_after_seconds, const char *text)
{
    settle_progress(w);
    w->failures++;
    pause_for(w, retry_after_seconds);
    trouble(w, error, text);
}

static void forget_version(struct kube_watch *w)
{
    free(w->version);
    w->version = NULL;
}

static void end(struct kube_watch *w)
{
    w->state = STATE_ENDED;
    w->client = NULL;
    list_remove(&w->follower.item);
    (void)uv_timer_stop(&w->timer);
}

static void on_client_gone(struct kube_follower *follower)
{
    end(container_of(follower, struct kube_watch, follower));
}

/* ---- objects ---- */

static void drop(struct kube_watch *w, struct kube_entry *entry)
{
    if (w->options.drop && entry->object.kept)
        w->options.drop(w->options.user, entry->object.kept);
    kube_entry_free(entry);
}

/* json may be NULL: only its absence was noticed. */
static void report_deleted(struct kube_watch *w, struct kube_entry *entry, json_t *json)
{
    kube_objects_take(&w->objects, entry);
    w->leaving = entry;
    w->options.changed(w->options.user, KUBE_DELETED, &entry->object, json);
    if (w->leaving)
        drop(w, TAKE_PTR(w->leaving));
}

static void report(struct kube_watch *w, enum kube_change change, struct kube_entry *entry,
                   json_t *json)
{
    if (w->options.keep)
        entry->object.kept = w->options.keep(w->options.user, json, entry->object.kept);
    w->options.changed(w->options.user, change, &entry->object, json);
}

static void apply_new(struct kube_watch *w, const struct kube_event *event)
{
    struct kube_entry *entry = NULL;
    if (map_count(w->objects.map) >= w->options.objects_max) {
        if (!w->full)
            trouble(w, -ENOSPC, "there are more objects than are kept");
        w->full = true;
        return;
    }
    if (kube_objects_add(&w->objects, event, &entry) < 0) {
        trouble(w, -ENOMEM, "an object is not known: out of memory");
        return;
    }
    entry->listed = w->objects.list;
    report(w, KUBE_ADDED, entry, event->object);
}

static void apply_known(struct kube_watch *w, struct kube_entry *entry,
                        const struct kube_event *event)
{
    entry->listed = w->objects.list;
    if (str_eq(entry->object.resource_version, event->resource_version))
        return;
    if (kube_entry_set_version(entry, event->resource_version) < 0)
        trouble(w, -ENOMEM, "an object's version is not known: out of memory");
    else
        report(w, KUBE_MODIFIED, entry, event->object);
}

/* The user may end the watch inside: ask is_alive() after it. */
static void apply(struct kube_watch *w, const struct kube_event *event)
{
    struct kube_entry *entry = kube_objects_find(&w->objects, event->namespace, event->name);
    if (event->type == KUBE_EVENT_DELETED) {
        if (entry)
            report_deleted(w, entry, event->object);
        return;
    }
    if (entry && str_eq(entry->object.uid, event->uid)) {
        apply_known(w, entry, event);
        return;
    }
    if (entry)
        report_deleted(w, entry, NULL);
    if (is_alive(w))
        apply_new(w, event);
}

/* ---- listing ---- */

static int on_item(void *user, json_t *object)
{
    struct kube_watch *w = user;
    struct kube_event event;
    if (kube_event_from_object(KUBE_EVENT_ADDED, object, &event) == 0)
        apply(w, &event);
    else
        trouble(w, -EBADMSG, "an object of a list has no name or version");
    return is_alive(w) ? 0 : -ECANCELED;
}

/* What no list holds any more is gone. */
static void sweep(struct kube_watch *w)
{
    size_t cursor = 0;
    for (struct kube_entry *entry;
         is_alive(w) && (entry = kube_objects_next_unlisted(&w->objects, &cursor));)
        report_deleted(w, entry, NULL);
}

static void on_listed(void *user, const struct kube_answer *answer, const char *version)
{
    struct kube_watch *w = user;
    if (answer->error == -ECANCELED)
        return;
    w->whole_list = answer->error == -EIDRM;
    if (answer->error == -EMSGSIZE)
        w->options.page = w->options.page > 4 ? w->options.page / 4 : 1;
    if (answer->error == 0 && !(w->version = strdup(version)))
        fail(w, -ENOMEM, 0, "list: out of memory");
    else if (answer->error < 0)
        fail(w, answer->error, answer->status.retry_after_seconds, answer->status.message);
    if (!w->version || w->state != STATE_LISTING)
        return;
    sweep(w);
    if (!is_alive(w))
        return;
    w->synced = true;
    if (w->options.synced)
        w->options.synced(w->options.user);
    if (is_alive(w))
        begin(w);
}

static void start_list(struct kube_watch *w)
{
    const struct kube_path path = {w->options.kind, w->options.namespace, NULL, NULL};
    const struct kube_list_options options = {w->options.label_selector, w->options.field_selector,
                                              w->whole_list ? KUBE_PAGE_ALL : w->options.page};
    const struct kube_list_then then = {on_item, on_listed, w, &w->request};
    w->state = STATE_LISTING;
    w->objects.list++;
    w->full = false;
    int r = kube_list(w->client, &path, &options, then);
    if (r < 0)
        fail(w, r, 0, "the list cannot be asked for");
}

/* ---- watching ---- */

/* Ends the stream from our side. */
static void give_up(struct kube_watch *w, int error, int retry_after_seconds, const char *text)
{
    kube_request_cancel(w->request);
    fail(w, error, retry_after_seconds, text);
}

static void on_error_event(struct kube_watch *w, const json_t *object)
{
    struct kube_status status;
    int code = (int)json_integer_value(json_object_get(object, "code"));
    int error = kube_status_read(code >= 300 && code < 600 ? code : 500, object, &status);
    if (error == -EIDRM)
        forget_version(w);
    give_up(w, error, status.retry_after_seconds, status.message);
}

static int on_event(struct kube_watch *w, const struct kube_event *event)
{
    if (event->type == KUBE_EVENT_ERROR) {
        on_error_event(w, event->object);
        return -ECANCELED;
    }
    w->progressed = true;
    if (event->type != KUBE_EVENT_BOOKMARK)
        apply(w, event);
    if (!is_alive(w))
        return -ECANCELED;
    return str_replace(&w->version, event->resource_version);
}

static int on_line(void *user, const char *text, size_t len)
{
    struct kube_watch *w = user;
    struct kube_event event;
    int r = kube_event_parse(text, len, &event);
    if (r == -EOPNOTSUPP)
        return 0;
    if (r < 0) {
        trouble(w, r, "an event cannot be read");
        return is_alive(w) ? 0 : -ECANCELED;
    }
    r = on_event(w, &event);
    json_decref(event.object);
    return r;
}

static void on_stream_data(void *user, const char *data, size_t len)
{
    struct kube_watch *w = user;
    w->heard = now(w);
    int r = kube_lines_feed(&w->lines, data, len, on_line, w);
    if (r == 0 || r == -ECANCELED || !is_alive(w))
        return;
    /* Resuming would bring the same line again; a list takes another way. */
    if (r == -EMSGSIZE)
        forget_version(w);
    give_up(w, r, 0, r == -EMSGSIZE ? "an event is too long" : "out of memory");
}

static void on_stream_done(void *user, const struct kube_answer *answer)
{
    struct kube_watch *w = user;
    if (answer->error == -ECANCELED)
        return;
    if (answer->error == -EIDRM)
        forget_version(w);
    if (answer->error < 0) {
        fail(w, answer->error, answer->status.retry_after_seconds, answer->status.message);
        return;
    }
    uint64_t lived = now(w) - w->opened;
    settle_progress(w);
    if (lived >= SHORT_MS) {
        begin(w);
        return;
    }
    w->failures++;
    pause_for(w, 0);
}

static int write_path(struct kube_watch *w, unsigned seconds, struct buf *ret)
{
    const struct kube_path path = {w->options.kind, w->options.namespace, NULL, NULL};
    int r = kube_path_write(&path, ret);
    kube_query_add(ret, "watch", "1");
    kube_query_add(ret, "allowWatchBookmarks", "true");
    kube_query_add(ret, "labelSelector", w->options.label_selector);
    kube_query_add(ret, "fieldSelector", w->options.field_selector);
    kube_query_add(ret, "resourceVersion", w->version);
    kube_query_add_number(ret, "timeoutSeconds", seconds);
    return r < 0 ? r : buf_error(ret);
}

static uint64_t silence_max_ms(const struct kube_watch *w)
{
    return ((uint64_t)w->options.timeout_seconds + w->options.grace_seconds) * 1000;
}

static void start_stream(struct kube_watch *w)
{
    _autobuf_ struct buf path = BUF_INIT_MAX(PATH_MAX_BYTES);
    unsigned whole = w->options.timeout_seconds;
    /* Not all streams of all clients shall end at once. */
    unsigned seconds = whole - rng_below(kube_client_rng(w->client), whole / 5 + 1);
    const struct kube_then then = {on_stream_done, w, &w->request};
    kube_lines_clear(&w->lines);
    w->state = STATE_WATCHING;
    w->progressed = false;
    w->opened = w->heard = now(w);
    int r = write_path(w, seconds, &path);
    const struct kube_stream stream = {buf_str(&path), on_stream_data, then};
    if (r == 0)
        r = kube_stream(w->client, &stream);
    if (r < 0)
        fail(w, r, 0, "the watch cannot be asked for");
    else
        arm(w, silence_max_ms(w));
}

static void begin(struct kube_watch *w)
{
    if (w->version)
        start_stream(w);
    else
        start_list(w);
}

static void check_silence(struct kube_watch *w)
{
    uint64_t silent = now(w) - w->heard;
    if (silent < silence_max_ms(w))
        arm(w, silence_max_ms(w) - silent);
    else
        give_up(w, -ETIMEDOUT, 0, "nothing came from the API server for too long");
}

static void on_timer(uv_timer_t *timer)
{
    struct kube_watch *w = timer->data;
    if (w->state == STATE_PAUSED)
        begin(w);
    else if (w->state == STATE_WATCHING)
        check_silence(w);
}

/* ---- life ---- */

static void fill_limits(struct kube_watch_options *o)
{
    if (!o->page)
        o->page = PAGE;
    if (!o->timeout_seconds)
        o->timeout_seconds = TIMEOUT_SECONDS;
    if (!o->grace_seconds)
        o->grace_seconds = GRACE_SECONDS;
    if (!o->retry_min_ms)
        o->retry_min_ms = RETRY_MIN_MS;
    if (!o->retry_max_ms)
        o->retry_max_ms = RETRY_MAX_MS;
    if (!o->line_max)
        o->line_max = LINE_MAX_BYTES;
    if (!o->objects_max)
        o->objects_max = OBJECTS_MAX;
}

static bool copy_text(const char **text)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static int copy_options(struct kube_watch *w, const struct kube_watch_options *o)
{
    w->options = *o;
    fill_limits(&w->options);
    bool namespace = copy_text(&w->options.namespace);
    bool labels = copy_text(&w->options.label_selector);
    bool fields = copy_text(&w->options.field_selector);
    return namespace && labels && fields ? 0 : -ENOMEM;
}

static void watch_clear(struct kube_watch *w)
{
    free((char *)(uintptr_t)w->options.namespace);
    free((char *)(uintptr_t)w->options.label_selector);
    free((char *)(uintptr_t)w->options.field_selector);
    kube_objects_clear(&w->objects);
    kube_lines_clear(&w->lines);
    free(w->version);
    free(w);
}

static int check_options(const struct kube_watch_options *o)
{
    _autobuf_ struct buf path = BUF_INIT_MAX(PATH_MAX_BYTES);
    const struct kube_path p = {o->kind, o->namespace, NULL, NULL};
    return o->changed ? kube_path_write(&p, &path) : -EINVAL;
}

int kube_watch_new(struct kube_client *client, const struct kube_watch_options *options,
                   struct kube_watch **ret)
{
    int r = client->closing ? -ESHUTDOWN : check_options(options);
    if (r < 0)
        return r;
    struct kube_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    r = copy_options(w, options);
    if (r == 0)
        r = kube_objects_init(&w->objects);
    if (r < 0) {
        watch_clear(w);
        return r;
    }
    w->client = client;
    w->lines = KUBE_LINES_INIT(w->options.line_max);
    w->follower.client_gone = on_client_gone;
    list_append(&client->followers, &w->follower.item);
    (void)uv_timer_init(client->loop, &w->timer);
    w->timer.data = w;
    /* The first request is made by the timer, so that even its failure calls back from the loop. */
    w->state = STATE_PAUSED;
    arm(w, 0);
    *ret = w;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    watch_clear(handle->data);
}

/* Its memory stays until the loop has closed the timer: it may be in the middle of a callback. */
void kube_watch_free(struct kube_watch *watch)
{
    if (!watch || watch->closed)
        return;
    watch->closed = true;
    kube_request_cancel(watch->request);
    if (watch->leaving)
        drop(watch, TAKE_PTR(watch->leaving));
    size_t cursor = 0;
    for (struct kube_entry *entry; (entry = kube_objects_next(&watch->objects, &cursor));) {
        kube_objects_take(&watch->objects, entry);
        drop(watch, entry);
    }
    list_remove(&watch->follower.item);
    uv_close((uv_handle_t *)&watch->timer, on_closed);
}

bool kube_watch_is_synced(const struct kube_watch *watch)
{
    return watch->synced;
}

const struct kube_object *kube_watch_find(const struct kube_watch *watch, const char *namespace,
                                          const char *name)
{
    struct kube_entry *entry = kube_objects_find(&watch->objects, namespace, name);
    return entry ? &entry->object : NULL;
}

size_t kube_watch_count(const struct kube_watch *watch)
{
    return map_count(watch->objects.map);
}

const struct kube_object *kube_watch_next(const struct kube_watch *watch, size_t *cursor)
{
    struct kube_entry *entry = kube_objects_next(&watch->objects, cursor);
    return entry ? &entry->object : NULL;
}
