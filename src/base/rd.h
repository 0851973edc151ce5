/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds-checked reader: the only way in for untrusted bytes. A failed read makes the reader
 * bad for good, every later read returns zero or NULL, and one rd_ok() at the end tells whether
 * the whole parse stayed inside. Multi-byte integers are read in network order unless named _le.
 *
 * A reader borrows its bytes: nothing that points into it may outlive the handler that made it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
    const uint8_t *buf;
    size_t len;
    size_t pos; /* pos <= len always */
    bool bad;
};

static inline struct rd rd_init(const void *buf, size_t len)
{
    return (struct rd){.buf = buf, .len = buf ? len : 0, .pos = 0, .bad = false};
}

static inline bool rd_ok(const struct rd *r)
{
    return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
    return r->bad ? 0 : r->len - r->pos;
}

/* True when everything was read and nothing failed. */
static inline bool rd_done(const struct rd *r)
{
    return !r->bad && r->pos == r->len;
}

/* The next n bytes (borrowed), or NULL and the reader is bad. n may be 0. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
    if (r->bad || n > r->len - r->pos) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->buf + r->pos;
    r->pos += n;
    return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_take(r, 1);
    return p ? p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *p = rd_take(r, 2);
    if (!p)
        return 0;
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    if (!p)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t rd_u64(struct rd *r)
{
    uint64_t high = rd_u32(r);
    return high << 32 | rd_u32(r);
}

static inline uint16_t rd_u16_le(struct rd *r)
{
    const uint8_t *p = rd_take(r, 2);
    if (!p)
        return 0;
    return (uint16_t)((unsigned)p[1] << 8 | p[0]);
}

static inline uint32_t rd_u32_le(struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    if (!p)
        return 0;
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t rd_u64_le(struct rd *r)
{
    uint64_t low = rd_u32_le(r);
    return (uint64_t)rd_u32_le(r) << 32 | low;
}

/* Copies n bytes out; on a short read dst is zeroed and the reader is bad. */
static inline void rd_copy(struct rd *r, void *dst, size_t n)
{
    const uint8_t *p = rd_take(r, n);
    if (p)
        memcpy(dst, p, n);
    else
        memset(dst, 0, n);
}

static inline void rd_skip(struct rd *r, size_t n)
{
    (void)rd_take(r, n);
}

/* Moves to an absolute position (at most len). */
static inline void rd_seek(struct rd *r, size_t pos)
{
    if (r->bad || pos > r->len)
        r->bad = true;
    else
        r->pos = pos;
}

/* A reader over the next n bytes, which r skips; bad when they are not there. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *p = rd_take(r, n);
    struct rd sub = rd_init(p, n);
    sub.bad = !p;
    return sub;
}

/*
 * A NUL-terminated string inside the remaining bytes, borrowed, with its NUL consumed; NULL and
 * the reader is bad when no NUL follows.
 */
static inline const char *rd_cstr(struct rd *r)
{
    if (r->bad || r->pos == r->len) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *start = r->buf + r->pos;
    const uint8_t *nul = memchr(start, 0, r->len - r->pos);
    if (!nul) {
        r->bad = true;
        return NULL;
    }
    r->pos += (size_t)(nul - start) + 1;
    return (const char *)start;
}
