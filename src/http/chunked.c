/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunked.h"

#include <errno.h>

#include "base/str.h"

enum { DIGITS_MAX = 15, FRAMING_MAX = 8192 };

static int on_size(struct http_chunked *c, uint8_t byte)
{
    int digit = str_hex_digit((char)byte);
    if (digit >= 0) {
        c->left = c->left << 4 | (unsigned)digit;
        return ++c->digits > DIGITS_MAX ? -EBADMSG : 0;
    }
    if (c->digits == 0)
        return -EBADMSG;
    if (byte == '\r')
        c->state = HTTP_CHUNKED_SIZE_LF;
    else if (byte == ';' || byte == ' ' || byte == '\t')
        c->state = HTTP_CHUNKED_EXTENSION;
    else
        return -EBADMSG;
    return 0;
}

/* Text that nobody needs, up to its carriage return. */
static int on_text(struct http_chunked *c, uint8_t byte, enum http_chunked_state next)
{
    if (byte == '\n' || ++c->framing > FRAMING_MAX)
        return -EBADMSG;
    if (byte == '\r')
        c->state = next;
    return 0;
}

static int expect(struct http_chunked *c, uint8_t byte, uint8_t want, enum http_chunked_state next)
{
    c->state = next;
    return byte == want ? 0 : -EBADMSG;
}

static int on_byte(struct http_chunked *c, uint8_t byte)
{
    switch (c->state) {
    case HTTP_CHUNKED_SIZE:
        return on_size(c, byte);
    case HTTP_CHUNKED_EXTENSION:
        return on_text(c, byte, HTTP_CHUNKED_SIZE_LF);
    case HTTP_CHUNKED_SIZE_LF:
        c->digits = 0;
        return expect(c, byte, '\n', c->left ? HTTP_CHUNKED_DATA : HTTP_CHUNKED_TRAILER);
    case HTTP_CHUNKED_DATA_CR:
        return expect(c, byte, '\r', HTTP_CHUNKED_DATA_LF);
    case HTTP_CHUNKED_DATA_LF:
        return expect(c, byte, '\n', HTTP_CHUNKED_SIZE);
    case HTTP_CHUNKED_TRAILER:
        c->state = HTTP_CHUNKED_TRAILER_TEXT;
        return on_text(c, byte, HTTP_CHUNKED_LAST_LF);
    case HTTP_CHUNKED_TRAILER_TEXT:
        return on_text(c, byte, HTTP_CHUNKED_TRAILER_LF);
    case HTTP_CHUNKED_TRAILER_LF:
        return expect(c, byte, '\n', HTTP_CHUNKED_TRAILER);
    case HTTP_CHUNKED_LAST_LF:
        return expect(c, byte, '\n', HTTP_CHUNKED_END);
    case HTTP_CHUNKED_DATA:
    case HTTP_CHUNKED_END:
        break;
    }
    return -EBADMSG;
}

int http_chunked_step(struct http_chunked *c, struct rd *r)
{
    while (c->state != HTTP_CHUNKED_DATA && c->state != HTTP_CHUNKED_END) {
        if (!rd_left(r))
            return HTTP_CHUNKED_MORE;
        int err = on_byte(c, rd_u8(r));
        if (err < 0)
            return err;
    }
    return c->state == HTTP_CHUNKED_END ? HTTP_CHUNKED_DONE : HTTP_CHUNKED_HAVE;
}

void http_chunked_taken(struct http_chunked *c, uint64_t n)
{
    c->left -= n;
    if (c->left == 0)
        c->state = HTTP_CHUNKED_DATA_CR;
}
