/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/check.h"

#include <string.h>

#include "base/str.h"
#include "resource/format.h"
#include "resource/suggest.h"

enum { QUOTE_MAX = 72 };

void check_problem(const struct checking *c, enum problem_reason reason, const struct where *where,
                   const struct path *path, const char *format, ...)
{
    _autobuf_ struct buf at = BUF_INIT_MAX(1024), text = BUF_INIT_MAX(2048);
    path_write(path, &at);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    problem_add_at(c->problems, reason, c->file, where_line(where), buf_str(&at), "%s",
                   buf_str(&text));
}

void check_quote(const json_t *json, struct buf *out)
{
    _autofree_ char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t len = text ? strlen(text) : 0;
    if (len <= QUOTE_MAX) {
        buf_adds(out, text ? text : "?");
        return;
    }
    len = QUOTE_MAX;
    while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    buf_add(out, text, len);
    buf_adds(out, "...");
}

/* A secret is not told, not even a wrong one: it may be the right one with a letter too many. */
static void quote_value(const struct checking *c, const json_t *json, struct buf *out)
{
    if (c->secret)
        buf_adds(out, "(not shown)");
    else
        check_quote(json, out);
}

static void bad_value(const struct checking *c, enum problem_reason reason, const json_t *json,
                      const struct where *where, const struct path *path, const char *what)
{
    _autobuf_ struct buf value = BUF_INIT_MAX(256);
    quote_value(c, json, &value);
    check_problem(c, reason, where, path, "%s: %s", what, buf_str(&value));
}

static const char *type_text(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "nothing";
    default:
        return "a boolean";
    }
}

static void wrong_type(const struct checking *c, const char *want, const json_t *json,
                       const struct where *where, const struct path *path)
{
    bool scalar = !json_is_object(json) && !json_is_array(json) && !json_is_null(json);
    if (!scalar) {
        check_problem(c, PROBLEM_INVALID, where, path, "must be %s, not %s", want, type_text(json));
        return;
    }
    _autobuf_ struct buf value = BUF_INIT_MAX(256);
    quote_value(c, json, &value);
    bool quoting_helps = str_eq(want, "a string");
    check_problem(c, PROBLEM_INVALID, where, path, "must be %s, not %s%s: %s", want,
                  type_text(json), quoting_helps ? " (write it in quotes)" : "", buf_str(&value));
}

static void check_format(const struct checking *c, const struct field *field, const json_t *json,
                         const struct where *where, const struct path *path)
{
    const struct format *format = field_format(field);
    size_t max = field->max_length ? field->max_length : FIELD_LENGTH_DEFAULT;
    const char *text = json_string_value(json);
    if (strlen(text) != json_string_length(json)) {
        check_problem(c, PROBLEM_INVALID, where, path, "has a NUL character in it");
    } else if (json_string_length(json) > max) {
        check_problem(c, PROBLEM_INVALID, where, path, "longer than %zu bytes", max);
    } else if (!format->check(text)) {
        _autofree_ char *what = str_format("not %s", format->what);
        bad_value(c, PROBLEM_INVALID, json, where, path, what ? what : "wrong");
    }
}

static void check_enum(const struct checking *c, const struct field *field, const json_t *json,
                       const struct where *where, const struct path *path)
{
    if (field_enum_parse(field->values, json_string_value(json)))
        return;
    _autobuf_ struct buf what = BUF_INIT_MAX(512);
    buf_adds(&what, "not one of ");
    for (const char *const *value = field->values; *value; value++)
        buf_printf(&what, "%s%s", value == field->values ? "" : ", ", *value);
    bad_value(c, PROBLEM_UNKNOWN, json, where, path, buf_str(&what));
}

static void check_int(const struct checking *c, const struct field *field, const json_t *json,
                      const struct where *where, const struct path *path)
{
    json_int_t value = json_integer_value(json);
    if (field->min == field->max || (value >= field->min && value <= field->max))
        return;
    check_problem(c, PROBLEM_INVALID, where, path, "not between %lld and %lld: %lld",
                  (long long)field->min, (long long)field->max, (long long)value);
}

static void check_size(const struct checking *c, const struct field *field, const json_t *json,
                       const struct where *where, const struct path *path)
{
    if (json_is_string(json))
        check_format(c, field, json, where, path);
    else if (!json_is_integer(json) || json_integer_value(json) < 0)
        bad_value(c, PROBLEM_INVALID, json, where, path, "not a size such as \"100Gi\"");
}

static void check_typed(const struct checking *c, const struct field *field, const json_t *json,
                        const struct where *where, const struct path *path)
{
    switch (field->type) {
    case FIELD_ANY:
        return;
    case FIELD_OBJECT:
        if (json_is_object(json))
            check_fields(c, field->fields, json, where, path);
        else
            wrong_type(c, "an object", json, where, path);
        return;
    case FIELD_INT:
        if (json_is_integer(json))
            check_int(c, field, json, where, path);
        else
            wrong_type(c, "a whole number", json, where, path);
        return;
    case FIELD_BOOL:
    case FIELD_TRI:
        if (!json_is_boolean(json))
            wrong_type(c, "true or false", json, where, path);
        return;
    case FIELD_SIZE:
        check_size(c, field, json, where, path);
        return;
    default:
        break;
    }
    if (!json_is_string(json))
        wrong_type(c, "a string", json, where, path);
    else if (field->type == FIELD_ENUM)
        check_enum(c, field, json, where, path);
    else
        check_format(c, field, json, where, path);
}

