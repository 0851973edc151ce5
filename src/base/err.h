/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error convention. Functions return 0 or a negative errno. Where a person will read about
 * the failure (configuration, command line, image work, API), the function also takes a
 * `struct err *`, fills in what was expected, what was found and where, and callers prepend their
 * context with err_wrap(). A `struct err *` may always be NULL: then only the number is returned.
 */
#pragma once

#include "base/cleanup.h"

struct err {
    int code;        /* the negative errno that was returned, 0 while nothing failed */
    char text[1024]; /* one line, no trailing newline, truncated with "..." when too long */
};

#define ERR_INIT ((struct err){0})

/* Stores code (negative errno) and the formatted text; returns code, for `return err_set(...)`. */
int err_set(struct err *err, int code, const char *format, ...) _printf_(3, 4);

/* As err_set(), with ": " and the description of the errno behind the text. */
int err_errno(struct err *err, int code, const char *format, ...) _printf_(3, 4);

/* Prepends "text: " to what is there; returns the code that is there. */
int err_wrap(struct err *err, const char *format, ...) _printf_(2, 3);

#ifdef __clang_analyzer__
/* It sees one file at a time, and has to be told that a failure's code is never 0 and comes back.
 */
static inline int err_failure(int code)
{
    if (code >= 0)
        __builtin_unreachable();
    return code;
}
#define err_set(...) err_failure((err_set)(__VA_ARGS__))
#define err_errno(...) err_failure((err_errno)(__VA_ARGS__))
#define err_wrap(...) err_failure((err_wrap)(__VA_ARGS__))
#endif

/* The text, or the description of the code when there is no text; never NULL. */
const char *err_text(const struct err *err);
