/* SPDX-License-Identifier: Apache-2.0 */
#include "store/view.h"

#include "base/str.h"

static size_t kind_count(void)
{
    size_t n = 0;
    while (kinds[n])
        n++;
    return n;
}

int view_init(struct view *view)
{
    view->by_kind = calloc(kind_count(), sizeof(*view->by_kind));
    view->by_key = map_new();
    return view->by_kind && view->by_key ? 0 : -ENOMEM;
}

static void free_holders(void *value)
{
    for (struct holder *h = value; h;) {
        struct holder *next = h->next;
        free(h);
        h = next;
    }
}

static void free_entry(struct entry *entry)
{
    stored_unref(entry->current);
    free(entry);
}

void view_free(struct view *view)
{
    for (size_t k = 0; view->by_kind && k < kind_count(); k++) {
        for (size_t i = 0; i < view->by_kind[k].n; i++)
            free_entry(view->by_kind[k].items[i]);
        free(view->by_kind[k].items);
    }
    free(view->by_kind);
    map_free_with(view->by_key, free_holders);
    *view = (struct view){0};
}

struct view_kind *view_of(const struct view *view, const struct kind *kind)
{
    size_t k = 0;
    while (kinds[k] != kind)
        k++;
    return &view->by_kind[k];
}

size_t view_position(const struct view_kind *list, const char *name)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(list->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct entry *view_find(const struct view *view, const struct kind *kind, const char *name)
{
    const struct view_kind *list = view_of(view, kind);
    size_t i = view_position(list, name);
    return i < list->n && str_eq(list->items[i]->name, name) ? list->items[i] : NULL;
}

const struct holder *view_holders(const struct view *view, const struct key *key)
{
    return map_get(view->by_key, key->bytes, key->len);
}

static int add_key(struct view *view, const struct key *key, struct entry *entry)
{
    struct holder *holder = malloc(sizeof(*holder));
    if (!holder)
        return -ENOMEM;
    *holder = (struct holder){.entry = entry};
    struct holder *first = map_get(view->by_key, key->bytes, key->len);
    if (first) {
        holder->next = first->next;
        first->next = holder;
        return 0;
    }
    int r = map_put(view->by_key, key->bytes, key->len, holder, NULL);
    if (r < 0)
        free(holder);
    return r;
}

static int remove_key(struct view *view, const struct key *key, const struct entry *entry)
{
    struct holder *first = map_get(view->by_key, key->bytes, key->len);
    struct holder **at = &first;
    while (*at && (*at)->entry != entry)
        at = &(*at)->next;
    struct holder *found = *at;
    if (!found)
        return 0;
    bool was_first = found == first;
    *at = found->next;
    free(found);
    if (!was_first)
        return 0;
    if (!first) {
        (void)map_remove(view->by_key, key->bytes, key->len);
        return 0;
    }
    return map_put(view->by_key, key->bytes, key->len, first, NULL);
}

static int change_keys(struct view *view, struct entry *entry, const struct keys *before,
                       const struct keys *after)
{
    for (size_t i = 0; i < before->n; i++) {
        int r = remove_key(view, &before->items[i], entry);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < after->n; i++) {
        int r = add_key(view, &after->items[i], entry);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_room(struct view_kind *list)
{
    if (list->n < list->size)
        return 0;
    size_t size = list->size ? list->size + list->size / 2 : 16;
    struct entry **items = realloc(list->items, size * sizeof(struct entry *));
    if (!items)
        return -ENOMEM;
    list->items = items;
    list->size = size;
    return 0;
}

static struct entry *add_entry(struct view_kind *list, const char *name)
{
    size_t len = strlen(name) + 1;
    if (make_room(list) < 0)
        return NULL;
    struct entry *entry = calloc(1, sizeof(*entry) + len);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, len);
    size_t at = view_position(list, name);
    memmove(&list->items[at + 1], &list->items[at], (list->n - at) * sizeof(struct entry *));
    list->items[at] = entry;
    list->n++;
    return entry;
}

int view_put(struct view *view, const struct kind *kind, const char *name, struct stored *stored,
             const struct keys *before, const struct keys *after)
{
    struct entry *entry = view_find(view, kind, name);
    if (!entry)
        entry = add_entry(view_of(view, kind), name);
    if (!entry)
        return -ENOMEM;
    stored_unref(entry->current);
    entry->current = stored_ref(stored);
    entry->evicted = false;
    return change_keys(view, entry, before, after);
}

void view_remove(struct view *view, const struct kind *kind, const char *name,
                 const struct keys *keys)
{
    struct view_kind *list = view_of(view, kind);
    size_t at = view_position(list, name);
    if (at == list->n || !str_eq(list->items[at]->name, name))
        return;
    struct entry *entry = list->items[at];
    for (size_t i = 0; i < keys->n; i++)
        (void)remove_key(view, &keys->items[i], entry); /* replacing a value needs no memory */
    memmove(&list->items[at], &list->items[at + 1], (list->n - at - 1) * sizeof(struct entry *));
    list->n--;
    free_entry(entry);
}
