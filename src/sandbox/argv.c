/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/argv.h"

#include <stdarg.h>

#include "base/str.h"

void argv_free(struct argv *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->v[i]);
    free(a->v);
    *a = ARGV_INIT;
}

/* Takes over value; NULL means that making it failed. */
static void append(struct argv *a, char *value)
{
    char **grown = NULL;
    if (value && !a->error)
        grown = reallocarray(a->v, a->count + 2, sizeof(*a->v));
    if (!grown) {
        free(value);
        a->error = -ENOMEM;
        return;
    }
    a->v = grown;
    a->v[a->count++] = value;
    a->v[a->count] = NULL;
}

void argv_add(struct argv *a, const char *format, ...)
{
    char *value = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&value, format, args) < 0)
        value = NULL;
    va_end(args);
    append(a, value);
}

void argv_push(struct argv *a, const char *value)
{
    append(a, str_format("%s", value));
}

const char *const *argv_vector(const struct argv *a)
{
    return a->error ? NULL : (const char *const *)(const void *)a->v;
}
