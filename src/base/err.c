/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <string.h>

#undef err_set
#undef err_errno
#undef err_wrap

static void mark_truncated(char *text, size_t size, int written)
{
    if (written >= 0 && (size_t)written >= size)
        memcpy(text + size - 4, "...", 4);
}

static void store(struct err *err, int code, const char *format, va_list args) _printf_(3, 0);

static void store(struct err *err, int code, const char *format, va_list args)
{
    err->code = code;
    int n = vsnprintf(err->text, sizeof(err->text), format, args);
    mark_truncated(err->text, sizeof(err->text), n);
}

int err_set(struct err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    store(err, code, format, args);
    va_end(args);
    return code;
}

int err_errno(struct err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    store(err, code, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    const char *what = strerror(code < 0 ? -code : code);
    int n = snprintf(err->text + used, sizeof(err->text) - used, ": %s", what);
    mark_truncated(err->text, sizeof(err->text), n + (int)used);
    return code;
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return -EINVAL;
    char inner[sizeof(err->text)];
    memcpy(inner, err_text(err), strlen(err_text(err)) + 1);
    va_list args;
    va_start(args, format);
    store(err, err->code, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    int n = snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    mark_truncated(err->text, sizeof(err->text), n + (int)used);
    return err->code;
}

const char *err_text(const struct err *err)
{
    if (!err)
        return "unknown error";
    if (err->text[0])
        return err->text;
    return strerror(err->code < 0 ? -err->code : err->code);
}
