/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"
#include "resource/decode.h"

/* Encoders return NULL for "absent" and set *failed when they could not do their work. */

static json_t *made(json_t *json, bool *failed)
{
    if (!json)
        *failed = true;
    return json;
}

static json_t *encode_int(const struct field *field, int64_t value, bool listed, bool *failed)
{
    if (!listed && !field->def && value == field->absent)
        return NULL;
    return made(json_integer(value), failed);
}

static json_t *encode_size(uint64_t bytes, bool *failed)
{
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"Ti", 40}, {"Gi", 30}, {"Mi", 20}, {"Ki", 10}};
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (bytes % (1ull << units[i].shift) == 0)
            return made(json_sprintf("%llu%s", (unsigned long long)(bytes >> units[i].shift),
                                     units[i].suffix),
                        failed);
    }
    return made(json_sprintf("%llu", (unsigned long long)bytes), failed);
}

static json_t *encode_mac(const struct mac *mac, bool *failed)
{
    char text[MAC_TEXT_SIZE];
    static const struct mac none;
    return mac_eq(*mac, none) ? NULL : made(json_string(mac_text(*mac, text)), failed);
}

static json_t *encode_ipv4(ipv4 address, bool *failed)
{
    char text[IPV4_TEXT_SIZE];
    return address ? made(json_string(ipv4_text(address, text)), failed) : NULL;
}

static json_t *encode_cidr(const struct cidr *cidr, bool *failed)
{
    char text[CIDR_TEXT_SIZE];
    if (!cidr->address && !cidr->prefix)
        return NULL;
    return made(json_string(cidr_text(*cidr, text)), failed);
}

static json_t *encode_time(int64_t ms, bool *failed)
{
    char text[CLOCK_TEXT_SIZE];
    return ms ? made(json_string(clock_text(ms, text)), failed) : NULL;
}

static json_t *encode_text(const char *text, bool *failed)
{
    return text ? made(json_string(text), failed) : NULL;
}

static json_t *encode_enum(const struct field *field, int value, bool *failed)
{
    const char *text = field_enum_text(field->values, value);
    return *text ? made(json_string(text), failed) : NULL;
}

static json_t *encode_object(const struct field *field, const void *src, bool listed, bool *failed)
{
    json_t *object = fields_encode(field->fields, src);
    if (!object) {
        *failed = true;
        return NULL;
    }
    if (listed || json_object_size(object))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *encode_tri(enum tristate value)
{
    return value == TRI_UNSET ? NULL : json_boolean(value == TRI_TRUE);
}

static json_t *encode_value(const struct field *field, const void *src, bool listed, bool *failed)
{
    switch (field->type) {
    case FIELD_STRING:
        return encode_text(*(const char *const *)src, failed);
    case FIELD_ENUM:
        return encode_enum(field, *(const int *)src, failed);
    case FIELD_INT:
        return encode_int(field, *(const int64_t *)src, listed, failed);
    case FIELD_BOOL:
        return *(const bool *)src ? json_true() : NULL;
    case FIELD_TRI:
        return encode_tri(*(const enum tristate *)src);
    case FIELD_MAC:
        return encode_mac(src, failed);
    case FIELD_IPV4:
        return encode_ipv4(*(const ipv4 *)src, failed);
    case FIELD_CIDR:
        return encode_cidr(src, failed);
    case FIELD_SIZE:
        return encode_size(*(const uint64_t *)src, failed);
    case FIELD_TIME:
        return encode_time(*(const int64_t *)src, failed);
    default:
        return encode_object(field, src, listed, failed);
    }
}

static json_t *encode_map(const struct field *field, const struct pair *pairs, size_t n,
                          bool *failed)
{
    if (!n)
        return NULL;
    json_t *object = made(json_object(), failed);
    for (size_t i = 0; object && i < n; i++) {
        json_t *value = field->flags & FIELD_BOOLEANS ? json_boolean(str_eq(pairs[i].value, "true"))
                                                      : json_string(pairs[i].value);
        if (json_object_set_new(object, pairs[i].key, value) < 0)
            *failed = true;
    }
    return object;
}

static json_t *encode_list(const struct field *field, const char *items, size_t n, bool *failed)
{
    if (!n)
        return NULL;
    json_t *array = made(json_array(), failed);
    for (size_t i = 0; array && i < n; i++) {
        json_t *item = encode_value(field, items + i * field->size, true, failed);
        if (json_array_append_new(array, item) < 0) /* an absent item has no form in a list */
            *failed = true;
    }
    return array;
}

static json_t *encode_field(const struct field *field, const char *src, bool *failed)
{
    if (field->type == FIELD_ANY)
        return NULL;
    if (!field_is_list(field) && field->type != FIELD_MAP)
        return encode_value(field, src + field->offset, false, failed);
    const void *items;
    size_t n;
    memcpy(&items, src + field->offset, sizeof(items));
    memcpy(&n, src + field->count_offset, sizeof(n));
    if (field->type == FIELD_MAP)
        return encode_map(field, items, n, failed);
    return encode_list(field, items, n, failed);
}

json_t *fields_encode(const struct field *fields, const void *src)
{
    json_t *object = json_object();
    bool failed = !object;
    for (const struct field *f = fields; !failed && f->name; f++) {
        json_t *value = encode_field(f, src, &failed);
        if (value && json_object_set_new(object, f->name, value) < 0)
            failed = true;
    }
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}
