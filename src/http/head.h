/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and response heads of HTTP/1.x (RFC 9112 sections 2 to 5) as typed values. Pure, without
 * allocation, strict: a head that other implementations could read differently is refused (bare
 * line feeds, folded lines, blanks before a colon, control characters).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum { HTTP_HEAD_MAX = 8192, HTTP_FIELDS_MAX = 64 };

struct http_field {
    const char *name;
    const char *value; /* without blanks around it */
};

struct http_head {
    const char *method; /* requests */
    const char *target;
    unsigned status; /* responses: 100..599 */
    unsigned minor;  /* of the version: 0 or 1 */
    size_t size;     /* bytes that the head took, its empty line included */
    size_t count;
    struct http_field fields[HTTP_FIELDS_MAX];
    char text[HTTP_HEAD_MAX + 4]; /* what the pointers above point into: do not copy the struct */
};

/*
 * Parses the head at the start of data. 0; -EAGAIN: its end is not there yet; -EMSGSIZE: it is
 * longer than HTTP_HEAD_MAX or has too many fields; -EBADMSG: it is malformed.
 */
int http_head_parse_request(const void *data, size_t len, struct http_head *ret) _must_check_;
int http_head_parse_response(const void *data, size_t len, struct http_head *ret) _must_check_;

/* The value of the first field of that name (any case), or NULL. */
const char *http_head_find(const struct http_head *head, const char *name);

/* How many fields have that name. */
unsigned http_head_count(const struct http_head *head, const char *name);

/* Whether the comma-separated value holds this token, in any case. NULL holds none. */
bool http_value_has(const char *value, const char *token);
