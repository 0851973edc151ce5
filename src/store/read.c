/* SPDX-License-Identifier: Apache-2.0 */
/* Reading from memory. */
#include "base/str.h"
#include "store/internal.h"

uint64_t store_version(const struct store *store)
{
    return store->version;
}

json_t *store_get(const struct store *store, const struct kind *kind, const char *name)
{
    const struct entry *entry = view_find(&store->view, kind, name);
    return entry ? stored_json(store->packer, entry->current) : NULL;
}

size_t store_count(const struct store *store, const struct kind *kind)
{
    return view_of(&store->view, kind)->n;
}

/* Calls each when the object matches; when the list is full, only tells that there is more. */
static int visit(const struct store *store, const struct entry *entry,
                 const struct store_list *list, int (*each)(void *data, json_t *object), void *data,
                 bool *ret_matched)
{
    json_t *object = stored_json(store->packer, entry->current);
    if (!object)
        return -ENOMEM;
    *ret_matched = !list->match || list->match(list->match_data, object);
    int r = *ret_matched && each ? each(data, object) : 0;
    json_decref(object);
    return r;
}

int store_each(const struct store *store, const struct kind *kind, const struct store_list *list,
               int (*each)(void *data, json_t *object), void *data, bool *ret_more)
{
    const struct view_kind *all = view_of(&store->view, kind);
    size_t i = list->after ? view_position(all, list->after) : 0;
    if (list->after && i < all->n && str_eq(all->items[i]->name, list->after))
        i++;
    bool more = false;
    for (size_t n = 0; i < all->n && !more; i++) {
        bool full = list->limit && n == list->limit;
        bool matched = false;
        int r = visit(store, all->items[i], list, full ? NULL : each, data, &matched);
        if (r)
            return r;
        n += matched;
        more = full && matched;
    }
    if (ret_more)
        *ret_more = more;
    return 0;
}

static const struct entry *find_one(const struct store *store, enum store_index index,
                                    const char *text, size_t *ret_count)
{
    struct key key;
    size_t n = 0;
    const struct entry *first =
        key_make(index, text, &key) == 0 ? view_holder(&store->view, &key, &n) : NULL;
    if (ret_count)
        *ret_count = n;
    return n == 1 ? first : NULL;
}

json_t *store_find(const struct store *store, enum store_index index, const char *text,
                   size_t *ret_count)
{
    const struct entry *entry = find_one(store, index, text, ret_count);
    return entry ? stored_json(store->packer, entry->current) : NULL;
}

const char *store_find_name(const struct store *store, enum store_index index, const char *text,
                            size_t *ret_count)
{
    const struct entry *entry = find_one(store, index, text, ret_count);
    return entry ? entry->name : NULL;
}

json_t *store_find_mac(const struct store *store, struct mac mac)
{
    char text[MAC_TEXT_SIZE];
    return store_find(store, STORE_MACHINE_BY_MAC, mac_text(mac, text), NULL);
}

void store_get_counters(const struct store *store, struct store_counters *ret)
{
    *ret = store->counters;
}

const struct err *store_trouble(const struct store *store)
{
    return store->trouble.code < 0 ? &store->trouble : NULL;
}