void check_value(const struct checking *c, const struct field *field, const json_t *json,
                 const struct where *where, const struct path *path)
{
    struct checking quiet = *c;
    quiet.secret |= (field->flags & FIELD_SECRET) != 0;
    check_typed(&quiet, field, json, where, path);
}

static size_t max_items(const struct field *field)
{
    return field->max_items ? field->max_items : FIELD_ITEMS_DEFAULT;
}

static bool same(const struct field *field, const json_t *a, const json_t *b)
{
    struct mac x, y;
    if (field->type == FIELD_MAC && json_is_string(a) && json_is_string(b) &&
        mac_parse(json_string_value(a), &x) == 0 && mac_parse(json_string_value(b), &y) == 0)
        return mac_eq(x, y);
    return json_equal(a, b);
}

static void check_unique(const struct checking *c, const struct field *field, const json_t *list,
                         const struct where *where, const struct path *path)
{
    const struct where *at_item = where ? where->child : NULL;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        struct path at = {.parent = path, .index = i};
        for (size_t k = 0; k < i; k++) {
            if (!same(field, item, json_array_get(list, k)))
                continue;
            _autobuf_ struct buf text = BUF_INIT_MAX(64);
            buf_printf(&text, "the same as item %zu", k);
            bad_value(c, PROBLEM_DUPLICATE, item, at_item, &at, buf_str(&text));
            break;
        }
        at_item = at_item ? at_item->next : NULL;
    }
}

static void check_list(const struct checking *c, const struct field *field, const json_t *list,
                       const struct where *where, const struct path *path)
{
    if (!json_is_array(list)) {
        wrong_type(c, "a list", list, where, path);
        return;
    }
    if (json_array_size(list) > max_items(field)) {
        check_problem(c, PROBLEM_INVALID, where, path, "more than %zu items", max_items(field));
        return;
    }
    const struct where *at_item = where ? where->child : NULL;
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        struct path at = {.parent = path, .index = i};
        check_value(c, field, item, at_item, &at);
        at_item = at_item ? at_item->next : NULL;
    }
    if (field->flags & FIELD_UNIQUE)
        check_unique(c, field, list, where, path);
}

static void check_map(const struct checking *c, const struct field *field, const json_t *map,
                      const struct where *where, const struct path *path)
{
    if (!json_is_object(map)) {
        wrong_type(c, "an object", map, where, path);
        return;
    }
    if (json_object_size(map) > max_items(field)) {
        check_problem(c, PROBLEM_INVALID, where, path, "more than %zu entries", max_items(field));
        return;
    }
    const struct field value_field = {
        .type = field->flags & FIELD_BOOLEANS ? FIELD_BOOL : FIELD_STRING,
        .format = field->format,
        .max_length = field->max_length,
    };
    const struct where *at_value = where ? where->child : NULL;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
        struct path at = {.parent = path, .name = key};
        if (!format_label_key.check(key))
            check_problem(c, PROBLEM_INVALID, at_value, &at, "not a label key");
        check_value(c, &value_field, value, at_value, &at);
        at_value = at_value ? at_value->next : NULL;
    }
}

void check_field(const struct checking *c, const struct field *field, const json_t *json,
                 const struct where *where, const struct path *path)
{
    if (field_is_list(field))
        check_list(c, field, json, where, path);
    else if (field->type == FIELD_MAP)
        check_map(c, field, json, where, path);
    else
        check_value(c, field, json, where, path);
}

static void unknown_field(const struct checking *c, const struct field *fields, const char *name,
                          const struct where *where, const struct path *path)
{
    const char *similar = suggest_field(fields, name);
    if (similar)
        check_problem(c, PROBLEM_UNKNOWN, where, path, "unknown field; did you mean %s?", similar);
    else
        check_problem(c, PROBLEM_UNKNOWN, where, path, "unknown field");
}

void check_fields(const struct checking *c, const struct field *fields, const json_t *object,
                  const struct where *where, const struct path *path)
{
    const struct where *at_value = where ? where->child : NULL;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        const struct field *field = field_find(fields, name);
        struct path at = {.parent = path, .name = name};
        if (field && !json_is_null(value))
            check_field(c, field, value, at_value, &at);
        else if (!field && !c->allow_unknown)
            unknown_field(c, fields, name, at_value, &at);
        at_value = at_value ? at_value->next : NULL;
    }
    for (const struct field *f = fields; f->name; f++) {
        const json_t *present = json_object_get(object, f->name);
        struct path at = {.parent = path, .name = f->name};
        if ((f->flags & FIELD_REQUIRED) && (!present || json_is_null(present)))
            check_problem(c, PROBLEM_REQUIRED, where, &at, "required");
    }
}
