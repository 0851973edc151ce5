/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/target.h"

#include <ctype.h>

#include "base/str.h"

#define TARGETS_MAX 100000

void targets_clear(struct targets *targets)
{
    free(targets->items);
    free(targets->text);
    *targets = (struct targets){0};
}

static int unknown_kind(const char *name, struct err *err)
{
    _autobuf_ struct buf known = BUF_INIT;
    for (const struct kind *const *k = kinds; *k; k++)
        buf_printf(&known, "%s%s", k == kinds ? "" : ", ", (*k)->plural);
    return err_set(err, -EINVAL, "unknown kind \"%s\": expected one of %s", name, buf_str(&known));
}

static int add(struct targets *t, const struct kind *kind, const char *name, struct err *err)
{
    if (t->count == TARGETS_MAX)
        return err_set(err, -E2BIG, "more than %d objects", TARGETS_MAX);
    struct target *grown = reallocarray(t->items, t->count + 1, sizeof(*grown));
    if (!grown)
        return err_errno(err, -ENOMEM, "targets");
    t->items = grown;
    t->items[t->count++] = (struct target){kind, name};
    return 0;
}

/* "KIND/NAME" */
static int add_pair(struct targets *t, char *word, struct err *err)
{
    char *slash = strchr(word, '/');
    if (!slash || !slash[1])
        return err_set(err, -EINVAL, "expected KIND/NAME, found \"%s\"", word);
    *slash = '\0';
    const struct kind *kind = kind_find_typed(word);
    return kind ? add(t, kind, slash + 1, err) : unknown_kind(word, err);
}

static int add_all_kinds(struct targets *t, struct err *err)
{
    int r = 0;
    for (const struct kind *const *k = kinds; *k && r == 0; k++)
        if (*(*k)->group)
            r = add(t, *k, NULL, err);
    return r;
}

/* One kind with each of the names, or as a whole when there are none. */
static int add_kind(struct targets *t, const char *word, char *const *names, struct err *err)
{
    if (str_eq(word, "all") && !names[0])
        return add_all_kinds(t, err);
    const struct kind *kind = kind_find_typed(word);
    if (!kind)
        return unknown_kind(word, err);
    int r = names[0] ? 0 : add(t, kind, NULL, err);
    for (size_t i = 0; names[i] && r == 0; i++)
        r = add(t, kind, names[i], err);
    return r;
}

static int read_words(struct targets *t, char *const *words, struct err *err)
{
    int r = 0;
    if (strchr(words[0], '/')) {
        for (size_t i = 0; words[i] && r == 0; i++)
            r = add_pair(t, words[i], err);
        return r;
    }
    char *rest = words[0];
    for (char *word; r == 0 && (word = strsep(&rest, ","));)
        r = add_kind(t, word, words + 1, err);
    return r;
}

/* All words in one piece of memory, so that they may be cut; words gets a NULL at its end. */
static char *copy_words(const char *const *operands, char **words)
{
    size_t size = 1, at = 0;
    for (size_t i = 0; operands[i]; i++)
        size += strlen(operands[i]) + 1;
    char *text = malloc(size);
    for (size_t i = 0; text && operands[i]; i++) {
        size_t n = strlen(operands[i]) + 1;
        words[i] = memcpy(text + at, operands[i], n);
        at += n;
    }
    return text;
}

int targets_parse(const char *const *operands, struct targets *ret, struct err *err)
{
    size_t count = 0;
    while (operands[count])
        count++;
    if (count == 0)
        return err_set(err, -EINVAL, "expected KIND or KIND/NAME");
    _autofree_ char **words = calloc(count + 1, sizeof(*words));
    struct targets t = {.text = words ? copy_words(operands, words) : NULL};
    int r = t.text ? read_words(&t, words, err) : err_errno(err, -ENOMEM, "targets");
    if (r < 0)
        targets_clear(&t);
    else
        *ret = t;
    return r;
}

/* RFC 3986 section 2.3: all but the unreserved characters are escaped. */
static void add_escaped(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (isalnum(c) || strchr("-._~", c))
            buf_addc(out, *p);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void query_add(struct buf *query, const char *name, const char *value)
{
    buf_printf(query, "%c%s=", query->len ? '&' : '?', name);
    add_escaped(query, value);
}

char *target_path(const struct target *target, const char *query)
{
    const struct kind *kind = target->kind;
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s%s/%s/", *kind->group ? "/apis/" : "/api", kind->group, kind->version);
    if (kind->namespaced && target->name)
        buf_adds(&path, "namespaces/default/");
    buf_adds(&path, kind->plural);
    if (target->name) {
        buf_addc(&path, '/');
        add_escaped(&path, target->name);
    }
    buf_adds(&path, query ? query : "");
    return buf_steal(&path);
}

char *target_display(const struct kind *kind, const char *name)
{
    return str_format("%s%s%s/%s", kind->singular, *kind->group ? "." : "", kind->group, name);
}
