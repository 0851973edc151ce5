/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-patch.h"

#include "base/str.h"

/* ---- bounds ---- */

static bool bounded(const json_t *value, size_t depth, size_t *left)
{
    if (*left == 0)
        return false;
    (*left)--;
    if (!json_is_object(value) && !json_is_array(value))
        return true;
    if (depth == 0)
        return false;
    const json_t *child;
    size_t i;
    json_array_foreach (value, i, child) {
        if (!bounded(child, depth - 1, left))
            return false;
    }
    for (void *it = json_object_iter((json_t *)(uintptr_t)value); it;
         it = json_object_iter_next((json_t *)(uintptr_t)value, it))
        if (!bounded(json_object_iter_value(it), depth - 1, left))
            return false;
    return true;
}

bool api_json_bounded(const json_t *value, size_t depth, size_t values)
{
    return bounded(value, depth, &values);
}

/* ---- RFC 7386 ---- */

static json_t *merged(json_t *target, json_t *patch);

/* Sets one member of target as the patch's member says. 0 or -1. */
static int merge_member(json_t *target, const char *key, json_t *patch)
{
    if (json_is_null(patch)) {
        (void)json_object_del(target, key);
        return 0;
    }
    json_auto_t *value = merged(json_object_get(target, key), patch);
    return value ? json_object_set(target, key, value) : -1;
}

/* A new reference: target itself, changed in place, or a new value. NULL when out of memory. */
static json_t *merged(json_t *target, json_t *patch)
{
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_auto_t *result = json_is_object(target) ? json_incref(target) : json_object();
    const char *key;
    json_t *value;
    json_object_foreach (patch, key, value) {
        if (!result || merge_member(result, key, value) < 0)
            return NULL;
    }
    return json_incref(result);
}

int api_merge_patch(const json_t *document, const json_t *patch, json_t **ret)
{
    json_auto_t *copy = json_deep_copy(document);
    json_auto_t *result = copy ? merged(copy, (json_t *)(uintptr_t)patch) : NULL;
    if (!result)
        return -ENOMEM;
    *ret = json_incref(result);
    return 0;
}

/* ---- RFC 6901: pointers ---- */

#define TOKEN_MAX 256

/* Reads "/token" at *pointer and moves behind it. 1, 0 at the end, or -EINVAL. */
static int next_token(const char **pointer, char token[static TOKEN_MAX])
{
    const char *p = *pointer;
    if (!*p)
        return 0;
    if (*p++ != '/')
        return -EINVAL;
    size_t n = 0;
    for (; *p && *p != '/'; p++) {
        char c = *p;
        if (c == '~') {
            p++;
            if (*p != '0' && *p != '1')
                return -EINVAL;
            c = *p == '0' ? '~' : '/';
        }
        if (n + 1 >= TOKEN_MAX)
            return -EINVAL;
        token[n++] = c;
    }
    token[n] = '\0';
    *pointer = p;
    return 1;
}

/* An array index without leading zeros, at most max. */
static bool parse_index(const char *token, size_t max, size_t *ret)
{
    uint64_t n = 0;
    if ((token[0] == '0' && token[1]) || str_parse_u64(token, 0, max, &n) < 0)
        return false;
    *ret = (size_t)n;
    return true;
}

static json_t *child_of(const json_t *value, const char *token)
{
    size_t index = 0;
    if (json_is_object(value))
        return json_object_get(value, token);
    if (json_is_array(value) && parse_index(token, json_array_size(value), &index))
        return json_array_get(value, index);
    return NULL;
}

/* The place that a pointer names: a container and the last token. */
struct place {
    json_t *parent; /* borrowed; NULL: the whole document */
    char token[TOKEN_MAX];
    size_t depth;
};

static int find_place(json_t *document, const char *pointer, struct place *ret, struct err *err)
{
    const char *rest = pointer;
    *ret = (struct place){0};
    json_t *at = document;
    for (;;) {
        char token[TOKEN_MAX];
        int r = next_token(&rest, token);
        if (r < 0)
            return err_set(err, -EINVAL, "malformed path \"%.200s\"", pointer);
        if (r == 0)
            return 0;
        if (ret->parent)
            at = child_of(ret->parent, ret->token);
        if (!json_is_object(at) && !json_is_array(at))
            return err_set(err, -EBADMSG, "path \"%.200s\" is not there", pointer);
        ret->parent = at;
        ret->depth++;
        memcpy(ret->token, token, sizeof(token));
    }
}

/* ---- RFC 6902: operations ---- */

struct patching {
    json_t *document; /* owned */
    size_t values_left;
    struct err *err;
};

static int not_there(struct patching *p, const char *pointer)
{
    return err_set(p->err, -EBADMSG, "path \"%.200s\" is not there", pointer);
}

