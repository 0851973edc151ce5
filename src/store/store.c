/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on their way into the queue. */
#include <string.h>

#include "base/str.h"
#include "resource/event.h"
#include "store/internal.h"

static struct op *op_new(enum op_type type, const struct kind *kind, const char *name,
                         store_done done, void *data)
{
    struct op *op = calloc(1, sizeof(*op));
    char *copy = name ? strdup(name) : NULL;
    if (!op || (name && !copy)) {
        free(op);
        free(copy);
        return NULL;
    }
    op->type = type;
    op->kind = kind;
    op->name = copy;
    op->done = done;
    op->data = data;
    list_init(&op->link);
    return op;
}

static int submit(struct store *store, struct op *op)
{
    if (!op)
        return -ENOMEM;
    list_append(&store->queue, &op->link);
    store_pump(store);
    return 0;
}

static int submit_object(struct store *store, enum op_type type, const struct kind *kind,
                         enum store_part part, json_t *object, store_done done, void *data)
{
    const char *name = object_name(object);
    struct op *op = op_new(type, kind, name ? name : "", done, data);
    if (!op) {
        json_decref(object);
        return -ENOMEM;
    }
    op->part = part;
    op->object = object;
    return submit(store, op);
}

int store_create(struct store *store, const struct kind *kind, enum store_part part, json_t *object,
                 store_done done, void *data)
{
    return submit_object(store, OP_CREATE, kind, part, object, done, data);
}

int store_update(struct store *store, const struct kind *kind, enum store_part part, json_t *object,
                 store_done done, void *data)
{
    return submit_object(store, OP_UPDATE, kind, part, object, done, data);
}

int store_mutate(struct store *store, const struct kind *kind, enum store_part part,
                 const char *name, store_mutate_fn mutate, store_done done, void *data)
{
    struct op *op = op_new(OP_MUTATE, kind, name, done, data);
    if (!op)
        return -ENOMEM;
    op->part = part;
    op->mutate = mutate;
    return submit(store, op);
}

static int copy_text(char **dst, const char *src)
{
    if (!src)
        return 0;
    *dst = strdup(src);
    return *dst ? 0 : -ENOMEM;
}

int store_delete(struct store *store, const struct kind *kind, const char *name,
                 const struct store_precondition *precondition, store_done done, void *data)
{
    struct op *op = op_new(OP_DELETE, kind, name, done, data);
    if (!op)
        return -ENOMEM;
    op->part = STORE_ALL;
    if (precondition && (copy_text(&op->uid, precondition->uid) < 0 ||
                         copy_text(&op->resource_version, precondition->resource_version) < 0)) {
        op_free(op);
        return -ENOMEM;
    }
    return submit(store, op);
}

int store_event(struct store *store, const json_t *object, bool warning, const char *reason,
                const char *message)
{
    json_t *event =
        event_new(object, warning, reason, message, "slipway", clock_wall(store->clock));
    if (!event)
        return -ENOMEM;
    return submit_object(store, OP_EVENT, &kind_event, STORE_ALL, event, NULL, NULL);
}

static int copy_bytes(void **dst, size_t *dst_len, const void *src, size_t len)
{
    *dst = malloc(len ? len : 1);
    if (!*dst)
        return -ENOMEM;
    if (len)
        memcpy(*dst, src, len);
    *dst_len = len;
    return 0;
}

int store_record_put(struct store *store, const char *bucket, const void *key, size_t key_len,
                     const void *value, size_t value_len, store_done done, void *data)
{
    struct op *op = op_new(OP_RECORD_PUT, NULL, bucket, done, data);
    if (!op)
        return -ENOMEM;
    if (copy_bytes(&op->key, &op->key_len, key, key_len) < 0 ||
        copy_bytes(&op->value, &op->value_len, value, value_len) < 0) {
        op_free(op);
        return -ENOMEM;
    }
    return submit(store, op);
}

int store_record_delete(struct store *store, const char *bucket, const void *key, size_t key_len,
                        store_done done, void *data)
{
    struct op *op = op_new(OP_RECORD_DELETE, NULL, bucket, done, data);
    if (!op)
        return -ENOMEM;
    if (copy_bytes(&op->key, &op->key_len, key, key_len) < 0) {
        op_free(op);
        return -ENOMEM;
    }
    return submit(store, op);
}

int store_record_each(struct store *store, const char *bucket,
                      int (*each)(void *data, const void *key, size_t key_len, const void *value,
                                  size_t value_len),
                      void *data, struct err *err)
{
    if (!store_is_idle(store))
        return err_set(err, -EBUSY, "cannot read %s: the store is busy", bucket);
    return db_each_record(store->db, bucket, each, data, err);
}
