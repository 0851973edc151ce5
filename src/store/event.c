/* SPDX-License-Identifier: Apache-2.0 */
/* Events: repetitions are counted, and there are never more than a bounded number of them. */
#include "resource/event.h"

#include <string.h>

#include "base/str.h"
#include "store/internal.h"

enum { EVENT_TAIL = 17 }; /* "." and 16 hex digits behind the object's name */

static bool is_about(const char *event_name, const char *object)
{
    size_t len = strlen(object);
    return strncmp(event_name, object, len) == 0 && event_name[len] == '.' &&
           strlen(event_name) == len + EVENT_TAIL;
}

struct usage {
    size_t count;
    struct entry *oldest; /* among those that may go */
};

/* The Events about an object (NULL: all) with what the batch has decided so far. */
static struct usage usage_of(const struct batch *batch, const char *object)
{
    const struct view_kind *list = view_of(&batch->store->view, &kind_event);
    struct usage usage = {0};
    size_t i = object ? view_position(list, object) : 0;
    for (; i < list->n; i++) {
        struct entry *entry = list->items[i];
        if (object && strncmp(entry->name, object, strlen(object)) != 0)
            break;
        if (entry->evicted || (object && !is_about(entry->name, object)))
            continue;
        usage.count++;
        if (!usage.oldest || entry->current->version < usage.oldest->current->version)
            usage.oldest = entry;
    }
    for (i = 0; i < batch->n_changes; i++) {
        const struct change *change = &batch->changes[i];
        if (change->kind == &kind_event && !change->before &&
            (!object || is_about(change->name, object)))
            usage.count++;
    }
    return usage;
}

static int evict(struct batch *batch, struct entry *entry, struct err *err)
{
    const struct stored *stored = batch_latest(batch, &kind_event, entry->name);
    if (!stored) { /* deleted in this batch already */
        entry->evicted = true;
        return 0;
    }
    json_t *event = stored_json(batch->store->packer, stored);
    if (!event)
        return err_errno(err, -ENOMEM, "cannot note an event");
    char version[24];
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)batch->version + 1);
    json_t *last = json_deep_copy(event);
    int r = object_set(last, "metadata.resourceVersion", json_string(version));
    if (r == 0)
        r = batch_add(batch, &kind_event, event, last, true, err);
    entry->evicted = r == 0;
    json_decref(last);
    json_decref(event);
    return r;
}

static int make_room(struct batch *batch, const char *object, size_t max, struct err *err)
{
    for (struct usage u = usage_of(batch, object); u.count >= max && u.oldest;
         u = usage_of(batch, object)) {
        int r = evict(batch, u.oldest, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add(struct batch *batch, struct op *op)
{
    const struct store *store = batch->store;
    const char *name = object_name(op->object);
    size_t len = strlen(name);
    _autofree_ char *about = strndup(name, len > EVENT_TAIL ? len - EVENT_TAIL : 0);
    if (!about)
        return err_errno(&op->err, -ENOMEM, "cannot note an event");
    int r = make_room(batch, about, store->events_per_object, &op->err);
    if (r == 0)
        r = make_room(batch, NULL, store->events_max, &op->err);
    if (r < 0)
        return r;
    op->type = OP_CREATE;
    decide(batch, op);
    return op->rc;
}

static int repeat(struct batch *batch, struct op *op, json_t *event)
{
    json_t *before = json_deep_copy(event);
    char version[24];
    (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)batch->version + 1);
    int r = before ? event_repeat(event, clock_wall(batch->store->clock)) : -ENOMEM;
    if (r == 0)
        r = object_set(event, "metadata.resourceVersion", json_string(version));
    if (r == 0)
        r = batch_add(batch, &kind_event, before, event, false, &op->err);
    json_decref(before);
    return r;
}

int decide_event(struct batch *batch, struct op *op)
{
    const struct stored *stored = batch_latest(batch, &kind_event, object_name(op->object));
    if (!stored)
        return add(batch, op);
    json_t *event = stored_json(batch->store->packer, stored);
    int r = event ? repeat(batch, op, event) : -ENOMEM;
    json_decref(event);
    return r;
}

void events_keep(struct batch *batch)
{
    const struct view_kind *list = view_of(&batch->store->view, &kind_event);
    for (size_t i = 0; i < list->n; i++)
        list->items[i]->evicted = false;
}
