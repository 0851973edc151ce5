/* SPDX-License-Identifier: Apache-2.0 */
/* The history of changes, and watches that read along it. */
#include "base/str.h"
#include "store/internal.h"

/* Large objects that change often shorten the history instead of growing the process. */
enum { HISTORY_BYTES_MAX = 8 << 20 };

struct store_watch {
    struct list link;
    struct store *store;
    struct store_watch_options options;
    uint64_t next;    /* number of the first item that it has not seen */
    uint64_t version; /* it has seen everything up to here */
};

int history_init(struct history *history, size_t size, uint64_t version)
{
    history->items = calloc(size, sizeof(*history->items));
    history->size = size;
    history->oldest = version;
    return history->items ? 0 : -ENOMEM;
}

static struct history_item *item_at(const struct history *history, uint64_t number)
{
    return &history->items[number % history->size];
}

static void release_oldest(struct history *history)
{
    struct history_item *item = item_at(history, history->first++);
    history->oldest = item->version;
    history->bytes -= item->after->packed_len;
    stored_unref(item->before);
    stored_unref(item->after);
}

void history_free(struct history *history)
{
    while (history->items && history->first < history->next)
        release_oldest(history);
    free(history->items);
    *history = (struct history){0};
}

static void add(struct history *history, const struct change *change)
{
    size_t bytes = change->after->packed_len;
    while (history->next > history->first && (history->next - history->first == history->size ||
                                              history->bytes + bytes > HISTORY_BYTES_MAX))
        release_oldest(history);
    history->bytes += bytes;
    *item_at(history, history->next++) =
        (struct history_item){.kind = change->kind,
                              .version = change->after->version,
                              .deletion = change->deletion,
                              .before = change->before ? stored_ref(change->before) : NULL,
                              .after = stored_ref(change->after)};
}

static bool touches(const struct batch *batch, const struct kind *kind)
{
    for (size_t i = 0; i < batch->n_changes; i++) {
        if (batch->changes[i].kind == kind)
            return true;
    }
    return false;
}

void history_add(struct store *store, const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_changes; i++)
        add(&store->history, &batch->changes[i]);
    list_for_each_safe (it, &store->watches) {
        struct store_watch *watch = container_of(it, struct store_watch, link);
        if (watch->options.wake && touches(batch, watch->options.kind))
            watch->options.wake(watch->options.wake_data);
    }
}

/* Number of the first item behind a version. */
static uint64_t position(const struct history *history, uint64_t version)
{
    uint64_t low = history->first, high = history->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (item_at(history, middle)->version <= version)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int store_watch_new(struct store *store, const struct store_watch_options *options,
                    struct store_watch **ret)
{
    if (options->since < store->history.oldest)
        return -ESTALE;
    if (options->since > store->version)
        return -EINVAL;
    struct store_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    watch->store = store;
    watch->options = *options;
    watch->version = options->since;
    watch->next = position(&store->history, options->since);
    list_append(&store->watches, &watch->link);
    *ret = watch;
    return 0;
}

void store_watch_free(struct store_watch *watch)
{
    if (!watch)
        return;
    list_remove(&watch->link);
    free(watch);
}

static bool matches(const struct store_watch *watch, const json_t *object)
{
    const struct store_watch_options *o = &watch->options;
    return object && (!o->match || o->match(o->match_data, object));
}

/* Whether the watch had shown the object before this change; *ret false as well when it is new. */
static int matched_before(const struct store_watch *watch, const struct history_item *item,
                          bool *ret)
{
    *ret = item->before != NULL;
    if (!item->before || !watch->options.match)
        return 0;
    json_t *before = stored_json(watch->store->packer, item->before);
    if (!before)
        return -ENOMEM;
    *ret = matches(watch, before);
    json_decref(before);
    return 0;
}

/* 1 when the item is to be shown, 0 when it does not concern the watch. */
static int look(const struct store_watch *watch, const struct history_item *item,
                enum store_change *ret_change, json_t **ret_object)
{
    bool was;
    int r = matched_before(watch, item, &was);
    if (r < 0)
        return r;
    json_t *object = stored_json(watch->store->packer, item->after);
    if (!object)
        return -ENOMEM;
    bool is = !item->deletion && matches(watch, object);
    if (!was && !is) {
        json_decref(object);
        return 0;
    }
    *ret_change = !was ? STORE_ADDED : is ? STORE_MODIFIED : STORE_DELETED;
    *ret_object = object;
    return 1;
}

int store_watch_next(struct store_watch *watch, enum store_change *ret_change, json_t **ret_object)
{
    const struct history *history = &watch->store->history;
    if (watch->next < history->first)
        return -ESTALE;
    while (watch->next < history->next) {
        const struct history_item *item = item_at(history, watch->next);
        int r = item->kind == watch->options.kind ? look(watch, item, ret_change, ret_object) : 0;
        if (r < 0)
            return r;
        watch->next++;
        watch->version = item->version;
        if (r)
            return 1;
    }
    watch->version = watch->store->version;
    return 0;
}

uint64_t store_watch_version(const struct store_watch *watch)
{
    return watch->version;
}

uint64_t store_watch_oldest(const struct store *store)
{
    return store->history.oldest;
}
