/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a hard limit, for text and messages whose size is not known before.
 * Failures stick (out of memory, over the limit): append freely, check buf_error() once. The data
 * is always NUL-terminated behind its length, so a text buffer is a C string.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct buf {
    char *data; /* NULL until something was appended */
    size_t len;
    size_t cap;
    size_t max; /* hard limit of len; 0 means BUF_MAX_DEFAULT */
    int error;  /* 0, -ENOMEM or -EMSGSIZE */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_INIT ((struct buf){0})
#define BUF_INIT_MAX(m) ((struct buf){.max = (m)})
#define _autobuf_ _cleanup_(buf_free)

void buf_free(struct buf *b);

/* Empties the buffer (keeps its memory) and forgets an earlier error. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) _printf_(2, 0);

/* Room for n more bytes to be filled by the caller, who then calls buf_commit(). NULL on failure.
 */
char *buf_room(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Removes n bytes (at most all) from the front. */
void buf_consume(struct buf *b, size_t n);

/* 0, or the first failure as a negative errno. */
int buf_error(const struct buf *b);

/* The text so far; "" when empty. Borrowed. */
const char *buf_str(const struct buf *b);

/* Hands the NUL-terminated data to the caller (free()); NULL when the buffer failed. */
char *buf_steal(struct buf *b);
