/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <string.h>

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->error = 0;
    if (b->data)
        b->data[0] = '\0';
}

static size_t limit(const struct buf *b)
{
    return b->max ? b->max : BUF_MAX_DEFAULT;
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->error)
        return NULL;
    if (n > limit(b) || b->len > limit(b) - n) {
        b->error = -EMSGSIZE;
        return NULL;
    }
    size_t need = b->len + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < need)
            cap *= 2;
        char *data = realloc(b->data, cap);
        if (!data) {
            b->error = -ENOMEM;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    if (b->error)
        return;
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    char *room = buf_room(b, len);
    if (!room)
        return;
    if (len)
        memcpy(room, data, len);
    buf_commit(b, len);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        b->error = b->error ? b->error : -EINVAL;
    } else {
        char *room = buf_room(b, (size_t)n);
        if (room) {
            (void)vsnprintf(room, (size_t)n + 1, format, again);
            buf_commit(b, (size_t)n);
        }
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
    if (!b->data)
        return;
    if (n > b->len)
        n = b->len;
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

int buf_error(const struct buf *b)
{
    return b->error;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_steal(struct buf *b)
{
    if (!b->error && !b->data)
        (void)buf_room(b, 0);
    if (b->error || !b->data)
        return NULL;
    b->data[b->len] = '\0';
    char *data = TAKE_PTR(b->data);
    b->len = b->cap = 0;
    return data;
}
