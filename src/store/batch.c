/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "store/internal.h"

void op_free(struct op *op)
{
    free(op->name);
    free(op->uid);
    free(op->resource_version);
    free(op->key);
    free(op->value);
    json_decref(op->object);
    json_decref(op->result);
    free(op);
}

struct batch *batch_new(struct store *store)
{
    _cleanup_(batch_freep) struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->store = store;
    batch->version = store->version;
    list_init(&batch->ops);
    batch->latest = map_new();
    batch->claims = map_new();
    if (!batch->latest || !batch->claims)
        return NULL;
    return TAKE_PTR(batch);
}

static void free_change(struct change *change)
{
    free(change->name);
    stored_unref(change->before);
    stored_unref(change->after);
    keys_free(&change->keys_before);
    keys_free(&change->keys_after);
    free(change->body);
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->n_changes; i++)
        free_change(&batch->changes[i]);
    free(batch->changes);
    list_for_each_safe (it, &batch->ops) {
        list_remove(it);
        op_free(container_of(it, struct op, link));
    }
    map_free(batch->latest);
    map_free(batch->claims);
    free(batch);
}

/* The maps hold positions: the array of changes moves as it grows. */
static void *from_position(size_t i)
{
    return (void *)(uintptr_t)(i + 1);
}

static const struct change *at_position(const struct batch *batch, const void *value)
{
    size_t i = (uintptr_t)value - 1; /* wraps for NULL */
    return i < batch->n_changes ? &batch->changes[i] : NULL;
}

static char *latest_key(const struct kind *kind, const char *name)
{
    return str_format("%s/%s", kind->plural, name);
}

struct stored *batch_latest(const struct batch *batch, const struct kind *kind, const char *name)
{
    if (batch->n_changes) {
        _autofree_ char *key = latest_key(kind, name);
        const struct change *change = key ? at_position(batch, map_gets(batch->latest, key)) : NULL;
        if (change)
            return change->deletion ? NULL : change->after;
    }
    const struct entry *entry = view_find(&batch->store->view, kind, name);
    return entry ? entry->current : NULL;
}

static bool keys_have(const struct keys *keys, const struct key *key)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->items[i].len == key->len &&
            memcmp(keys->items[i].bytes, key->bytes, key->len) == 0)
            return true;
    }
    return false;
}

/* The name of the object that has a unique key in the batch's latest state, or NULL. */
static const char *owner(const struct batch *batch, const struct key *key)
{
    const struct change *change = at_position(batch, map_get(batch->claims, key->bytes, key->len));
    if (change)
        return !change->deletion && keys_have(&change->keys_after, key) ? change->name : NULL;
    size_t count;
    const struct entry *holder = view_holder(&batch->store->view, key, &count);
    return holder ? holder->name : NULL;
}

static int check_claims(const struct batch *batch, const struct change *change, struct err *err)
{
    for (size_t i = 0; !change->deletion && i < change->keys_after.n; i++) {
        const struct key *key = &change->keys_after.items[i];
        const char *name = key_is_unique(key) ? owner(batch, key) : NULL;
        if (!name || str_eq(name, change->name))
            continue;
        struct mac mac;
        char text[MAC_TEXT_SIZE];
        memcpy(mac.b, key->bytes + 1, sizeof(mac.b));
        return err_set(err, -EEXIST, "spec.macAddresses: %s belongs to Machine \"%s\"",
                       mac_text(mac, text), name);
    }
    return 0;
}

static int claim(struct batch *batch, const struct keys *keys, size_t position)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct key *key = &keys->items[i];
        if (!key_is_unique(key))
            continue;
        int r = map_put(batch->claims, key->bytes, key->len, from_position(position), NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int pack(struct batch *batch, struct change *change, const json_t *after, struct err *err)
{
    struct packer *packer = batch->store->packer;
    change->body = json_dumps(after, JSON_COMPACT);
    if (!change->body)
        return err_errno(err, -ENOMEM, "cannot write \"%s\"", change->name);
    change->body_len = strlen(change->body);
    if (change->body_len > OBJECT_SIZE_MAX)
        return err_set(err, -E2BIG, "the object is too large: %zu bytes, at most %d are allowed",
                       change->body_len, (int)OBJECT_SIZE_MAX);
    change->after = stored_new(packer, batch->version + 1, change->body, change->body_len);
    return change->after ? 0 : err_errno(err, -ENOMEM, "cannot write \"%s\"", change->name);
}

static int fill(struct batch *batch, struct change *change, const json_t *before,
                const json_t *after, struct err *err)
{
    change->name = strdup(object_name(after));
    if (!change->name)
        return err_errno(err, -ENOMEM, "cannot change an object");
    struct stored *stored = before ? batch_latest(batch, change->kind, change->name) : NULL;
    change->before = stored ? stored_ref(stored) : NULL;
    int r = before ? keys_of(change->kind, before, &change->keys_before) : 0;
    if (r == 0)
        r = keys_of(change->kind, after, &change->keys_after);
    if (r < 0)
        return err_errno(err, r, "cannot change \"%s\"", change->name);
    r = check_claims(batch, change, err);
    return r < 0 ? r : pack(batch, change, after, err);
}

static int make_room(struct batch *batch)
{
    if (batch->n_changes < batch->size_changes)
        return 0;
    size_t size = batch->size_changes ? batch->size_changes * 2 : 8;
    struct change *changes = realloc(batch->changes, size * sizeof(*changes));
    if (!changes)
        return -ENOMEM;
    batch->changes = changes;
    batch->size_changes = size;
    return 0;
}

static int enter(struct batch *batch, const struct change *change)
{
    _autofree_ char *key = latest_key(change->kind, change->name);
    size_t position = batch->n_changes;
    int r = key ? make_room(batch) : -ENOMEM;
    if (r == 0)
        r = claim(batch, &change->keys_before, position);
    if (r == 0)
        r = claim(batch, &change->keys_after, position);
    if (r == 0)
        r = map_puts(batch->latest, key, from_position(position), NULL);
    return r;
}

int batch_add(struct batch *batch, const struct kind *kind, const json_t *before,
              const json_t *after, bool deletion, struct err *err)
{
    struct change change = {.kind = kind, .deletion = deletion};
    int r = fill(batch, &change, before, after, err);
    if (r == 0) {
        r = enter(batch, &change);
        if (r < 0)
            (void)err_errno(err, r, "cannot change \"%s\"", change.name);
    }
    if (r < 0) {
        free_change(&change);
        return r;
    }
    batch->changes[batch->n_changes++] = change;
    batch->version++;
    return 0;
}
