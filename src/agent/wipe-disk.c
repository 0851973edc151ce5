/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wipe-disk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "image/chunk.h"

#define RANGE_SIZE ((uint64_t)256 << 20)
enum { PAGE = 4096, BUFFER_SIZE = 4 << 20, NOTE_SIZE = 256 };

/* ---- reading back ---- */

/* 1 when all of the range is zero, 0, or a negative errno. */
static int range_is_zero(const struct wipe_target *t, uint8_t *buffer, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t n = to - from < BUFFER_SIZE ? (size_t)(to - from) : BUFFER_SIZE;
        ssize_t got = fd_pread_full(t->fd, buffer, n, from);
        if (got < 0)
            return (int)got;
        if ((size_t)got != n)
            return -EIO;
        if (!image_is_zero(buffer, n))
            return 0;
        from += n;
    }
    return 1;
}

/* A block somewhere in [from, from + WIPE_SAMPLE_EVERY). */
static int sample_is_zero(const struct wipe_target *t, uint8_t *buffer, uint64_t from, uint64_t end)
{
    uint64_t room = end - from < WIPE_SAMPLE_EVERY ? end - from : WIPE_SAMPLE_EVERY;
    if (room <= WIPE_SAMPLE_SIZE)
        return range_is_zero(t, buffer, from, end);
    uint32_t pages = (uint32_t)((room - WIPE_SAMPLE_SIZE) / PAGE);
    uint64_t at = from + (uint64_t)(pages ? rng_below(t->rng, pages) : 0) * PAGE;
    return range_is_zero(t, buffer, at, at + WIPE_SAMPLE_SIZE);
}

int wipe_verify(const struct wipe_target *t, uint64_t start)
{
    uint64_t size = t->disk->size;
    uint64_t head_end = size < WIPE_END_SIZE ? size : WIPE_END_SIZE;
    uint64_t tail = size - head_end < WIPE_END_SIZE ? head_end : size - WIPE_END_SIZE;
    _autofree_ uint8_t *buffer = aligned_alloc(PAGE, BUFFER_SIZE);
    if (!buffer)
        return -ENOMEM;
    int r = range_is_zero(t, buffer, start, head_end);
    if (r > 0)
        r = range_is_zero(t, buffer, tail, size);
    for (uint64_t at = head_end; r > 0 && at < tail; at += WIPE_SAMPLE_EVERY)
        r = sample_is_zero(t, buffer, at, tail);
    return r;
}

/* ---- writing ---- */

static int write_zeros(const struct wipe_target *t, uint64_t offset, uint64_t len)
{
    _autofree_ uint8_t *zeros = aligned_alloc(PAGE, BUFFER_SIZE);
    if (!zeros)
        return -ENOMEM;
    memset(zeros, 0, BUFFER_SIZE);
    while (len) {
        size_t n = len < BUFFER_SIZE ? (size_t)len : BUFFER_SIZE;
        int r = fd_pwrite_full(t->fd, zeros, n, offset);
        if (r < 0)
            return r;
        offset += n;
        len -= n;
    }
    return 0;
}

static int erase_range(const struct wipe_target *t, enum wipe_way way, uint64_t offset,
                       uint64_t len)
{
    int r = t->erase(t->data, way, offset, len);
    return r == -EOPNOTSUPP && way == WIPE_WAY_ZERO ? write_zeros(t, offset, len) : r;
}

static int put_head(const struct wipe_target *t)
{
    _autofree_ uint8_t *page = t->head ? aligned_alloc(PAGE, WIPE_HEAD_SIZE) : NULL;
    if (!t->head)
        return 0;
    if (!page)
        return -ENOMEM;
    memcpy(page, t->head, WIPE_HEAD_SIZE);
    int r = fd_pwrite_full(t->fd, page, WIPE_HEAD_SIZE, 0);
    explicit_bzero(page, WIPE_HEAD_SIZE);
    return r == 0 && fsync(t->fd) < 0 ? -errno : r;
}

/* Everything behind the head. */
static int erase_rest(const struct wipe_target *t, enum wipe_way way)
{
    uint64_t size = t->disk->size;
    int r = 0;
    if (wipe_way_is_whole(way)) {
        r = t->erase(t->data, way, 0, size);
        return r == 0 ? put_head(t) : r;
    }
    for (uint64_t at = WIPE_HEAD_SIZE; r == 0 && at < size;) {
        uint64_t len = size - at < RANGE_SIZE ? size - at : RANGE_SIZE;
        r = erase_range(t, way, at, len);
        at += len;
        if (t->done)
            atomic_store(t->done, at);
    }
    return r == 0 && fsync(t->fd) < 0 ? -errno : r;
}

static int erase_head(const struct wipe_target *t)
{
    int r = write_zeros(t, 0, WIPE_HEAD_SIZE);
    if (r == 0 && fsync(t->fd) < 0)
        r = -errno;
    return r < 0 ? r : wipe_verify(t, 0);
}

static void add_note(char *report, size_t size, const char *format, ...) _printf_(3, 4);
static void add_note(char *report, size_t size, const char *format, ...)
{
    size_t used = strlen(report);
    va_list args;
    va_start(args, format);
    if (used < size)
        (void)vsnprintf(report + used, size - used, format, args);
    va_end(args);
}

/* One way: 1 when the disk reads back as zeros, 0 when another way must be tried, or an errno. */
static int try_way(const struct wipe_target *t, enum wipe_way way, bool *secured, char *report,
                   size_t size)
{
    int r = erase_rest(t, way);
    bool last = way == WIPE_WAY_ZERO;
    if (r < 0 && last)
        return r;
    if (r == -EOPNOTSUPP)
        return 0;
    if (r < 0) {
        add_note(report, size, "%s: %s; ", wipe_way_text(way), strerror(-r));
        return 0;
    }
    *secured = *secured || wipe_way_is_secure(way);
    r = wipe_verify(t, WIPE_HEAD_SIZE);
    if (r == 0)
        add_note(report, size, "%s does not read back as zeros; ", wipe_way_text(way));
    else if (r > 0)
        add_note(report, size, "%s, ", wipe_way_text(way));
    return r;
}

int wipe_disk(const struct wipe_target *t, const enum wipe_way *ways, size_t count,
              bool must_be_secure, char *report, size_t size)
{
    bool secured = false;
    report[0] = '\0';
    int r = put_head(t);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (ways[i] == WIPE_WAY_ZERO && must_be_secure && !secured) {
            add_note(report, size, "it offers no secure erase that works");
            return -EOPNOTSUPP;
        }
        r = try_way(t, ways[i], &secured, report, size);
    }
    if (r > 0)
        r = erase_head(t);
    if (r < 0)
        add_note(report, size, "%s", strerror(-r));
    else
        add_note(report, size, r ? "verified" : "it does not read back as zeros");
    return r > 0 ? 0 : r < 0 ? r : -EBADMSG;
}
