/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation makes of an object: Kubernetes' rules for metadata and subresources. */
#include <string.h>

#include "base/str.h"
#include "resource/event.h"
#include "resource/format.h"
#include "store/internal.h"

static int set_text(json_t *meta, const char *member, const char *text)
{
    return json_object_set_new(meta, member, json_string(text)) < 0 ? -ENOMEM : 0;
}

static int set_time(const struct batch *batch, json_t *meta, const char *member)
{
    char now[CLOCK_TEXT_SIZE];
    return set_text(meta, member, clock_text(clock_wall(batch->store->clock), now));
}

static int set_version(const struct batch *batch, json_t *object)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)batch->version + 1);
    return set_text(json_object_get(object, "metadata"), "resourceVersion", text);
}

static int set_uid(const struct batch *batch, json_t *meta)
{
    uint8_t b[16];
    char text[UUID_TEXT_SIZE];
    rng_fill(batch->store->rng, b, sizeof(b));
    return set_text(meta, "uid", str_uuid4(b, text));
}

/* generateName and five characters that spell no words. */
static int generate_name(const struct batch *batch, json_t *meta)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *prefix = json_string_value(json_object_get(meta, "generateName"));
    if (str_empty(prefix))
        return -EINVAL;
    char tail[6] = "";
    for (size_t i = 0; i < 5; i++)
        tail[i] = letters[rng_below(batch->store->rng, sizeof(letters) - 1)];
    _autofree_ char *name = str_format("%s%s", prefix, tail);
    return name ? set_text(meta, "name", name) : -ENOMEM;
}

static int check_name(const json_t *object, struct err *err)
{
    const char *name = object_name(object);
    if (str_empty(name))
        return err_set(err, -EINVAL, "metadata.name: required");
    if (strlen(name) > 253 || !format_name.check(name))
        return err_set(err, -EINVAL, "metadata.name: not %s: \"%s\"", format_name.what, name);
    return 0;
}

static int set_type(const struct kind *kind, json_t *object)
{
    int r = set_text(object, "apiVersion", kind_api_version(kind));
    return r < 0 ? r : set_text(object, "kind", kind->kind);
}

static int fresh_metadata(const struct batch *batch, json_t *object)
{
    json_t *meta = json_object_get(object, "metadata");
    (void)json_object_del(meta, "deletionTimestamp");
    (void)json_object_del(meta, "deletionGracePeriodSeconds");
    int r = set_uid(batch, meta);
    if (r == 0)
        r = set_time(batch, meta, "creationTimestamp");
    if (r == 0 && json_object_set_new(meta, "generation", json_integer(1)) < 0)
        r = -ENOMEM;
    return r < 0 ? r : set_version(batch, object);
}

static int make_name(const struct batch *batch, const struct op *op, struct err *err)
{
    json_t *meta = json_object_get(op->object, "metadata");
    if (!json_is_object(meta))
        return err_set(err, -EINVAL, "metadata: required");
    for (int i = 0; i < 8 && str_empty(object_name(op->object)); i++) {
        int r = generate_name(batch, meta);
        if (r == -ENOMEM)
            return err_errno(err, r, "cannot make a name");
        if (r == 0 && batch_latest(batch, op->kind, object_name(op->object)))
            (void)json_object_del(meta, "name");
    }
    return check_name(op->object, err);
}

static int decide_create(struct batch *batch, struct op *op)
{
    int r = make_name(batch, op, &op->err);
    if (r < 0)
        return r;
    if (batch_latest(batch, op->kind, object_name(op->object)))
        return err_set(&op->err, -EEXIST, "%s \"%s\" already exists", op->kind->plural,
                       object_name(op->object));
    if (op->part == STORE_SPEC && op->kind->has_status)
        (void)json_object_del(op->object, "status");
    r = set_type(op->kind, op->object);
    if (r == 0)
        r = fresh_metadata(batch, op->object);
    if (r < 0)
        return err_errno(&op->err, r, "cannot create \"%s\"", object_name(op->object));
    r = batch_add(batch, op->kind, NULL, op->object, false, &op->err);
    if (r == 0)
        op->result = TAKE_PTR(op->object);
    return r;
}

