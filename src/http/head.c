/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <string.h>
#include <strings.h>

#include "base/rd.h"
#include "base/wr.h"

/* RFC 9110 section 5.6.2 */
static bool is_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_visible(uint8_t c)
{
    return c > 0x20 && c != 0x7f;
}

static uint8_t peek(const struct rd *r)
{
    return rd_left(r) ? r->buf[r->pos] : 0;
}

/* Copies while accept() holds, adds a NUL. The text, or NULL when it is empty. */
static const char *take_while(struct rd *r, struct wr *w, bool (*accept)(uint8_t c))
{
    const char *start = (const char *)w->buf + w->pos;
    size_t before = w->pos;
    while (rd_left(r) && accept(peek(r)))
        wr_u8(w, rd_u8(r));
    bool empty = w->pos == before;
    wr_u8(w, 0);
    return empty ? NULL : start;
}

static bool take_text(struct rd *r, const char *text)
{
    size_t n = strlen(text);
    const uint8_t *p = rd_take(r, n);
    return p && memcmp(p, text, n) == 0;
}

static int take_version(struct rd *r, unsigned *ret_minor)
{
    if (!take_text(r, "HTTP/1."))
        return -EBADMSG;
    unsigned minor = (unsigned)rd_u8(r) - '0';
    if (minor > 1)
        return -EBADMSG;
    *ret_minor = minor;
    return 0;
}

static bool is_value_char(uint8_t c)
{
    return is_visible(c) || is_blank(c);
}

static int take_field(struct rd *r, struct wr *w, struct http_head *head)
{
    const char *name = take_while(r, w, is_token_char);
    if (!name || rd_u8(r) != ':')
        return -EBADMSG;
    while (is_blank(peek(r)))
        rd_skip(r, 1);
    const char *value = (const char *)w->buf + w->pos;
    size_t start = w->pos;
    (void)take_while(r, w, is_value_char);
    if (!wr_ok(w) || !take_text(r, "\r\n"))
        return -EBADMSG;
    for (size_t end = w->pos - 1; end > start && is_blank(w->buf[end - 1]); end--)
        w->buf[end - 1] = 0;
    if (head->count == HTTP_FIELDS_MAX)
        return -EMSGSIZE;
    head->fields[head->count++] = (struct http_field){.name = name, .value = value};
    return 0;
}

static int take_fields(struct rd *r, struct wr *w, struct http_head *head)
{
    while (peek(r) != '\r') {
        int err = take_field(r, w, head);
        if (err < 0)
            return err;
    }
    return take_text(r, "\r\n") && rd_done(r) && wr_ok(w) ? 0 : -EBADMSG;
}

static int take_request_line(struct rd *r, struct wr *w, struct http_head *head)
{
    head->method = take_while(r, w, is_token_char);
    if (!head->method || rd_u8(r) != ' ')
        return -EBADMSG;
    head->target = take_while(r, w, is_visible);
    if (!head->target || rd_u8(r) != ' ' || take_version(r, &head->minor) < 0)
        return -EBADMSG;
    return take_text(r, "\r\n") ? 0 : -EBADMSG;
}

/* "HTTP/1.1 200 OK"; the reason, even its blank, may be missing. */
static int take_status_line(struct rd *r, struct wr *w, struct http_head *head)
{
    if (take_version(r, &head->minor) < 0 || rd_u8(r) != ' ')
        return -EBADMSG;
    for (int i = 0; i < 3; i++) {
        unsigned digit = (unsigned)rd_u8(r) - '0';
        if (digit > 9)
            return -EBADMSG;
        head->status = head->status * 10 + digit;
    }
    if (head->status < 100 || head->status > 599)
        return -EBADMSG;
    if (peek(r) != '\r' && !is_blank(peek(r)))
        return -EBADMSG;
    (void)take_while(r, w, is_value_char);
    return take_text(r, "\r\n") ? 0 : -EBADMSG;
}

/* A reader over exactly the head at the start of data. */
static int find_end(const void *data, size_t len, struct rd *ret)
{
    size_t most = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
    const uint8_t *end = data && most ? memmem(data, most, "\r\n\r\n", 4) : NULL;
    if (!end)
        return len >= HTTP_HEAD_MAX ? -EMSGSIZE : -EAGAIN;
    *ret = rd_init(data, (size_t)(end - (const uint8_t *)data) + 4);
    return 0;
}

typedef int (*first_line)(struct rd *r, struct wr *w, struct http_head *head);

static int parse(const void *data, size_t len, first_line take_first, struct http_head *ret)
{
    struct rd r;
    int err = find_end(data, len, &r);
    if (err < 0)
        return err;
    ret->method = ret->target = NULL;
    ret->status = ret->minor = 0;
    ret->count = 0;
    ret->size = r.len;
    struct wr w = wr_init(ret->text, sizeof(ret->text));
    err = take_first(&r, &w, ret);
    if (err < 0)
        return err;
    return take_fields(&r, &w, ret);
}

int http_head_parse_request(const void *data, size_t len, struct http_head *ret)
{
    return parse(data, len, take_request_line, ret);
}

int http_head_parse_response(const void *data, size_t len, struct http_head *ret)
{
    return parse(data, len, take_status_line, ret);
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    }
    return NULL;
}

unsigned http_head_count(const struct http_head *head, const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < head->count; i++)
        n += strcasecmp(head->fields[i].name, name) == 0;
    return n;
}

bool http_value_has(const char *value, const char *token)
{
    size_t n = strlen(token);
    while (value && *value) {
        value += strspn(value, " \t,");
        size_t len = strcspn(value, ",");
        size_t word = len;
        while (word > 0 && is_blank((uint8_t)value[word - 1]))
            word--;
        if (word == n && strncasecmp(value, token, n) == 0)
            return true;
        value += len;
    }
    return false;
}
