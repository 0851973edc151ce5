/* SPDX-License-Identifier: Apache-2.0 */
/* The request target (RFC 9112 section 3.2) as a decoded path and query arguments. Pure. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

enum { HTTP_TARGET_ARGS_MAX = 64 };

struct http_arg {
    const char *name;
    const char *value;
};

struct http_target {
    const char *path; /* begins with '/' */
    struct http_arg args[HTTP_TARGET_ARGS_MAX];
    size_t count;
    char *memory; /* what path and args point into */
};

/*
 * Parses an origin-form or absolute-form target of len bytes. Percent escapes are decoded once,
 * repeated '/' merged, '+' in the query is a blank. -EINVAL: anything that could name something
 * else than it shows: a broken escape, a control character or NUL (escaped or not), an escaped '/',
 * a "." or ".." part, a fragment. -E2BIG: too many arguments. -ENOMEM. *ret is owned: free it with
 * http_target_free().
 */
int http_target_parse(const char *raw, size_t len, struct http_target *ret) _must_check_;
void http_target_free(struct http_target *target);

/* The first argument of that name or NULL. */
const char *http_target_arg(const struct http_target *target, const char *name);