/* Gives `to` the member that `from` has, or none. */
static int keep(json_t *to, const json_t *from, const char *member)
{
    json_t *value = json_object_get(from, member);
    if (!value) {
        (void)json_object_del(to, member);
        return 0;
    }
    return json_object_set(to, member, value) < 0 ? -ENOMEM : 0;
}

static int keep_system_metadata(json_t *meta, const json_t *before)
{
    static const char *const members[] = {"name",
                                          "namespace",
                                          "uid",
                                          "creationTimestamp",
                                          "generation",
                                          "deletionTimestamp",
                                          "resourceVersion",
                                          "deletionGracePeriodSeconds",
                                          "generateName"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        int r = keep(meta, before, members[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A status update: the stored object with the new status. */
static int status_only(const json_t *before, json_t **after)
{
    json_t *merged = json_copy((json_t *)(uintptr_t)before);
    json_t *meta = json_copy(json_object_get(before, "metadata"));
    int r = merged && meta ? 0 : -ENOMEM;
    if (r == 0)
        r = keep(merged, *after, "status");
    if (r == 0)
        r = keep(meta, json_object_get(*after, "metadata"), "managedFields");
    if (r == 0)
        r = json_object_set(merged, "metadata", meta) < 0 ? -ENOMEM : 0;
    json_decref(meta);
    if (r < 0) {
        json_decref(merged);
        return r;
    }
    json_decref(*after);
    *after = merged;
    return 0;
}

/* Undoes in *after what the operation may not change. */
static int restrict_to_part(const struct op *op, const json_t *before, json_t **after)
{
    if (op->part == STORE_STATUS)
        return status_only(before, after);
    json_t *meta = json_object_get(*after, "metadata");
    if (!json_is_object(meta)) {
        meta = json_object();
        if (json_object_set_new(*after, "metadata", meta) < 0)
            return -ENOMEM;
    }
    int r = keep_system_metadata(meta, json_object_get(before, "metadata"));
    if (r == 0 && op->part == STORE_SPEC && op->kind->has_status)
        r = keep(*after, before, "status");
    return r < 0 ? r : set_type(op->kind, *after);
}

/* Whether anything beside metadata and status differs: what generation counts. */
static bool spec_differs(const json_t *before, const json_t *after)
{
    const char *member;
    json_t *value;
    size_t n = 0, other = 0;
    json_object_foreach ((json_t *)(uintptr_t)after, member, value) {
        if (str_eq(member, "metadata") || str_eq(member, "status"))
            continue;
        n++;
        if (!json_equal(value, json_object_get(before, member)))
            return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)before, member, value)
        other += !str_eq(member, "metadata") && !str_eq(member, "status");
    return n != other;
}

static int bump_generation(json_t *object)
{
    json_t *meta = json_object_get(object, "metadata");
    json_int_t generation = json_integer_value(json_object_get(meta, "generation"));
    return json_object_set_new(meta, "generation", json_integer(generation + 1)) < 0 ? -ENOMEM : 0;
}

static bool is_gone(const json_t *object)
{
    const json_t *meta = json_object_get(object, "metadata");
    return json_object_get(meta, "deletionTimestamp") &&
           !json_array_size(json_object_get(meta, "finalizers"));
}

/* Adds the step to the batch unless nothing changed; the result goes into op. Steals after. */
static int settle(struct batch *batch, struct op *op, const json_t *before, json_t *after)
{
    op->result = after;
    if (json_equal(before, after))
        return 0;
    int r = spec_differs(before, after) ? bump_generation(after) : 0;
    if (r == 0)
        r = set_version(batch, after);
    if (r < 0)
        return err_errno(&op->err, r, "cannot change \"%s\"", object_name(before));
    return batch_add(batch, op->kind, before, after, is_gone(after), &op->err);
}

static int check_preconditions(const json_t *before, const char *uid, const char *version,
                               struct err *err)
{
    const char *name = object_name(before);
    if (!str_empty(uid) && !str_eq(uid, object_meta_text(before, "uid")))
        return err_set(err, -ESTALE,
                       "\"%s\" is not the object that was meant: its uid is %s, expected %s", name,
                       object_meta_text(before, "uid"), uid);
    if (!str_empty(version) && !str_eq(version, object_meta_text(before, "resourceVersion")))
        return err_set(err, -ESTALE,
                       "\"%s\" has been changed meanwhile; apply your changes to the latest "
                       "version and try again",
                       name);
    return 0;
}

/* Turns a copy of the stored object into what the operation wants, in *after. */
static int transform(const struct op *op, const json_t *before, json_t **after, struct err *err)
{
    if (op->type == OP_MUTATE) {
        int r = op->mutate(op->data, *after, err);
        if (r < 0)
            return err->code ? r : err_errno(err, r, "cannot change \"%s\"", op->name);
    } else {
        json_decref(*after);
        *after = json_incref(op->object);
    }
    int r = check_preconditions(before, object_meta_text(*after, "uid"),
                                object_meta_text(*after, "resourceVersion"), err);
    if (r < 0)
        return r;
    r = restrict_to_part(op, before, after);
    return r < 0 ? err_errno(err, r, "cannot change \"%s\"", op->name) : 0;
}

static int not_found(struct op *op)
{
    return err_set(&op->err, -ENOENT, "%s \"%s\" not found", op->kind->plural, op->name);
}

static int decide_change(struct batch *batch, struct op *op, const json_t *before)
{
    json_t *after = json_deep_copy(before);
    if (!after)
        return err_errno(&op->err, -ENOMEM, "cannot change \"%s\"", op->name);
    int r = transform(op, before, &after, &op->err);
    if (r < 0) {
        json_decref(after);
        return r;
    }
    return settle(batch, op, before, after);
}

static int mark_deleted(struct batch *batch, struct op *op, const json_t *before)
{
    json_t *after = json_deep_copy(before);
    json_t *meta = json_object_get(after, "metadata");
    int r = 0;
    if (!json_object_get(meta, "deletionTimestamp")) {
        r = set_time(batch, meta, "deletionTimestamp");
        if (r == 0 && json_object_set_new(meta, "deletionGracePeriodSeconds", json_integer(0)) < 0)
            r = -ENOMEM;
        if (r == 0)
            r = bump_generation(after);
    }
    if (r < 0) {
        json_decref(after);
        return err_errno(&op->err, r, "cannot delete \"%s\"", op->name);
    }
    return settle(batch, op, before, after);
}

static int decide_delete(struct batch *batch, struct op *op, json_t *before)
{
    int r = check_preconditions(before, op->uid, op->resource_version, &op->err);
    if (r < 0)
        return r;
    if (json_array_size(object_get(before, "metadata.finalizers")))
        return mark_deleted(batch, op, before);
    op->result = json_deep_copy(before);
    r = op->result ? set_version(batch, op->result) : -ENOMEM;
    if (r < 0)
        return err_errno(&op->err, r, "cannot delete \"%s\"", op->name);
    return batch_add(batch, op->kind, before, op->result, true, &op->err);
}

static int decide_existing(struct batch *batch, struct op *op)
{
    const struct stored *stored = batch_latest(batch, op->kind, op->name);
    if (!stored)
        return not_found(op);
    json_t *before = stored_json(batch->store->packer, stored);
    if (!before)
        return err_errno(&op->err, -ENOMEM, "cannot read \"%s\"", op->name);
    int r =
        op->type == OP_DELETE ? decide_delete(batch, op, before) : decide_change(batch, op, before);
    json_decref(before);
    return r;
}

void decide(struct batch *batch, struct op *op)
{
    switch (op->type) {
    case OP_CREATE:
        op->rc = decide_create(batch, op);
        break;
    case OP_EVENT:
        op->rc = decide_event(batch, op);
        break;
    case OP_RECORD_PUT:
    case OP_RECORD_DELETE:
        batch->n_records++;
        break;
    default:
        op->rc = decide_existing(batch, op);
        break;
    }
    if (op->rc < 0) {
        json_decref(op->result);
        op->result = NULL;
    }
}