/* A private copy of a value, within the bounds when it is put `depth` deep. */
static int copy_value(struct patching *p, const json_t *value, size_t depth, json_t **ret)
{
    if (depth > API_JSON_DEPTH_MAX || !bounded(value, API_JSON_DEPTH_MAX - depth, &p->values_left))
        return err_set(p->err, -E2BIG, "the patch makes the object too large or too deep");
    json_t *copy = json_deep_copy(value);
    if (!copy)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

static int replace_document(struct patching *p, json_t *value)
{
    json_decref(p->document);
    p->document = json_incref(value);
    return 0;
}

static int put_in_array(struct patching *p, const struct place *place, const char *pointer,
                        json_t *value, bool replace)
{
    size_t size = json_array_size(place->parent), index = size;
    bool last = str_eq(place->token, "-") && !replace;
    if (!last && !parse_index(place->token, size, &index))
        return not_there(p, pointer);
    if (replace && index >= size)
        return not_there(p, pointer);
    int r = replace ? json_array_set(place->parent, index, value)
                    : json_array_insert(place->parent, index, value);
    return r < 0 ? -ENOMEM : 0;
}

/* "add" and "replace". */
static int put(struct patching *p, const char *pointer, const json_t *value, bool replace)
{
    struct place place;
    int r = find_place(p->document, pointer, &place, p->err);
    if (r < 0)
        return r;
    json_t *copied = NULL;
    r = copy_value(p, value, place.depth, &copied);
    if (r < 0)
        return r;
    json_auto_t *copy = copied;
    if (!place.parent)
        return replace_document(p, copy);
    if (json_is_array(place.parent))
        return put_in_array(p, &place, pointer, copy, replace);
    if (replace && !json_object_get(place.parent, place.token))
        return not_there(p, pointer);
    return json_object_set(place.parent, place.token, copy) < 0 ? -ENOMEM : 0;
}

static int take_out(struct patching *p, const char *pointer)
{
    struct place place;
    int r = find_place(p->document, pointer, &place, p->err);
    if (r < 0)
        return r;
    size_t index = 0;
    if (!place.parent)
        return err_set(p->err, -EBADMSG, "the whole object cannot be removed");
    if (json_is_object(place.parent))
        return json_object_del(place.parent, place.token) < 0 ? not_there(p, pointer) : 0;
    if (!parse_index(place.token, json_array_size(place.parent), &index))
        return not_there(p, pointer);
    return json_array_remove(place.parent, index) < 0 ? not_there(p, pointer) : 0;
}

static int look_up(struct patching *p, const char *pointer, json_t **ret)
{
    struct place place;
    int r = find_place(p->document, pointer, &place, p->err);
    if (r < 0)
        return r;
    *ret = place.parent ? child_of(place.parent, place.token) : p->document;
    return *ret ? 0 : not_there(p, pointer);
}

/* "move" and "copy". */
static int transfer(struct patching *p, const char *from, const char *to, bool move)
{
    json_t *found = NULL;
    int r = look_up(p, from, &found);
    if (r < 0)
        return r;
    json_auto_t *value = json_incref(found);
    if (!move)
        return put(p, to, value, false);
    const char *below = str_after(to, from);
    if (below && *below == '/')
        return err_set(p->err, -EBADMSG, "\"%.200s\" cannot be moved into itself", from);
    if (below && !*below)
        return 0;
    r = take_out(p, from);
    return r < 0 ? r : put(p, to, value, false);
}

static int test_value(struct patching *p, const char *pointer, const json_t *expected)
{
    json_t *found = NULL;
    int r = look_up(p, pointer, &found);
    if (r < 0)
        return r;
    if (!json_equal(found, expected))
        return err_set(p->err, -EBADMSG, "test of \"%.200s\" failed: the value differs", pointer);
    return 0;
}

static int apply_operation(struct patching *p, const json_t *operation)
{
    const char *op = json_string_value(json_object_get(operation, "op"));
    const char *path = json_string_value(json_object_get(operation, "path"));
    const char *from = json_string_value(json_object_get(operation, "from"));
    const json_t *value = json_object_get(operation, "value");
    if (!op || !path)
        return err_set(p->err, -EINVAL, "expected an object with the texts \"op\" and \"path\"");
    bool transfers = str_eq(op, "move") || str_eq(op, "copy");
    bool stores = str_eq(op, "add") || str_eq(op, "replace") || str_eq(op, "test");
    if (transfers && !from)
        return err_set(p->err, -EINVAL, "operation \"%s\" needs the text \"from\"", op);
    if (stores && !value)
        return err_set(p->err, -EINVAL, "operation \"%s\" needs \"value\"", op);
    if (transfers)
        return transfer(p, from, path, str_eq(op, "move"));
    if (str_eq(op, "test"))
        return test_value(p, path, value);
    if (stores)
        return put(p, path, value, str_eq(op, "replace"));
    if (str_eq(op, "remove"))
        return take_out(p, path);
    return err_set(p->err, -EINVAL, "unknown operation \"%.40s\"", op);
}

static int apply_operations(struct patching *p, const json_t *patch)
{
    size_t i;
    const json_t *operation;
    json_array_foreach (patch, i, operation) {
        int r = apply_operation(p, operation);
        if (r < 0) {
            (void)err_wrap(p->err, "operation %zu", i);
            return r;
        }
    }
    return 0;
}

int api_json_patch(const json_t *document, const json_t *patch, json_t **ret, struct err *err)
{
    if (!json_is_array(patch))
        return err_set(err, -EINVAL, "expected a list of operations");
    if (json_array_size(patch) > API_PATCH_OPERATIONS_MAX)
        return err_set(err, -E2BIG, "more than %d operations", API_PATCH_OPERATIONS_MAX);
    struct patching p = {
        .document = json_deep_copy(document), .values_left = API_JSON_VALUES_MAX, .err = err};
    if (!p.document)
        return err_errno(err, -ENOMEM, "patch");
    int r = apply_operations(&p, patch);
    if (r == 0)
        *ret = json_incref(p.document);
    json_decref(p.document);
    return r;
}
