/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds-checked writer into a fixed buffer: the counterpart of rd.h. A write that does not fit
 * writes nothing and makes the writer bad for good; check wr_ok() once at the end. Integers are
 * written in network order unless named _le.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
    uint8_t *buf;
    size_t size;
    size_t pos; /* pos <= size always: bytes written */
    bool bad;
};

static inline struct wr wr_init(void *buf, size_t size)
{
    return (struct wr){.buf = buf, .size = buf ? size : 0, .pos = 0, .bad = false};
}

static inline bool wr_ok(const struct wr *w)
{
    return !w->bad;
}

static inline size_t wr_left(const struct wr *w)
{
    return w->bad ? 0 : w->size - w->pos;
}

/* Room for n bytes which the caller fills, or NULL and the writer is bad. */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
    if (w->bad || n > w->size - w->pos) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->buf + w->pos;
    w->pos += n;
    return p;
}

static inline void wr_bytes(struct wr *w, const void *src, size_t n)
{
    uint8_t *p = wr_room(w, n);
    if (p && n)
        memcpy(p, src, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
    uint8_t *p = wr_room(w, n);
    if (p && n)
        memset(p, 0, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
    wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    wr_bytes(w, b, sizeof(b));
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    wr_bytes(w, b, sizeof(b));
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
    wr_u32(w, (uint32_t)(v >> 32));
    wr_u32(w, (uint32_t)v);
}

static inline void wr_u16_le(struct wr *w, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    wr_bytes(w, b, sizeof(b));
}

static inline void wr_u32_le(struct wr *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    wr_bytes(w, b, sizeof(b));
}

static inline void wr_u64_le(struct wr *w, uint64_t v)
{
    wr_u32_le(w, (uint32_t)v);
    wr_u32_le(w, (uint32_t)(v >> 32));
}

/* The string and its terminating NUL. */
static inline void wr_cstr(struct wr *w, const char *s)
{
    wr_bytes(w, s, strlen(s) + 1);
}
