/* SPDX-License-Identifier: Apache-2.0 */
#include "node/accounts.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum { FIRST_ID = 1000, LAST_ID = 59999, MEMBERS_FIELD = 3 };

/* A line of a ':' file, borrowed from the text. */
struct line {
    const char *start;
    size_t len; /* without the newline */
};

static bool next_line(const char **rest, struct line *ret)
{
    if (!**rest)
        return false;
    ret->start = *rest;
    ret->len = strcspn(*rest, "\n");
    *rest += ret->len + ((*rest)[ret->len] == '\n');
    return true;
}

/* The field with that number; empty when the line has fewer. */
static struct line field_of(struct line line, int number)
{
    const char *s = line.start, *end = line.start + line.len;
    for (; number > 0; number--) {
        const char *colon = memchr(s, ':', (size_t)(end - s));
        if (!colon)
            return (struct line){end, 0};
        s = colon + 1;
    }
    const char *colon = memchr(s, ':', (size_t)(end - s));
    return (struct line){s, (size_t)((colon ? colon : end) - s)};
}

static bool is_text(struct line field, const char *text)
{
    return field.len == strlen(text) && memcmp(field.start, text, field.len) == 0;
}

static bool find_line(const char *text, const char *name, struct line *ret)
{
    while (next_line(&text, ret)) {
        if (is_text(field_of(*ret, 0), name))
            return true;
    }
    return false;
}

static bool field_number(struct line field, uint32_t *ret)
{
    char text[12];
    uint64_t value = 0;
    if (field.len >= sizeof(text))
        return false;
    memcpy(text, field.start, field.len);
    text[field.len] = '\0';
    if (str_parse_u64(text, 0, UINT32_MAX - 1, &value) < 0)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool field_copy(struct line field, char *dst, size_t size)
{
    if (field.len >= size)
        return false;
    memcpy(dst, field.start, field.len);
    dst[field.len] = '\0';
    return true;
}

int account_find(const char *passwd, const char *name, struct account *ret)
{
    struct line line;
    struct account found = {0};
    if (!find_line(passwd, name, &line))
        return -ENOENT;
    if (!field_copy(field_of(line, 0), found.name, sizeof(found.name)) ||
        !field_number(field_of(line, 2), &found.uid) ||
        !field_number(field_of(line, 3), &found.gid) ||
        !field_copy(field_of(line, 5), found.home, sizeof(found.home)))
        return -ENOENT;
    *ret = found;
    return 0;
}

int account_find_group(const char *group, const char *name, gid_t *ret)
{
    struct line line;
    if (!find_line(group, name, &line) || !field_number(field_of(line, 2), ret))
        return -ENOENT;
    return 0;
}

static bool has_id(const char *text, uint32_t id)
{
    struct line line;
    uint32_t number = 0;
    while (next_line(&text, &line)) {
        if (field_number(field_of(line, 2), &number) && number == id)
            return true;
    }
    return false;
}

uid_t account_free_id(const char *passwd, const char *group)
{
    uid_t id = FIRST_ID;
    while (id < LAST_ID && (has_id(passwd, id) || has_id(group, id)))
        id++;
    return id;
}

int account_owner(const char *passwd, const char *group, const char *owner, uid_t *ret_uid,
                  gid_t *ret_gid)
{
    char user[80];
    struct account account = {0};
    size_t n = strcspn(owner, ":");
    if (!field_copy((struct line){owner, n}, user, sizeof(user)))
        return -ENOENT;
    if (account_find(passwd, user, &account) < 0 &&
        !field_number((struct line){user, strlen(user)}, &account.uid))
        return -ENOENT;
    const char *name = owner[n] ? owner + n + 1 : NULL;
    if (name && account_find_group(group, name, &account.gid) < 0 &&
        !field_number((struct line){name, strlen(name)}, &account.gid))
        return -ENOENT;
    *ret_uid = account.uid;
    *ret_gid = account.gid;
    return 0;
}

static void add_line(struct buf *out, struct line line)
{
    buf_add(out, line.start, line.len);
    buf_addc(out, '\n');
}

void account_put_line(const char *text, const char *name, const char *replacement, struct buf *out)
{
    struct line line, new = {replacement, strlen(replacement)};
    bool done = false;
    while (next_line(&text, &line)) {
        bool matches = is_text(field_of(line, 0), name);
        if (!matches)
            add_line(out, line);
        else if (!done)
            add_line(out, new);
        done |= matches;
    }
    if (!done)
        add_line(out, new);
}

void account_set_password(const char *shadow, const char *name, const char *hash, unsigned day,
                          struct buf *out)
{
    struct line line;
    _autobuf_ struct buf new = BUF_INIT;
    if (find_line(shadow, name, &line)) {
        struct line old = field_of(line, 1);
        const char *rest = old.start + old.len;
        buf_printf(&new, "%s:%s", name, hash);
        buf_add(&new, rest, (size_t)(line.start + line.len - rest));
    } else {
        buf_printf(&new, "%s:%s:%u:0:99999:7:::", name, hash, day);
    }
    account_put_line(shadow, name, buf_str(&new), out);
}

/* "a,b" holds the name? */
static bool has_member(struct line members, const char *user)
{
    const char *s = members.start, *end = s + members.len;
    while (s < end) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        size_t len = (size_t)((comma ? comma : end) - s);
        if (is_text((struct line){s, len}, user))
            return true;
        s += len + 1;
    }
    return false;
}

int account_add_member(const char *text, const char *group, const char *user, struct buf *out)
{
    struct line line;
    if (!find_line(text, group, &line))
        return -ENOENT;
    struct line members = field_of(line, MEMBERS_FIELD);
    if (has_member(members, user)) {
        buf_adds(out, text);
        return 0;
    }
    _autobuf_ struct buf new = BUF_INIT;
    buf_add(&new, line.start, line.len);
    buf_printf(&new, "%s%s", members.len ? "," : "", user);
    account_put_line(text, group, buf_str(&new), out);
    return 0;
}
