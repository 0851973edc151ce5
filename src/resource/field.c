/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/field.h"

#include "base/str.h"

const struct field *field_find(const struct field *fields, const char *name)
{
    for (const struct field *f = fields; f->name; f++) {
        if (str_eq(f->name, name))
            return f;
    }
    return NULL;
}

const char *field_enum_text(const char *const *values, int value)
{
    for (int i = 1; *values && value > 0; i++, values++) {
        if (i == value)
            return *values;
    }
    return "";
}

int field_enum_parse(const char *const *values, const char *text)
{
    for (int i = 1; text && *values; i++, values++) {
        if (str_eq(*values, text))
            return i;
    }
    return 0;
}
