/* SPDX-License-Identifier: Apache-2.0 */
/* Pruning, defaults and salvage. */
#include "base/str.h"
#include "resource/check.h"
#include "resource/validate.h"

static int normalize_fields(const struct field *fields, json_t *object);

static int normalize_value(const struct field *field, json_t *value)
{
    if (field->type != FIELD_OBJECT)
        return 0;
    if (!field_is_list(field))
        return normalize_fields(field->fields, value);
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item) {
        int r = normalize_fields(field->fields, item);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_defaults(const struct field *fields, json_t *object)
{
    for (const struct field *f = fields; f->name; f++) {
        if (!f->def || json_object_get(object, f->name))
            continue;
        if (json_object_set_new(object, f->name, json_loads(f->def, JSON_DECODE_ANY, NULL)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int normalize_fields(const struct field *fields, json_t *object)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value)
    {
        const struct field *field = field_find(fields, name);
        if (!field || json_is_null(value)) {
            (void)json_object_del(object, name);
            continue;
        }
        int r = normalize_value(field, value);
        if (r < 0)
            return r;
    }
    return add_defaults(fields, object);
}

static bool is_head(const char *name)
{
    return str_eq(name, "apiVersion") || str_eq(name, "kind") || str_eq(name, "metadata");
}

int object_normalize(const struct kind *kind, json_t *object)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value)
    {
        const struct field *field = field_find(kind->fields, name);
        int r = 0;
        if (str_eq(name, "metadata"))
            r = normalize_fields(meta_fields, value);
        else if (field && !json_is_null(value))
            r = normalize_value(field, value);
        else if (!is_head(name))
            (void)json_object_del(object, name);
        if (r < 0)
            return r;
    }
    return add_defaults(kind->fields, object);
}

static bool is_valid(const struct field *field, const json_t *value)
{
    static const struct path root;
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    struct checking c = {.problems = &problems, .allow_unknown = true};
    check_value(&c, field, value, NULL, &root);
    return !problems_any(&problems);
}

/* A new reference to what is valid in one value; NULL when nothing is, or out of memory. */
static json_t *salvage_value(const struct field *field, json_t *value)
{
    if (field->type == FIELD_OBJECT)
        return json_is_object(value) ? fields_salvage(field->fields, value) : NULL;
    if (field->type == FIELD_MAP || field->type == FIELD_ANY)
        return NULL; /* no report has these */
    return is_valid(field, value) ? json_incref(value) : NULL;
}

static json_t *salvage_list(const struct field *field, json_t *list)
{
    size_t max = field->max_items ? field->max_items : FIELD_ITEMS_DEFAULT;
    json_t *good = json_is_array(list) ? json_array() : NULL;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        json_t *kept = good && json_array_size(good) < max ? salvage_value(field, item) : NULL;
        if (kept)
            (void)json_array_append_new(good, kept);
    }
    return good;
}

json_t *fields_salvage(const struct field *fields, const json_t *part)
{
    json_t *good = json_object();
    for (const struct field *f = fields; good && f->name; f++) {
        json_t *value = json_object_get(part, f->name);
        json_t *kept = NULL;
        if (value)
            kept = field_is_list(f) ? salvage_list(f, value) : salvage_value(f, value);
        if (kept && json_object_set_new(good, f->name, kept) < 0) {
            json_decref(good);
            return NULL;
        }
    }
    return good;
}
