/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/kind.h"

#include <strings.h>

#include "base/str.h"
#include "resource/decode.h"

const struct kind *const kinds[] = {&kind_machine, &kind_image, &kind_network, &kind_profile,
                                    &kind_cluster, &kind_event, NULL};

const char *kind_api_version(const struct kind *kind)
{
    return kind->group[0] ? GROUP_NAME "/" GROUP_VERSION : kind->version;
}

const struct kind *kind_find(const char *api_version, const char *kind)
{
    for (const struct kind *const *k = kinds; *k; k++) {
        if (str_eq((*k)->kind, kind) && str_eq(kind_api_version(*k), api_version))
            return *k;
    }
    return NULL;
}

const struct kind *kind_find_plural(const char *group, const char *plural)
{
    for (const struct kind *const *k = kinds; *k; k++) {
        if (str_eq((*k)->plural, plural) && str_eq((*k)->group, group))
            return *k;
    }
    return NULL;
}

static bool is_typed(const struct kind *kind, const char *name)
{
    if (strcasecmp(name, kind->kind) == 0 || strcasecmp(name, kind->plural) == 0)
        return true;
    for (const char *const *s = kind->short_names; *s; s++) {
        if (strcasecmp(name, *s) == 0)
            return true;
    }
    size_t len = strlen(kind->plural);
    return kind->group[0] && strncasecmp(name, kind->plural, len) == 0 && name[len] == '.' &&
           strcasecmp(name + len + 1, kind->group) == 0;
}

const struct kind *kind_find_typed(const char *name)
{
    for (const struct kind *const *k = kinds; *k; k++) {
        if (is_typed(*k, name))
            return *k;
    }
    return NULL;
}

static bool is_selectable(const struct field *fields, const char *path)
{
    char name[64];
    size_t len = strcspn(path, ".");
    if (len >= sizeof(name))
        return false;
    memcpy(name, path, len);
    name[len] = '\0';
    const struct field *field = field_find(fields, name);
    if (!field)
        return false;
    if (!path[len])
        return (field->flags & FIELD_SELECTABLE) != 0;
    return field->fields && is_selectable(field->fields, path + len + 1);
}

bool kind_selectable(const struct kind *kind, const char *path)
{
    const char *rest = str_after(path, "metadata.");
    return rest ? is_selectable(meta_fields, rest) : is_selectable(kind->fields, path);
}

static int decode_into(const struct kind *kind, const json_t *json, struct meta *object,
                       struct err *err)
{
    const json_t *meta = json_object_get(json, "metadata");
    int r = meta ? fields_decode(meta_fields, meta, object->arena, object, err) : 0;
    if (r < 0)
        return err_wrap(err, "metadata");
    return fields_decode(kind->fields, json, object->arena, object, err);
}

int object_decode(const struct kind *kind, const json_t *json, void **ret, struct err *err)
{
    _cleanup_(arena_freep) struct arena *arena = arena_new();
    struct meta *object = arena ? arena_alloc(arena, kind->size) : NULL;
    if (!object)
        return err_errno(err, -ENOMEM, "cannot read the object");
    object->arena = arena;
    int r = decode_into(kind, json, object, err);
    if (r < 0)
        return r;
    TAKE_PTR(arena);
    *ret = object;
    return 0;
}

void object_free(void *object)
{
    if (object)
        arena_free(((struct meta *)object)->arena);
}

json_t *object_new(const struct kind *kind, const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", kind_api_version(kind), "kind",
                     kind->kind, "metadata", "name", name);
}

const char *object_meta_text(const json_t *json, const char *member)
{
    return json_string_value(json_object_get(json_object_get(json, "metadata"), member));
}

const char *object_name(const json_t *json)
{
    return object_meta_text(json, "name");
}

json_t *object_get(const json_t *json, const char *path)
{
    while (json) {
        size_t len = strcspn(path, ".");
        json_t *next = NULL;
        char name[128];
        if (len < sizeof(name)) {
            memcpy(name, path, len);
            name[len] = '\0';
            next = json_object_get(json, name);
        }
        if (!path[len])
            return next;
        json = next;
        path += len + 1;
    }
    return NULL;
}

const char *object_text(const json_t *json, const char *path)
{
    return json_string_value(object_get(json, path));
}

/* The object under that member, made when it is absent. */
static int enter(json_t **json, const char *name)
{
    json_t *next = json_object_get(*json, name);
    if (!next) {
        next = json_object();
        if (json_object_set_new(*json, name, next) < 0)
            return -ENOMEM;
    }
    *json = next;
    return json_is_object(next) ? 0 : -EINVAL;
}

static int set_path(json_t *json, char *path, json_t *value)
{
    char *rest = path;
    for (char *dot = strchr(rest, '.'); dot; dot = strchr(rest, '.')) {
        *dot = '\0';
        int r = enter(&json, rest);
        if (r < 0)
            return r;
        rest = dot + 1;
    }
    return json_object_set(json, rest, value) < 0 ? -ENOMEM : 0;
}

int object_set(json_t *json, const char *path, json_t *value)
{
    _autofree_ char *copy = strdup(path);
    int r = copy && value ? 0 : -ENOMEM;
    if (r == 0)
        r = json_is_object(json) ? set_path(json, copy, value) : -EINVAL;
    json_decref(value);
    return r;
}
