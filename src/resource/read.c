/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/read.h"

#include "base/str.h"
#include "resource/validate.h"

void resources_free(struct resources *resources)
{
    for (size_t i = 0; i < resources->n; i++)
        json_decref(resources->items[i].json);
    free(resources->items);
    *resources = (struct resources){0};
}

struct reading {
    const char *file;
    struct resources *ret;
    struct problems *problems;
};

static void problem(const struct reading *r, const struct where *where, const char *path,
                    const char *text, const char *value)
{
    _autobuf_ struct buf quoted = BUF_INIT_MAX(128);
    if (value)
        buf_printf(&quoted, ": \"%.64s\"", value);
    problem_add_at(r->problems, PROBLEM_INVALID, r->file, where_line(where), path, "%s%s", text,
                   buf_str(&quoted));
}

/* Why no kind was found: which of the two fields is to blame. */
static void unknown_kind(const struct reading *r, const json_t *json, const struct where *where)
{
    const char *api_version = object_text(json, "apiVersion");
    const char *kind = object_text(json, "kind");
    if (!api_version)
        problem(r, where, "apiVersion", "required; Slipway's kinds have slipway.dev/v1alpha1",
                NULL);
    if (!kind)
        problem(r, where, "kind", "required: Machine, Image, Network or Profile", NULL);
    if (!api_version || !kind)
        return;
    const struct kind *meant = kind_find_typed(kind);
    if (meant && str_eq(meant->kind, kind)) {
        problem(r, where, "apiVersion", "not slipway.dev/v1alpha1", api_version);
        return;
    }
    problem(r, where, "kind", "not one of Machine, Image, Network, Profile", kind);
}

static int add(const struct reading *r, const struct kind *kind, json_t *json, int line)
{
    struct resource *items = realloc(r->ret->items, (r->ret->n + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    r->ret->items = items;
    items[r->ret->n++] = (struct resource){.kind = kind, .json = json_incref(json), .line = line};
    return 0;
}

static int read_one(const struct reading *r, json_t *json, const struct where *where)
{
    if (!json_is_object(json)) {
        problem(r, where, NULL, "not a resource: an object with apiVersion and kind is expected",
                NULL);
        return 0;
    }
    const struct kind *kind = kind_find(object_text(json, "apiVersion"), object_text(json, "kind"));
    if (!kind) {
        unknown_kind(r, json, where);
        return 0;
    }
    size_t before = r->problems->n;
    struct validate_options options = {.file = r->file, .where = where, .need_name = true};
    object_validate(kind, json, &options, r->problems);
    if (r->problems->n > before)
        return 0;
    return add(r, kind, json, where_line(where));
}

/* The where of a member, which has the same position as the member. */
static const struct where *member_where(const json_t *json, const struct where *where,
                                        const char *name)
{
    const struct where *at = where ? where->child : NULL;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)json, key, value) {
        if (str_eq(key, name))
            return at;
        at = at ? at->next : NULL;
    }
    return NULL;
}

static int read_list(const struct reading *r, const json_t *list, const struct where *where)
{
    const struct where *at = member_where(list, where, "items");
    at = at ? at->child : NULL;
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(list, "items"), i, item) {
        int rc = read_one(r, item, at);
        if (rc < 0)
            return rc;
        at = at ? at->next : NULL;
    }
    return 0;
}

static bool is_list(const json_t *json)
{
    const char *kind = object_text(json, "kind");
    return kind && str_ends_with(kind, "List") && json_is_array(json_object_get(json, "items"));
}

int resources_parse(const char *file, const char *text, size_t len, struct resources *ret,
                    struct problems *problems)
{
    *ret = (struct resources){0};
    struct reading r = {.file = file, .ret = ret, .problems = problems};
    _autodocuments_ struct documents documents = {0};
    int rc = yaml_parse(file, text, len, &documents, problems);
    for (size_t i = 0; rc != -ENOMEM && i < documents.n; i++) {
        const struct document *d = &documents.items[i];
        int one =
            is_list(d->json) ? read_list(&r, d->json, d->where) : read_one(&r, d->json, d->where);
        if (one < 0)
            rc = one;
    }
    if (rc == 0 && problems_any(problems))
        rc = -EINVAL;
    if (rc == -ENOMEM)
        problems->failed = true;
    return rc;
}
