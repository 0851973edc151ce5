/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes of a file, if any, answer a GET or HEAD: preconditions (RFC 9110 section 13) and one
 * byte range (section 14). Pure. A list of several ranges is answered with the whole file, which
 * section 14.2 allows.
 */
#pragma once

#include <stdint.h>

/* Header values as received; NULL when absent. */
struct http_conditions {
    const char *range;
    const char *if_range;
    const char *if_match;
    const char *if_none_match;
    const char *if_modified_since;
    const char *if_unmodified_since;
};

struct http_representation {
    uint64_t size;
    const char *etag;          /* strong, with quotes */
    const char *last_modified; /* IMF-fixdate */
};

struct http_selection {
    unsigned status; /* 200, 206, 304, 412 or 416 */
    uint64_t offset;
    uint64_t length; /* bytes of body; 0 for 304, 412 and 416 */
};

/*
 * Dates are compared by equality with last_modified, not by order: a file that was replaced by an
 * older one counts as changed.
 */
struct http_selection http_select(const struct http_conditions *conditions,
                                  const struct http_representation *file);

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */

/* Seconds since 1970 as IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale. Returns dst. */
const char *http_date_text(int64_t seconds, char dst[static HTTP_DATE_SIZE]);
