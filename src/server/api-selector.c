/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-selector.h"

#include <ctype.h>

#include "base/str.h"

#define SELECTOR_TEXT_MAX 8192
#define REQUIREMENTS_MAX 64
#define VALUES_MAX 64

enum operator{ OP_EXISTS, OP_ABSENT, OP_IN, OP_NOT_IN };

/* Keys and values point into the selector's own copy of the text, cut up by NULs. */
struct requirement {
    const char *key;
    enum operator op;
    const char **values;
    size_t value_count;
};

struct api_selector {
    char *text;
    struct requirement requirements[REQUIREMENTS_MAX];
    size_t count;
};

void api_selector_free(struct api_selector *selector)
{
    if (!selector)
        return;
    for (size_t i = 0; i < selector->count; i++)
        free(selector->requirements[i].values);
    free(selector->text);
    free(selector);
}

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    return s;
}

/* Letters, digits and "-_./": what keys and values are made of. */
static bool is_word(const char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("-_./", *s))
            return false;
    return true;
}

static int add_value(struct requirement *r, char *value, struct err *err)
{
    value = trim(value);
    if (r->value_count == VALUES_MAX)
        return err_set(err, -EINVAL, "more than %d values", VALUES_MAX);
    const char **grown = reallocarray(r->values, r->value_count + 1, sizeof(*grown));
    if (!grown)
        return err_errno(err, -ENOMEM, "selector");
    r->values = grown;
    r->values[r->value_count++] = value;
    return 0;
}

/* "(x, y)" into values. */
static int parse_set(struct requirement *r, char *text, struct err *err)
{
    text = trim(text);
    size_t n = strlen(text);
    if (n < 2 || text[0] != '(' || text[n - 1] != ')')
        return err_set(err, -EINVAL, "expected (VALUE,...) behind \"%s in\"", r->key);
    text[n - 1] = '\0';
    text++;
    for (char *value; (value = strsep(&text, ","));) {
        int e = add_value(r, value, err);
        if (e < 0)
            return e;
    }
    return 0;
}

/* The first "=", "==" or "!=" of the text: cuts it, returns the text behind. */
static char *split_equality(char *text, enum operator* ret_op)
{
    char *p = strchr(text, '=');
    if (!p)
        return NULL;
    *ret_op = OP_IN;
    if (p > text && p[-1] == '!') {
        p[-1] = '\0';
        *ret_op = OP_NOT_IN;
    }
    *p++ = '\0';
    return *p == '=' ? p + 1 : p;
}

/* "KEY in (...)" or "KEY notin (...)": cuts behind the key, returns the text at "(". */
static char *split_set(char *text, enum operator* ret_op)
{
    char *key_end = text + strcspn(text, " \t");
    if (!*key_end)
        return NULL;
    char *word = trim(key_end);
    const char *behind = str_after(word, "notin");
    *ret_op = behind ? OP_NOT_IN : OP_IN;
    if (!behind)
        behind = str_after(word, "in");
    if (!behind || !strchr(" \t(", *behind))
        return NULL;
    *key_end = '\0';
    return word + (behind - word);
}

static int check_key(const struct requirement *r, struct err *err)
{
    if (!*r->key || !is_word(r->key))
        return err_set(err, -EINVAL, "not a key: \"%.80s\"", r->key);
    return 0;
}

static int parse_label(struct requirement *r, char *text, struct err *err)
{
    char *rest = strchr(text, '(') ? split_set(text, &r->op) : NULL;
    bool is_set = rest != NULL;
    if (!rest)
        rest = split_equality(text, &r->op);
    r->key = trim(text);
    if (!rest) {
        r->op = r->key[0] == '!' ? OP_ABSENT : OP_EXISTS;
        if (r->op == OP_ABSENT)
            r->key = trim(text + (r->key - text) + 1);
    }
    int e = check_key(r, err);
    if (e < 0 || !rest)
        return e;
    e = is_set ? parse_set(r, rest, err) : add_value(r, rest, err);
    for (size_t i = 0; e == 0 && i < r->value_count; i++)
        if (!is_word(r->values[i]))
            e = err_set(err, -EINVAL, "not a label value: \"%.80s\"", r->values[i]);
    return e;
}

