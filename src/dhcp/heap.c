/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/heap.h"

#include <errno.h>

int dhcp_heap_reserve(struct dhcp_heap *heap, size_t n)
{
    if (n <= heap->room)
        return 0;
    size_t room = heap->room ? heap->room * 2 : 64;
    if (room < n)
        room = n;
    struct dhcp_heap_item *grown = reallocarray(heap->items, room, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    heap->items = grown;
    heap->room = room;
    return 0;
}

static void place(struct dhcp_heap *heap, size_t i, struct dhcp_heap_item item)
{
    heap->items[i] = item;
    item.entry->heap_at = i + 1;
}

static void sift(struct dhcp_heap *heap, size_t i, struct dhcp_heap_item item)
{
    for (; i > 0 && item.at < heap->items[(i - 1) / 2].at; i = (i - 1) / 2)
        place(heap, i, heap->items[(i - 1) / 2]);
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < heap->count && heap->items[child + 1].at < heap->items[child].at)
            child++;
        if (child >= heap->count || heap->items[child].at >= item.at)
            break;
        place(heap, i, heap->items[child]);
        i = child;
    }
    place(heap, i, item);
}

void dhcp_heap_put(struct dhcp_heap *heap, struct dhcp_entry *entry)
{
    struct dhcp_heap_item item = {.at = entry->lease.expires, .entry = entry};
    if (!entry->heap_at)
        sift(heap, heap->count++, item);
    else if (item.at < heap->items[entry->heap_at - 1].at)
        sift(heap, entry->heap_at - 1, item);
}

void dhcp_heap_remove(struct dhcp_heap *heap, struct dhcp_entry *entry)
{
    if (!entry->heap_at)
        return;
    size_t i = entry->heap_at - 1;
    entry->heap_at = 0;
    struct dhcp_heap_item last = heap->items[--heap->count];
    if (last.entry != entry)
        sift(heap, i, last);
}

struct dhcp_entry *dhcp_heap_ended(struct dhcp_heap *heap, int64_t now)
{
    while (heap->count && heap->items[0].at <= now) {
        struct dhcp_heap_item first = heap->items[0];
        if (first.entry->lease.expires <= now)
            return first.entry;
        first.at = first.entry->lease.expires; /* renewed meanwhile */
        sift(heap, 0, first);
    }
    return NULL;
}

int64_t dhcp_heap_next(const struct dhcp_heap *heap)
{
    return heap->count ? heap->items[0].at : INT64_MAX;
}
