/* SPDX-License-Identifier: Apache-2.0 */
#include "http/select.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/rd.h"
#include "base/str.h"

static void skip_blanks(struct rd *r)
{
    while (rd_left(r) && (r->buf[r->pos] == ' ' || r->buf[r->pos] == '\t'))
        rd_skip(r, 1);
}

/* Digits into *ret; false when there are none or the number does not fit. */
static bool take_number(struct rd *r, uint64_t *ret)
{
    uint64_t value = 0;
    size_t start = r->pos;
    while (rd_left(r) && r->buf[r->pos] >= '0' && r->buf[r->pos] <= '9') {
        uint64_t digit = rd_u8(r) - (uint64_t)'0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret = value;
    return r->pos > start;
}

struct range_spec {
    bool has_first, has_last;
    uint64_t first, last; /* no first: last is the suffix length */
};

/* "bytes=first-last", "bytes=first-" or "bytes=-suffix"; false for all else, lists included. */
static bool parse_range(const char *text, struct range_spec *ret)
{
    static const char unit[] = "bytes=";
    struct range_spec s = {0};
    if (strncasecmp(text, unit, sizeof(unit) - 1) != 0)
        return false;
    struct rd r = rd_init(text, strlen(text));
    rd_seek(&r, sizeof(unit) - 1);
    skip_blanks(&r);
    s.has_first = take_number(&r, &s.first);
    if (!rd_left(&r) || rd_u8(&r) != '-')
        return false;
    size_t before = r.pos;
    s.has_last = take_number(&r, &s.last);
    if (!s.has_last && r.pos != before)
        return false; /* digits, but too many */
    skip_blanks(&r);
    if (!rd_done(&r) || (!s.has_first && !s.has_last))
        return false;
    if (s.has_first && s.has_last && s.last < s.first)
        return false;
    *ret = s;
    return true;
}

static struct http_selection apply_range(const struct range_spec *s, uint64_t size)
{
    static const struct http_selection unsatisfiable = {.status = 416};
    if (!s->has_first) {
        uint64_t n = s->last < size ? s->last : size;
        if (n == 0)
            return unsatisfiable;
        return (struct http_selection){.status = 206, .offset = size - n, .length = n};
    }
    if (s->first >= size)
        return unsatisfiable;
    uint64_t last = s->has_last && s->last < size ? s->last : size - 1;
    return (struct http_selection){
        .status = 206, .offset = s->first, .length = last - s->first + 1};
}

/* Whether a list of entity tags names etag. Weak tags match only where weak comparison is allowed.
 */
static bool etag_listed(const char *list, const char *etag, bool weak_allowed)
{
    struct rd r = rd_init(list, strlen(list));
    size_t want = strlen(etag);
    skip_blanks(&r);
    if (rd_left(&r) == 1 && r.buf[r.pos] == '*')
        return true;
    while (rd_left(&r)) {
        bool weak = rd_left(&r) > 2 && memcmp(r.buf + r.pos, "W/", 2) == 0;
        rd_skip(&r, weak ? 2 : 0);
        const uint8_t *tag = r.buf + r.pos;
        size_t start = r.pos;
        if (rd_u8(&r) != '"')
            return false;
        while (rd_left(&r) && r.buf[r.pos] != '"')
            rd_skip(&r, 1);
        rd_skip(&r, 1);
        if (!rd_ok(&r))
            return false;
        if ((!weak || weak_allowed) && r.pos - start == want && memcmp(tag, etag, want) == 0)
            return true;
        while (rd_left(&r) && strchr(", \t", r.buf[r.pos]))
            rd_skip(&r, 1);
    }
    return false;
}

/* 0 when the preconditions let the request through, else the status. RFC 9110 section 13.2.2. */
static unsigned check_preconditions(const struct http_conditions *c,
                                    const struct http_representation *f)
{
    if (c->if_match && !etag_listed(c->if_match, f->etag, false))
        return 412;
    if (!c->if_match && c->if_unmodified_since && !str_eq(c->if_unmodified_since, f->last_modified))
        return 412;
    if (c->if_none_match)
        return etag_listed(c->if_none_match, f->etag, true) ? 304 : 0;
    if (c->if_modified_since && str_eq(c->if_modified_since, f->last_modified))
        return 304;
    return 0;
}

struct http_selection http_select(const struct http_conditions *conditions,
                                  const struct http_representation *file)
{
    struct range_spec spec;
    unsigned status = check_preconditions(conditions, file);
    if (status)
        return (struct http_selection){.status = status};
    const char *if_range = conditions->if_range;
    bool current =
        !if_range || str_eq(if_range, file->etag) || str_eq(if_range, file->last_modified);
    if (conditions->range && current && parse_range(conditions->range, &spec))
        return apply_range(&spec, file->size);
    return (struct http_selection){.status = 200, .length = file->size};
}

const char *http_date_text(int64_t seconds, char dst[static HTTP_DATE_SIZE])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 > 9999)
        tm = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    (void)snprintf(dst, HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    return dst;
}
