/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json.h"

#include <string.h>

#include "base/str.h"
#include "protocol/message.h"
#include "trust/envelope.h"

static json_t *present(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

int field_string(json_t *object, const char *name, char **ret, struct err *err)
{
    json_t *value = present(object, name);
    if (!value)
        return 0;
    if (!json_is_string(value))
        return err_set(err, -EBADMSG, "%s: not a string", name);
    size_t len = json_string_length(value);
    if (len > TRUST_ENVELOPE_MAX || strlen(json_string_value(value)) != len)
        return err_set(err, -EBADMSG, "%s: too long", name);
    return str_replace(ret, json_string_value(value));
}

int field_u64(json_t *object, const char *name, uint64_t *ret, struct err *err)
{
    json_t *value = present(object, name);
    if (!value)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return err_set(err, -EBADMSG, "%s: not a whole number of at least 0", name);
    *ret = (uint64_t)json_integer_value(value);
    return 0;
}

int field_bool(json_t *object, const char *name, bool *ret, struct err *err)
{
    json_t *value = present(object, name);
    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return err_set(err, -EBADMSG, "%s: neither true nor false", name);
    *ret = json_is_true(value);
    return 0;
}

int field_object(json_t *object, const char *name, json_t **ret, struct err *err)
{
    json_t *value = present(object, name);
    if (!value)
        return 0;
    if (!json_is_object(value))
        return err_set(err, -EBADMSG, "%s: not an object", name);
    *ret = json_incref(value);
    return 0;
}

int field_array(json_t *object, const char *name, size_t max, json_t **ret, struct err *err)
{
    json_t *value = present(object, name);
    if (!value)
        return 0;
    if (!json_is_array(value) || json_array_size(value) > max)
        return err_set(err, -EBADMSG, "%s: not a list of at most %zu items", name, max);
    *ret = json_incref(value);
    return 0;
}

int field_enum(json_t *object, const char *name, const char *const names[], size_t count,
               struct err *err)
{
    const char *value = json_string_value(json_object_get(object, name));
    for (size_t i = 0; value && i < count; i++) {
        if (str_eq(value, names[i]))
            return (int)i;
    }
    return err_set(err, -EBADMSG, "%s: missing or unknown", name);
}

void set_string(json_t *object, const char *name, const char *value)
{
    if (value)
        (void)json_object_set_new(object, name, json_string(value));
}

void set_u64(json_t *object, const char *name, uint64_t value)
{
    (void)json_object_set_new(object, name, json_integer((json_int_t)value));
}
