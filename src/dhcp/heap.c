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
    struct dhcp_entry **grown = reallocarray(heap->items, room, sizeof(struct dhcp_entry *));
    if (!grown)
        return -ENOMEM;
    heap->items = grown;
    heap->room = room;
    return 0;
}

static bool earlier(const struct dhcp_entry *a, const struct dhcp_entry *b)
{
    return a->lease.expires < b->lease.expires;
}

static void place(struct dhcp_heap *heap, size_t at, struct dhcp_entry *entry)
{
    heap->items[at] = entry;
    entry->heap_at = at + 1;
}

static void sift(struct dhcp_heap *heap, size_t at, struct dhcp_entry *entry)
{
    for (; at > 0 && earlier(entry, heap->items[(at - 1) / 2]); at = (at - 1) / 2)
        place(heap, at, heap->items[(at - 1) / 2]);
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->count && earlier(heap->items[child + 1], heap->items[child]))
            child++;
        if (child >= heap->count || !earlier(heap->items[child], entry))
            break;
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, entry);
}

void dhcp_heap_put(struct dhcp_heap *heap, struct dhcp_entry *entry)
{
    if (!entry->heap_at)
        entry->heap_at = ++heap->count;
    sift(heap, entry->heap_at - 1, entry);
}

void dhcp_heap_remove(struct dhcp_heap *heap, struct dhcp_entry *entry)
{
    if (!entry->heap_at)
        return;
    size_t at = entry->heap_at - 1;
    entry->heap_at = 0;
    struct dhcp_entry *last = heap->items[--heap->count];
    if (last != entry)
        sift(heap, at, last);
}

struct dhcp_entry *dhcp_heap_first(const struct dhcp_heap *heap)
{
    return heap->count ? heap->items[0] : NULL;
}
