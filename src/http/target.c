/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <stdbool.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

/* The next character, decoded; *ret_escaped tells that it was written as %XX. -EINVAL if bad. */
static int next_char(struct rd *r, bool *ret_escaped)
{
    uint8_t c = rd_u8(r);
    *ret_escaped = c == '%';
    if (c == '%') {
        int high = str_hex_digit((char)rd_u8(r));
        int low = str_hex_digit((char)rd_u8(r));
        if (high < 0 || low < 0)
            return -EINVAL;
        c = (uint8_t)(high << 4 | low);
    }
    if (!rd_ok(r) || c < 0x20 || c == 0x7f)
        return -EINVAL;
    return c;
}

static bool is_dots(const uint8_t *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

static int parse_path(struct rd *r, struct wr *w)
{
    size_t part = w->pos; /* where the part after the last '/' begins */
    while (rd_left(r) && r->buf[r->pos] != '?') {
        bool escaped;
        int c = next_char(r, &escaped);
        if (c < 0 || (c == '/' && escaped) || (c == '#' && !escaped))
            return -EINVAL;
        if (c != '/') {
            wr_u8(w, (uint8_t)c);
            continue;
        }
        if (is_dots(w->buf + part, w->pos - part))
            return -EINVAL;
        if (w->pos == 0 || w->buf[w->pos - 1] != '/')
            wr_u8(w, '/');
        part = w->pos;
    }
    if (is_dots(w->buf + part, w->pos - part))
        return -EINVAL;
    wr_u8(w, 0);
    return 0;
}

/* One name or value up to an unescaped stop character, which is left. */
static int parse_word(struct rd *r, struct wr *w, const char *stop)
{
    while (rd_left(r) && !strchr(stop, r->buf[r->pos])) {
        bool escaped;
        int c = next_char(r, &escaped);
        if (c < 0 || (c == '#' && !escaped))
            return -EINVAL;
        if (c == '+' && !escaped)
            c = ' ';
        wr_u8(w, (uint8_t)c);
    }
    wr_u8(w, 0);
    return 0;
}

static int parse_argument(struct rd *r, struct wr *w, struct http_target *t)
{
    const char *name = (const char *)w->buf + w->pos;
    if (parse_word(r, w, "=&") < 0)
        return -EINVAL;
    const char *value = (const char *)w->buf + w->pos;
    if (rd_left(r) && r->buf[r->pos] == '=')
        rd_skip(r, 1);
    if (parse_word(r, w, "&") < 0)
        return -EINVAL;
    if (rd_left(r))
        rd_skip(r, 1);
    if (!name[0] && !value[0])
        return 0;
    if (t->count == HTTP_TARGET_ARGS_MAX)
        return -E2BIG;
    t->args[t->count++] = (struct http_arg){.name = name, .value = value};
    return 0;
}

/* Skips "http://authority" of an absolute-form target. */
static int skip_authority(struct rd *r)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (r->len <= n || strncasecmp((const char *)r->buf, schemes[i], n) != 0)
            continue;
        const uint8_t *slash = memchr(r->buf + n, '/', r->len - n);
        if (!slash)
            return -EINVAL;
        rd_seek(r, (size_t)(slash - r->buf));
        return 0;
    }
    return 0;
}

int http_target_parse(const char *raw, size_t len, struct http_target *ret)
{
    struct rd r = rd_init(raw, len);
    int err = skip_authority(&r);
    if (err < 0 || !rd_left(&r) || r.buf[r.pos] != '/')
        return -EINVAL;
    /* An argument writes its characters and two NULs, and reads at least one character. */
    size_t size = 3 * len + 4;
    _autofree_ char *memory = malloc(size);
    if (!memory)
        return -ENOMEM;
    struct wr w = wr_init(memory, size);
    struct http_target t = {.path = memory};
    err = parse_path(&r, &w);
    if (err < 0)
        return err;
    rd_skip(&r, rd_left(&r) ? 1 : 0);
    while (rd_left(&r)) {
        err = parse_argument(&r, &w, &t);
        if (err < 0)
            return err;
    }
    if (!rd_ok(&r) || !wr_ok(&w))
        return -EINVAL;
    t.memory = TAKE_PTR(memory);
    *ret = t;
    return 0;
}

void http_target_free(struct http_target *target)
{
    free(target->memory);
    *target = (struct http_target){0};
}

const char *http_target_arg(const struct http_target *target, const char *name)
{
    for (size_t i = 0; i < target->count; i++) {
        if (str_eq(target->args[i].name, name))
            return target->args[i].value;
    }
    return NULL;
}