static int parse_field(struct requirement *r, char *text, struct err *err)
{
    char *rest = split_equality(text, &r->op);
    r->key = trim(text);
    if (!rest)
        return err_set(err, -EINVAL, "expected FIELD=VALUE or FIELD!=VALUE, found \"%.80s\"",
                       r->key);
    int e = check_key(r, err);
    return e < 0 ? e : add_value(r, rest, err);
}

/* Cuts the next requirement off at a comma that is outside of parentheses. */
static char *next_requirement(char **rest)
{
    char *start = *rest;
    bool inside = false;
    for (char *p = start; *p; p++) {
        if (*p == '(' || *p == ')')
            inside = *p == '(';
        if (*p != ',' || inside)
            continue;
        *p = '\0';
        *rest = p + 1;
        return start;
    }
    *rest = NULL;
    return start;
}

typedef int requirement_parser(struct requirement *r, char *text, struct err *err);

static int parse_all(struct api_selector *s, requirement_parser *parse, struct err *err)
{
    for (char *rest = s->text; rest;) {
        char *text = next_requirement(&rest);
        if (s->count == REQUIREMENTS_MAX)
            return err_set(err, -EINVAL, "more than %d requirements", REQUIREMENTS_MAX);
        int r = parse(&s->requirements[s->count++], text, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_selector(const char *text, requirement_parser *parse, struct api_selector **ret,
                          struct err *err)
{
    if (strlen(text) > SELECTOR_TEXT_MAX)
        return err_set(err, -EINVAL, "selector longer than %d characters", SELECTOR_TEXT_MAX);
    _cleanup_(api_selector_freep) struct api_selector *s = calloc(1, sizeof(*s));
    if (!s || !(s->text = strdup(text)))
        return err_errno(err, -ENOMEM, "selector");
    int r = *trim(s->text) ? parse_all(s, parse, err) : 0;
    if (r < 0)
        return r;
    *ret = TAKE_PTR(s);
    return 0;
}

int api_label_selector_parse(const char *text, struct api_selector **ret, struct err *err)
{
    return parse_selector(text, parse_label, ret, err);
}

int api_field_selector_parse(const char *text, struct api_selector **ret, struct err *err)
{
    return parse_selector(text, parse_field, ret, err);
}

/* ---- matching ---- */

static bool one_of(const struct requirement *r, const char *value)
{
    for (size_t i = 0; i < r->value_count; i++)
        if (str_eq(r->values[i], value))
            return true;
    return false;
}

/* value is NULL when there is none: "!=" and "notin" match then, as in Kubernetes. */
static bool requirement_matches(const struct requirement *r, const char *value)
{
    switch (r->op) {
    case OP_EXISTS:
        return value != NULL;
    case OP_ABSENT:
        return value == NULL;
    case OP_IN:
        return value && one_of(r, value);
    case OP_NOT_IN:
        return !value || !one_of(r, value);
    }
    return false;
}

bool api_labels_match(const struct api_selector *selector, const json_t *object)
{
    const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        if (!requirement_matches(r, json_string_value(json_object_get(labels, r->key))))
            return false;
    }
    return true;
}

/* The value at a dotted path as text in `number` or borrowed; "" when there is no scalar there. */
static const char *field_text(const json_t *object, const char *path, char number[static 32])
{
    const json_t *at = object;
    char name[128];
    while (at && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof(name))
            return "";
        memcpy(name, path, n);
        name[n] = '\0';
        at = json_object_get(at, name);
        path += path[n] ? n + 1 : n;
    }
    if (json_is_string(at))
        return json_string_value(at);
    if (json_is_boolean(at))
        return json_is_true(at) ? "true" : "false";
    if (!json_is_integer(at))
        return "";
    (void)snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(at));
    return number;
}

bool api_fields_match(const struct api_selector *selector, const json_t *object)
{
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        char number[32];
        if (!requirement_matches(r, field_text(object, r->key, number)))
            return false;
    }
    return true;
}

const char *api_selector_key(const struct api_selector *selector, size_t i)
{
    return selector && i < selector->count ? selector->requirements[i].key : NULL;
}

const char *api_selector_exact(const struct api_selector *selector, const char *key)
{
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        if (r->op == OP_IN && r->value_count == 1 && str_eq(r->key, key))
            return r->values[0];
    }
    return NULL;
}
