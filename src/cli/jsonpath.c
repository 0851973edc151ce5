/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/jsonpath.h"

#include <ctype.h>

#include "base/str.h"

#define NAME_SIZE 256

/* One expression under evaluation: what is left of its text, and where values go. */
struct expression {
    struct buf *out;
    bool any; /* a value was written */
    struct err *err;
};

static int malformed(const struct expression *e, const char *at)
{
    return err_set(e->err, -EINVAL, "JSONPath: cannot read \"%.60s\"", at);
}

static void write_value(struct expression *e, const json_t *value)
{
    if (e->any)
        buf_addc(e->out, ' ');
    e->any = true;
    if (json_is_string(value)) {
        buf_adds(e->out, json_string_value(value));
        return;
    }
    _autofree_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    buf_adds(e->out, text ? text : "");
}

static int evaluate(struct expression *e, const char *path, const json_t *value);

/* "[*]" or ".*": goes on with every item or member. */
static int evaluate_each(struct expression *e, const char *rest, const json_t *value)
{
    int r = 0;
    size_t i;
    const json_t *item;
    json_array_foreach (value, i, item) {
        if (r == 0)
            r = evaluate(e, rest, item);
    }
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        if (r == 0)
            r = evaluate(e, rest, member);
    }
    return r;
}

/* Reads a member's name: letters, digits, '-', '_', '/', with "\." for a dot in it. */
static const char *read_name(const char *path, char name[static NAME_SIZE])
{
    size_t n = 0;
    for (; *path && n + 1 < NAME_SIZE; path++) {
        if (*path == '\\' && path[1])
            path++;
        else if (!isalnum((unsigned char)*path) && !strchr("-_/", *path))
            break;
        name[n++] = *path;
    }
    name[n] = '\0';
    return path;
}

static const json_t *item_at(const json_t *list, long index)
{
    long size = (long)json_array_size(list);
    long at = index < 0 ? size + index : index;
    return at >= 0 && at < size ? json_array_get(list, (size_t)at) : NULL;
}

/* "[0]", "[-1]", "[*]", "['name']" */
static int evaluate_bracket(struct expression *e, const char *path, const json_t *value)
{
    char name[NAME_SIZE];
    const char *close = strchr(path, ']');
    if (!close)
        return malformed(e, path);
    if (path[1] == '*' && close == path + 2)
        return evaluate_each(e, close + 1, value);
    if (path[1] == '\'') {
        const char *quote = strchr(path + 2, '\'');
        size_t n = quote ? (size_t)(quote - path - 2) : 0;
        if (!quote || quote[1] != ']' || n >= sizeof(name))
            return malformed(e, path);
        memcpy(name, path + 2, n);
        name[n] = '\0';
        return evaluate(e, quote + 2, json_object_get(value, name));
    }
    char *end;
    long index = strtol(path + 1, &end, 10);
    if (end == path + 1 || end != close)
        return malformed(e, path);
    return evaluate(e, close + 1, item_at(value, index));
}

/* Goes on with value (NULL: not there) by what is left of the path. */
static int evaluate(struct expression *e, const char *path, const json_t *value)
{
    char name[NAME_SIZE];
    if (!*path) {
        if (value)
            write_value(e, value);
        return 0;
    }
    if (*path == '[')
        return evaluate_bracket(e, path, value);
    if (*path != '.')
        return malformed(e, path);
    if (path[1] == '*')
        return evaluate_each(e, path + 2, value);
    const char *rest = read_name(path + 1, name);
    if (!*name)
        return *rest ? malformed(e, path) : evaluate(e, rest, value);
    return evaluate(e, rest, json_object_get(value, name));
}

/* {"\n"}: a text with escapes. */
static void write_quoted(const char *text, struct buf *out)
{
    for (const char *p = text + 1; *p && *p != '"'; p++) {
        if (*p != '\\' || !p[1]) {
            buf_addc(out, *p);
            continue;
        }
        p++;
        buf_addc(out, *p == 'n' ? '\n' : *p == 't' ? '\t' : *p);
    }
}

static int write_expression(const char *text, const json_t *value, struct buf *out, struct err *err)
{
    if (*text == '"') {
        write_quoted(text, out);
        return 0;
    }
    struct expression e = {.out = out, .err = err};
    const char *path = *text == '$' || *text == '@' ? text + 1 : text;
    return evaluate(&e, path, value);
}

int jsonpath_write(const char *template, const json_t *value, struct buf *out, struct err *err)
{
    const char *p = template;
    while (*p) {
        size_t plain = strcspn(p, "{");
        buf_add(out, p, plain);
        p += plain;
        if (!*p)
            break;
        const char *close = strchr(p, '}');
        if (!close)
            return err_set(err, -EINVAL, "JSONPath: \"{\" without \"}\"");
        _autofree_ char *text = strndup(p + 1, (size_t)(close - p - 1));
        int r = text ? write_expression(text, value, out, err) : -ENOMEM;
        if (r < 0)
            return r;
        p = close + 1;
    }
    return buf_error(out);
}
