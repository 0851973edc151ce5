/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/validate.h"

#include <string.h>

#include "base/str.h"
#include "resource/check.h"
#include "resource/decode.h"

/* The tables of an object's top level, with apiVersion, kind and metadata in front. */
static const struct field top_fields[] = {
    {.name = "apiVersion", .type = FIELD_STRING},
    {.name = "kind", .type = FIELD_STRING},
    {.name = "metadata", .type = FIELD_OBJECT, .fields = meta_fields},
    {0}};

/* The part of `where` that a path such as spec.ranges[0].end leads to; the nearest known one. */
static const struct where *where_at(const json_t *json, const struct where *where, const char *path)
{
    while (where && *path) {
        size_t len = strcspn(path, ".[]");
        const struct where *at = where->child;
        json_t *value = NULL;
        if (path[0] == '[') { /* an item of a list */
            size_t want = strtoul(path + 1, NULL, 10);
            for (size_t i = 0; i < want && at; i++)
                at = at->next;
            value = json_array_get(json, want);
            path += strcspn(path, "]");
        } else {
            const char *name;
            json_object_foreach ((json_t *)(uintptr_t)json, name, value) {
                if (strlen(name) == len && strncmp(name, path, len) == 0)
                    break;
                at = at ? at->next : NULL;
            }
            path += len;
        }
        if (!at || !value)
            return where;
        where = at;
        json = value;
        path += strspn(path, ".]");
    }
    return where;
}

static void check_head(const struct checking *c, const struct kind *kind, const json_t *object,
                       const struct where *where)
{
    static const struct path root;
    const char *api_version = json_string_value(json_object_get(object, "apiVersion"));
    const char *name = json_string_value(json_object_get(object, "kind"));
    if (!str_eq(api_version, kind_api_version(kind))) {
        struct path at = {.parent = &root, .name = "apiVersion"};
        check_problem(c, PROBLEM_INVALID, where_at(object, where, "apiVersion"), &at, "must be %s",
                      kind_api_version(kind));
    }
    if (!str_eq(name, kind->kind)) {
        struct path at = {.parent = &root, .name = "kind"};
        check_problem(c, PROBLEM_INVALID, where_at(object, where, "kind"), &at, "must be %s",
                      kind->kind);
    }
}

static void check_named(const struct checking *c, const json_t *object, const struct where *where)
{
    static const struct path root;
    static const struct path meta = {.parent = &root, .name = "metadata"};
    static const struct path name = {.parent = &meta, .name = "name"};
    const json_t *given = object_get(object, "metadata.name");
    const json_t *prefix = object_get(object, "metadata.generateName");
    if ((!given || json_is_null(given)) && (!prefix || json_is_null(prefix)))
        check_problem(c, PROBLEM_REQUIRED, where_at(object, where, "metadata"), &name, "required");
}

/* Both tables at once, so that unknown members of the top level are found. */
static void check_members(const struct checking *c, const struct kind *kind, const json_t *object,
                          const struct where *where)
{
    static const struct path root;
    struct field all[16];
    size_t n = 0;
    for (const struct field *f = top_fields; f->name; f++)
        all[n++] = *f;
    for (const struct field *f = kind->fields; f->name && n < ARRAY_SIZE(all) - 1; f++)
        all[n++] = *f;
    all[n] = (struct field){0};
    check_fields(c, all, object, where, &root);
}

/* The rules between fields, with the places of what they complain about. */
static void check_rules(const struct checking *c, const struct kind *kind, const json_t *object,
                        const struct where *where)
{
    static const struct path root;
    struct err err = ERR_INIT;
    void *decoded = NULL;
    if (object_decode(kind, object, &decoded, &err) < 0) {
        check_problem(c, PROBLEM_INVALID, where, &root, "%s", err_text(&err));
        return;
    }
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    kind->check(decoded, &found);
    object_free(decoded);
    for (size_t i = 0; i < found.n; i++) {
        const struct problem *p = &found.items[i];
        problem_add_at(c->problems, p->reason, c->file,
                       where_line(where_at(object, where, p->path)), p->path, "%s", p->text);
    }
    c->problems->failed |= found.failed;
}

void object_validate(const struct kind *kind, const json_t *object,
                     const struct validate_options *options, struct problems *problems)
{
    static const struct validate_options none;
    static const struct path root;
    const struct validate_options *o = options ? options : &none;
    struct checking c = {.problems = problems, .file = o->file, .allow_unknown = o->allow_unknown};
    size_t before = problems->n;
    if (!json_is_object(object)) {
        check_problem(&c, PROBLEM_INVALID, o->where, &root, "not an object");
        return;
    }
    check_head(&c, kind, object, o->where);
    check_members(&c, kind, object, o->where);
    if (o->need_name)
        check_named(&c, object, o->where);
    if (kind->check && problems->n == before)
        check_rules(&c, kind, object, o->where);
}

void fields_validate(const struct field *fields, const json_t *part, struct problems *problems)
{
    static const struct path root;
    struct checking c = {.problems = problems};
    if (json_is_object(part))
        check_fields(&c, fields, part, NULL, &root);
    else
        check_problem(&c, PROBLEM_INVALID, NULL, &root, "not an object");
}

static void check_immutable(const struct checking *c, const struct field *fields,
                            const json_t *before, const json_t *after, const struct path *path)
{
    for (const struct field *f = fields; f->name; f++) {
        const json_t *old = json_object_get(before, f->name);
        const json_t *new = json_object_get(after, f->name);
        struct path at = {.parent = path, .name = f->name};
        if ((f->flags & FIELD_IMMUTABLE) && old && !json_equal(old, new))
            check_problem(c, PROBLEM_FORBIDDEN, NULL, &at, "may not be changed");
        else if (f->type == FIELD_OBJECT && !field_is_list(f) && old && new)
            check_immutable(c, f->fields, old, new, &at);
    }
}

static void check_change(const struct checking *c, const struct kind *kind, const json_t *before,
                         const json_t *after)
{
    void *old = NULL, *new = NULL;
    if (object_decode(kind, before, &old, NULL) == 0 && object_decode(kind, after, &new, NULL) == 0)
        kind->check_change(old, new, c->problems);
    else
        c->problems->failed = true;
    object_free(old);
    object_free(new);
}

void object_validate_update(const struct kind *kind, const json_t *before, const json_t *after,
                            struct problems *problems)
{
    static const struct path root;
    struct checking c = {.problems = problems};
    check_immutable(&c, top_fields, before, after, &root);
    check_immutable(&c, kind->fields, before, after, &root);
    if (kind->check_change)
        check_change(&c, kind, before, after);
}
