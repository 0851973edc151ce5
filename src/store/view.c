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

/*
 * Nearly every key has one holder, so the map's value is that entry itself; a list of several is
 * told apart by its lowest bit.
 */
struct holders {
    size_t n;
    struct entry *items[];
};

enum { LIST_BIT = 1 };

static struct holders *list_of(const void *value)
{
    uintptr_t bits = (uintptr_t)value;
    return bits & LIST_BIT ? (struct holders *)(bits - LIST_BIT) : NULL; // NOLINT(*-int-to-ptr)
}

static void *list_value(struct holders *list)
{
    return (char *)list + LIST_BIT;
}

static void free_list(void *value)
{
    free(list_of(value));
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
    map_free_with(view->by_key, free_list);
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

struct entry *view_holder(const struct view *view, const struct key *key, size_t *ret_count)
{
    void *value = map_get(view->by_key, key->bytes, key->len);
    const struct holders *list = list_of(value);
    *ret_count = list ? list->n : value != NULL;
    return list ? list->items[0] : value;
}

/* Replacing a value needs no memory, so it does not fail. */
static void replace(struct view *view, const struct key *key, void *value)
{
    (void)!map_put(view->by_key, key->bytes, key->len, value, NULL);
}

static int add_key(struct view *view, const struct key *key, struct entry *entry)
{
    void *value = map_get(view->by_key, key->bytes, key->len);
    struct holders *list = list_of(value);
    if (!value)
        return map_put(view->by_key, key->bytes, key->len, entry, NULL);
    size_t n = list ? list->n : 1;
    struct holders *grown = realloc(list, sizeof(*grown) + (n + 1) * sizeof(struct entry *));
    if (!grown)
        return -ENOMEM;
    if (!list)
        grown->items[0] = value;
    grown->items[n] = entry;
    grown->n = n + 1;
    replace(view, key, list_value(grown));
    return 0;
}

static void remove_from_list(struct view *view, const struct key *key, struct holders *list,
                             const struct entry *entry)
{
    size_t i = 0;
    while (i < list->n && list->items[i] != entry)
        i++;
    if (i == list->n)
        return;
    list->n--;
    memmove(&list->items[i], &list->items[i + 1], (list->n - i) * sizeof(struct entry *));
    if (list->n > 1)
        return;
    replace(view, key, list->items[0]);
    free(list);
}

static void remove_key(struct view *view, const struct key *key, const struct entry *entry)
{
    void *value = map_get(view->by_key, key->bytes, key->len);
    struct holders *list = list_of(value);
    if (list)
        remove_from_list(view, key, list, entry);
    else if (value == entry)
        (void)map_remove(view->by_key, key->bytes, key->len);
}

static int change_keys(struct view *view, struct entry *entry, const struct keys *before,
                       const struct keys *after)
{
    for (size_t i = 0; i < before->n; i++)
        remove_key(view, &before->items[i], entry);
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
        remove_key(view, &keys->items[i], entry);
    memmove(&list->items[at], &list->items[at + 1], (list->n - at - 1) * sizeof(struct entry *));
    list->n--;
    free_entry(entry);
}
