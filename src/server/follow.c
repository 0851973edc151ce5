/* SPDX-License-Identifier: Apache-2.0 */
#include "server/follow.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"

struct follow {
    struct follow_options options;
    struct store_watch *watch;
    struct map *known; /* names of what was told of, each with a mark: it was there in a walk */
    char marks[2];     /* used in turn; what is in them does not matter */
    bool turn;
    uv_async_t wake;
};

static void tell(struct follow *f, enum store_change change, json_t *object)
{
    const char *name = object_name(object);
    if (change == STORE_DELETED)
        (void)map_removes(f->known, name);
    else if (map_puts(f->known, name, &f->marks[f->turn], NULL) < 0)
        log_warn("%s %s: out of memory, its end may go unseen", f->options.kind->kind, name);
    f->options.on_object(f->options.data, change, object);
}

static int walk_one(void *data, json_t *object)
{
    tell(data, STORE_ADDED, object);
    return 0;
}

/* What the walk did not come across is gone: all that is still known of it is its name. */
static int tell_lost(struct follow *f)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(f->known, &cursor, &e);) {
        if (e.value == &f->marks[f->turn])
            continue;
        json_auto_t *object = json_pack("{s{ss}}", "metadata", "name", (const char *)e.key);
        if (!object)
            return -ENOMEM;
        tell(f, STORE_DELETED, object);
    }
    return 0;
}

static void on_wake(void *data)
{
    struct follow *f = data;
    (void)uv_async_send(&f->wake);
}

static int start_watch(struct follow *f)
{
    store_watch_free(f->watch);
    f->watch = NULL;
    const struct store_watch_options o = {
        .kind = f->options.kind,
        .since = store_version(f->options.store),
        .wake = on_wake,
        .wake_data = f,
    };
    return store_watch_new(f->options.store, &o, &f->watch);
}

/* Everything as it is now, and changes from here on. */
static int walk(struct follow *f)
{
    int r = start_watch(f);
    f->turn = !f->turn;
    if (r == 0)
        r = store_each(f->options.store, f->options.kind, &(struct store_list){0}, walk_one, f,
                       NULL);
    return r < 0 ? r : tell_lost(f);
}

static void on_changes(uv_async_t *handle)
{
    struct follow *f = handle->data;
    enum store_change change;
    json_t *object = NULL;
    int r = 0;
    while (f->watch && (r = store_watch_next(f->watch, &change, &object)) > 0) {
        tell(f, change, object);
        json_decref(object);
    }
    if (r < 0)
        r = walk(f);
    if (r < 0)
        log_error("following %s failed: %s", f->options.kind->plural,
                  err_text(&(struct err){.code = r}));
    if (f->options.on_settled)
        f->options.on_settled(f->options.data);
}

int follow_new(const struct follow_options *options, struct follow **ret)
{
    struct follow *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->options = *options;
    f->known = map_new();
    int r = f->known ? uv_async_init(options->loop, &f->wake, on_changes) : -ENOMEM;
    if (r < 0) {
        map_free(f->known);
        free(f);
        return r;
    }
    f->wake.data = f;
    r = walk(f);
    if (r < 0) {
        follow_free(f);
        return r;
    }
    if (options->on_settled)
        options->on_settled(options->data);
    *ret = f;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct follow *f = handle->data;
    map_free(f->known);
    free(f);
}

void follow_free(struct follow *follow)
{
    if (!follow)
        return;
    store_watch_free(follow->watch);
    follow->watch = NULL;
    uv_close((uv_handle_t *)&follow->wake, on_closed);
}
