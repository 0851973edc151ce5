/* SPDX-License-Identifier: Apache-2.0 */
#include "server/timeline-gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

struct timeline_gate {
    struct map *by_machine;
    struct list talkers; /* least recently written first */
};

/* A Machine that was heard of. */
struct talker {
    struct list list;
    int64_t next_ms; /* not written before */
    int64_t gap_ms;
    struct timeline_item *items; /* TIMELINE_ITEMS_MAX of them; NULL: nothing waits */
    size_t count;
    char machine[];
};

struct timeline_gate *timeline_gate_new(void)
{
    struct timeline_gate *gate = calloc(1, sizeof(*gate));
    if (!gate)
        return NULL;
    list_init(&gate->talkers);
    gate->by_machine = map_new();
    if (gate->by_machine)
        return gate;
    free(gate);
    return NULL;
}

static void item_clear(struct timeline_item *item)
{
    free(item->event);
    free(item->message);
    *item = (struct timeline_item){0};
}

void timeline_items_free(struct timeline_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        item_clear(&items[i]);
    free(items);
}

static void forget(struct timeline_gate *gate, struct talker *t)
{
    (void)map_removes(gate->by_machine, t->machine);
    list_remove(&t->list);
    timeline_items_free(t->items, t->count);
    free(t);
}

void timeline_gate_free(struct timeline_gate *gate)
{
    if (!gate)
        return;
    list_for_each_safe (it, &gate->talkers)
        forget(gate, container_of(it, struct talker, list));
    map_free(gate->by_machine);
    free(gate);
}

bool timeline_gate_is_empty(const struct timeline_gate *gate)
{
    return list_is_empty(&gate->talkers);
}

static struct talker *talker_of(struct timeline_gate *gate, const char *machine, int64_t now)
{
    struct talker *t = map_gets(gate->by_machine, machine);
    if (t)
        return t;
    size_t size = strlen(machine) + 1;
    t = calloc(1, sizeof(*t) + size);
    if (!t || map_puts(gate->by_machine, machine, t, NULL) < 0) {
        free(t);
        return NULL;
    }
    memcpy(t->machine, machine, size);
    t->gap_ms = TIMELINE_GAP_FIRST_MS;
    t->next_ms = now + t->gap_ms;
    list_append(&gate->talkers, &t->list);
    return t;
}

/* The same thing that waits already, as the newest; else a new item. NULL when out of memory. */
static struct timeline_item *item_of(struct talker *t, const char *event, const char *message)
{
    struct timeline_item item = {0};
    size_t i = 0;
    while (i < t->count &&
           !(str_eq(t->items[i].event, event) && str_eq(t->items[i].message, message)))
        i++;
    if (i < t->count) {
        item = t->items[i];
    } else {
        item.event = strdup(event);
        item.message = strdup(message);
        if (!item.event || !item.message) {
            item_clear(&item);
            return NULL;
        }
        i = 0; /* when there is no room, the oldest goes */
        if (t->count < TIMELINE_ITEMS_MAX)
            i = t->count++;
        else
            item_clear(&t->items[0]);
    }
    memmove(&t->items[i], &t->items[i + 1], (t->count - 1 - i) * sizeof(*t->items));
    t->items[t->count - 1] = item;
    return &t->items[t->count - 1];
}

int timeline_gate_note(struct timeline_gate *gate, const char *machine, const char *event,
                       const char *message, int64_t now, int64_t wall_ms)
{
    struct talker *t = talker_of(gate, machine, now);
    if (t && !t->items)
        t->items = calloc(TIMELINE_ITEMS_MAX, sizeof(*t->items));
    struct timeline_item *item = t && t->items ? item_of(t, event, message) : NULL;
    if (!item)
        return -ENOMEM;
    item->seen_ms = wall_ms;
    item->count++;
    return 0;
}

static void hand_out(struct timeline_gate *gate, struct talker *t, int64_t now,
                     timeline_write write, void *data)
{
    struct timeline_item *items = t->items;
    size_t count = t->count;
    t->items = NULL;
    t->count = 0;
    t->gap_ms = t->gap_ms * 2 < TIMELINE_GAP_MAX_MS ? t->gap_ms * 2 : TIMELINE_GAP_MAX_MS;
    t->next_ms = now + t->gap_ms;
    list_remove(&t->list);
    list_append(&gate->talkers, &t->list);
    write(data, t->machine, items, count);
}

void timeline_gate_flush(struct timeline_gate *gate, int64_t now, timeline_write write, void *data)
{
    size_t room = TIMELINE_WRITES_MAX;
    struct list *last = gate->talkers.prev; /* those that are written go behind it */
    list_for_each_safe (it, &gate->talkers) {
        struct talker *t = container_of(it, struct talker, list);
        bool end = it == last;
        if (!t->count && now - t->next_ms >= TIMELINE_CALM_MS) {
            forget(gate, t);
        } else if (t->count && now >= t->next_ms && room > 0) {
            room--;
            hand_out(gate, t, now, write, data);
        }
        if (end)
            break;
    }
}
