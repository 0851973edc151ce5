/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of chunked bodies (RFC 9112 section 7.1) as a pure state machine. */
#pragma once

#include <stdint.h>

#include "base/rd.h"

enum http_chunked_state {
    HTTP_CHUNKED_SIZE, /* in a size line */
    HTTP_CHUNKED_EXTENSION,
    HTTP_CHUNKED_SIZE_LF,
    HTTP_CHUNKED_DATA,
    HTTP_CHUNKED_DATA_CR,
    HTTP_CHUNKED_DATA_LF,
    HTTP_CHUNKED_TRAILER, /* at the start of a trailer line */
    HTTP_CHUNKED_TRAILER_TEXT,
    HTTP_CHUNKED_TRAILER_LF,
    HTTP_CHUNKED_LAST_LF,
    HTTP_CHUNKED_END,
};

struct http_chunked {
    enum http_chunked_state state; /* begins as zero */
    uint64_t left;                 /* of the chunk's data */
    unsigned digits;               /* of the size read so far */
    unsigned framing;              /* bytes of extensions and trailers so far */
};

enum http_chunked_result {
    HTTP_CHUNKED_MORE, /* all input was framing: feed more */
    HTTP_CHUNKED_HAVE, /* up to c->left bytes of data come next: take some, then call taken() */
    HTTP_CHUNKED_DONE, /* the body is over; what is left in r belongs to the next message */
};

/* Reads framing up to the next data. A result above, or -EBADMSG. */
int http_chunked_step(struct http_chunked *c, struct rd *r);

/* n bytes of data, at most c->left, were taken. */
void http_chunked_taken(struct http_chunked *c, uint64_t n);
