/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading DER (X.690 section 10) on the bounds-checked reader: one-byte tags, definite lengths in
 * their shortest form, nothing else. Anything else makes the reader bad.
 */
#pragma once

#include "base/rd.h"

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* + number */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* + number */
};

/* Section 10.1: a length that would fit into fewer bytes is refused. */
static inline size_t der_length(struct rd *r)
{
    uint8_t first = rd_u8(r);
    if (first < 0x80)
        return first;
    size_t bytes = first & 0x7f, length = 0;
    if (bytes == 0 || bytes > 3)
        r->bad = true;
    for (size_t i = 0; i < bytes && rd_ok(r); i++)
        length = length << 8 | rd_u8(r);
    if (length < 0x80 || (bytes > 1 && length >> (8 * (bytes - 1)) == 0))
        r->bad = true;
    return length;
}

/* The next element's value, its tag in *ret_tag. Bad when there is none. */
static inline struct rd der_next(struct rd *r, uint8_t *ret_tag)
{
    *ret_tag = rd_u8(r);
    if ((*ret_tag & 0x1f) == 0x1f)
        r->bad = true;
    return rd_sub(r, der_length(r));
}

/* The next element's value, which must have this tag. */
static inline struct rd der_take(struct rd *r, uint8_t tag)
{
    uint8_t found;
    struct rd value = der_next(r, &found);
    if (found != tag)
        r->bad = value.bad = true;
    return value;
}

/* Whether the next element has this tag. */
static inline bool der_is(const struct rd *r, uint8_t tag)
{
    return rd_left(r) > 0 && r->buf[r->pos] == tag;
}

/* Whether the whole value is this object identifier (its encoded bytes). */
static inline bool der_equals(const struct rd *value, const void *oid, size_t len)
{
    return rd_ok(value) && value->len == len && memcmp(value->buf, oid, len) == 0;
}
