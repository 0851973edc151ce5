/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/decode.h"

#include "base/clock.h"
#include "base/str.h"
#include "resource/path.h"

struct decoding {
    struct arena *arena;
    struct err *err;
};

static int fail(const struct decoding *d, const struct path *path, int code, const char *what)
{
    _autobuf_ struct buf text = BUF_INIT_MAX(512);
    path_write(path, &text);
    return err_set(d->err, code, "%s: %s", buf_str(&text), what);
}

static int decode_fields(const struct decoding *d, const struct field *fields, const json_t *json,
                         const struct path *path, char *dst);

static int decode_text(const struct decoding *d, const json_t *json, const char **ret)
{
    char *text = arena_text(d->arena, json_string_value(json), json_string_length(json));
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 0;
}

/* The text of a map's value: a string, or a boolean where the map is of booleans. */
static int decode_map_value(const struct decoding *d, const struct field *field, const json_t *json,
                            const char **ret)
{
    if (!(field->flags & FIELD_BOOLEANS))
        return json_is_string(json) ? decode_text(d, json, ret) : -EINVAL;
    if (!json_is_boolean(json))
        return -EINVAL;
    *ret = json_is_true(json) ? "true" : "false";
    return 0;
}

static int decode_map(const struct decoding *d, const struct field *field, json_t *json, char *dst)
{
    if (!json_is_object(json))
        return -EINVAL;
    struct pair *pairs = arena_array(d->arena, json_object_size(json), sizeof(*pairs));
    if (!pairs)
        return -ENOMEM;
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach (json, key, value) {
        int r = decode_map_value(d, field, value, &pairs[n].value);
        if (r < 0)
            return r;
        pairs[n].key = arena_text(d->arena, key, strlen(key));
        if (!pairs[n].key)
            return -ENOMEM;
        n++;
    }
    memcpy(dst + field->offset, &pairs, sizeof(pairs));
    memcpy(dst + field->count_offset, &n, sizeof(n));
    return 0;
}

static int decode_size(const json_t *json, void *dst)
{
    uint64_t bytes;
    if (json_is_integer(json)) {
        if (json_integer_value(json) < 0)
            return -EINVAL;
        bytes = (uint64_t)json_integer_value(json);
    } else if (!json_is_string(json) || str_parse_size(json_string_value(json), &bytes) < 0) {
        return -EINVAL;
    }
    memcpy(dst, &bytes, sizeof(bytes));
    return 0;
}

static int decode_enum(const struct field *field, const json_t *json, void *dst)
{
    int value = field_enum_parse(field->values, json_string_value(json));
    if (!value)
        return -EINVAL;
    memcpy(dst, &value, sizeof(value));
    return 0;
}

static int decode_number(const json_t *json, int64_t *dst)
{
    if (!json_is_integer(json))
        return -EINVAL;
    *dst = json_integer_value(json);
    return 0;
}

static int decode_bool(const struct field *field, const json_t *json, void *dst)
{
    if (!json_is_boolean(json))
        return -EINVAL;
    if (field->type == FIELD_BOOL)
        *(bool *)dst = json_is_true(json);
    else
        *(enum tristate *)dst = json_is_true(json) ? TRI_TRUE : TRI_FALSE;
    return 0;
}

/* The types whose JSON is a string. */
static int decode_string(const struct decoding *d, const struct field *field, const json_t *json,
                         void *dst)
{
    if (!json_is_string(json))
        return -EINVAL;
    const char *text = json_string_value(json);
    switch (field->type) {
    case FIELD_STRING:
        return decode_text(d, json, dst);
    case FIELD_MAC:
        return mac_parse(text, dst);
    case FIELD_IPV4:
        return ipv4_parse(text, dst);
    case FIELD_CIDR:
        return cidr_parse(text, dst);
    case FIELD_TIME:
        return clock_parse(text, dst);
    default:
        return decode_enum(field, json, dst);
    }
}

/* One value (an item when the field is a list) into its place. */
static int decode_value(const struct decoding *d, const struct field *field, json_t *json,
                        const struct path *path, void *dst)
{
    int r;
    switch (field->type) {
    case FIELD_OBJECT:
        if (json_is_object(json))
            return decode_fields(d, field->fields, json, path, dst);
        r = -EINVAL;
        break;
    case FIELD_INT:
        r = decode_number(json, dst);
        break;
    case FIELD_BOOL:
    case FIELD_TRI:
        r = decode_bool(field, json, dst);
        break;
    case FIELD_SIZE:
        r = decode_size(json, dst);
        break;
    default:
        r = decode_string(d, field, json, dst);
        break;
    }
    if (r == -EINVAL)
        return fail(d, path, r, "not of the form that this field has");
    return r;
}

static int decode_list(const struct decoding *d, const struct field *field, const json_t *json,
                       const struct path *path, char *dst)
{
    if (!json_is_array(json))
        return fail(d, path, -EINVAL, "not a list");
    size_t n = json_array_size(json);
    char *items = arena_array(d->arena, n, field->size);
    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct path at = {.parent = path, .index = i};
        int r = decode_value(d, field, json_array_get(json, i), &at, items + i * field->size);
        if (r < 0)
            return r;
    }
    memcpy(dst + field->offset, &items, sizeof(items));
    memcpy(dst + field->count_offset, &n, sizeof(n));
    return 0;
}

/* What the struct holds when the JSON has nothing: the stored default or the sentinel. */
static int decode_absent(const struct decoding *d, const struct field *field,
                         const struct path *path, char *dst)
{
    if (field_is_list(field))
        return 0;
    if (field->type == FIELD_OBJECT)
        return decode_fields(d, field->fields, NULL, path, dst + field->offset);
    if (field->type == FIELD_INT && !field->def)
        *(int64_t *)(void *)(dst + field->offset) = field->absent;
    if (!field->def)
        return 0;
    json_t *def = json_loads(field->def, JSON_DECODE_ANY, NULL);
    if (!def)
        return -ENOMEM;
    int r = decode_value(d, field, def, path, dst + field->offset);
    json_decref(def);
    return r;
}

static int decode_field(const struct decoding *d, const struct field *field, json_t *json,
                        const struct path *path, char *dst)
{
    if (field->type == FIELD_ANY)
        return 0;
    if (!json || json_is_null(json))
        return decode_absent(d, field, path, dst);
    if (field_is_list(field))
        return decode_list(d, field, json, path, dst);
    if (field->type == FIELD_MAP) {
        int r = decode_map(d, field, json, dst);
        return r == -EINVAL ? fail(d, path, r, "not a map of the form that this field has") : r;
    }
    return decode_value(d, field, json, path, dst + field->offset);
}

static int decode_fields(const struct decoding *d, const struct field *fields, const json_t *json,
                         const struct path *path, char *dst)
{
    for (const struct field *f = fields; f->name; f++) {
        struct path at = {.parent = path, .name = f->name};
        int r = decode_field(d, f, json ? json_object_get(json, f->name) : NULL, &at, dst);
        if (r < 0)
            return r;
    }
    return 0;
}

int fields_decode(const struct field *fields, const json_t *json, struct arena *arena, void *dst,
                  struct err *err)
{
    struct decoding d = {.arena = arena, .err = err};
    if (!json_is_object(json))
        return err_set(err, -EINVAL, "not an object");
    int r = decode_fields(&d, fields, json, NULL, dst);
    if (r == -ENOMEM)
        return err_errno(err, r, "cannot read the object");
    return r;
}
