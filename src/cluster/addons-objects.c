/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests into objects, in the order in which they are to be applied. */
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "cluster/addons.h"
#include "resource/kind.h"
#include "resource/problem.h"
#include "resource/read.h"
#include "trust/key.h"

static void object_clear(struct addon_object *object)
{
    json_decref(object->json);
    json_decref(object->names);
}

void addon_objects_free(struct addon_objects *objects)
{
    for (size_t i = 0; i < objects->n; i++)
        object_clear(&objects->items[i]);
    free(objects->items);
    *objects = (struct addon_objects){NULL, 0};
}

int addon_group(const char *api_version, char *dst, size_t size, const char **ret_version)
{
    const char *slash = strchr(api_version, '/');
    size_t len = slash ? (size_t)(slash - api_version) : 0;
    const char *version = slash ? slash + 1 : api_version;
    if (len >= size || (slash && len == 0) || !version[0] || strchr(version, '/'))
        return -EINVAL;
    memcpy(dst, api_version, len);
    dst[len] = '\0';
    *ret_version = version;
    return 0;
}

const char *addon_object_id(const char *api_version, const char *kind, const char *namespace,
                            const char *name, char dst[static ADDON_ID_SIZE])
{
    char group[254] = "";
    const char *version;
    bool own = !str_empty(namespace) && !str_eq(namespace, "default");
    (void)!addon_group(api_version, group, sizeof(group), &version);
    (void)snprintf(dst, ADDON_ID_SIZE, "%s%s%s %s%s%s", kind, group[0] ? "." : "", group,
                   own ? namespace : "", own ? "/" : "", name);
    return dst;
}

static enum addon_order order_of(const char *api_version, const char *kind)
{
    char group[254] = "";
    const char *version;
    (void)!addon_group(api_version, group, sizeof(group), &version);
    if (!group[0] && str_eq(kind, "Namespace"))
        return ADDON_NAMESPACES;
    if (str_eq(group, "rbac.authorization.k8s.io") || (!group[0] && str_eq(kind, "ServiceAccount")))
        return ADDON_RIGHTS;
    if (str_eq(group, "apiextensions.k8s.io") && str_eq(kind, "CustomResourceDefinition"))
        return ADDON_DEFINITIONS;
    return ADDON_REST;
}

/* ---- adding ---- */

static int append(struct addon_objects *objects, const struct addon_object *object)
{
    if (objects->n >= ADDON_OBJECTS_MAX)
        return -E2BIG;
    if ((objects->n & (objects->n - 1)) == 0) { /* doubles at each power of two */
        size_t room = objects->n ? 2 * objects->n : 1;
        struct addon_object *items = realloc(objects->items, room * sizeof(*items));
        if (!items)
            return -ENOMEM;
        objects->items = items;
    }
    objects->items[objects->n++] = *object;
    return 0;
}

static int set_digest(struct addon_object *object)
{
    char *text = json_dumps(object->json, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return -ENOMEM;
    trust_digest(text, strlen(text), object->digest);
    explicit_bzero(text, strlen(text)); /* of a Secret, perhaps */
    free(text);
    return 0;
}

#define BLANKS " \n\t"

/* Why it cannot be applied, or NULL. */
static const char *unusable(const json_t *json)
{
    const char *api_version = object_text(json, "apiVersion");
    const char *kind = object_text(json, "kind");
    const char *namespace = object_text(json, "metadata.namespace");
    char group[254];
    const char *version;
    if (!json_is_object(json))
        return "is no object";
    if (str_empty(api_version) || str_empty(kind))
        return "has no apiVersion or kind";
    if (addon_group(api_version, group, sizeof(group), &version) < 0)
        return "has an apiVersion that is not GROUP/VERSION";
    if (strpbrk(kind, BLANKS) || strpbrk(api_version, BLANKS))
        return "has blanks in its apiVersion or kind";
    if (strpbrk(object_name(json) ? object_name(json) : "", BLANKS "/%") ||
        strpbrk(namespace ? namespace : "", BLANKS "/%"))
        return "has blanks, \"/\" or \"%\" in its name or namespace";
    if (str_empty(object_name(json)))
        return object_text(json, "metadata.generateName")
                   ? "has a generateName: it would be created anew each time"
                   : "has no metadata.name";
    return NULL;
}

static void tell(struct buf *problems, const char *source, int line, const char *text)
{
    buf_printf(problems, "%s:%d: %s\n", source, line, text);
}

struct adding {
    struct addon_objects *objects;
    const char *addon, *source;
    int line;
    struct buf *problems;
};

static int add_one(const struct adding *a, const json_t *json)
{
    const char *why = unusable(json);
    if (why) {
        tell(a->problems, a->source, a->line, why);
        return 0;
    }
    struct addon_object object = {.json = json_deep_copy(json)};
    json_t *labels = object.json ? object_get(object.json, "metadata.labels") : NULL;
    int r = object.json ? 0 : -ENOMEM;
    if (r == 0 && !json_is_object(labels))
        r = object_set(object.json, "metadata.labels", labels = json_object());
    if (r == 0)
        r = json_object_set_new(labels, ADDON_LABEL, json_string(a->addon)) < 0 ? -ENOMEM : 0;
    if (r == 0) {
        (void)json_object_del(object.json, "status");
        object.api_version = object_text(object.json, "apiVersion");
        object.kind = object_text(object.json, "kind");
        object.name = object_name(object.json);
        object.namespace = object_meta_text(object.json, "namespace");
        if (!object.namespace)
            object.namespace = "";
        object.order = order_of(object.api_version, object.kind);
        r = set_digest(&object);
    }
    if (r == 0)
        r = append(a->objects, &object);
    if (r < 0)
        object_clear(&object);
    return r;
}

static bool is_list(const json_t *json)
{
    const char *kind = object_text(json, "kind");
    return kind && str_ends_with(kind, "List") && json_is_array(json_object_get(json, "items"));
}

static int add_document(const struct adding *a, const json_t *json)
{
    size_t i;
    json_t *item;
    if (!is_list(json))
        return add_one(a, json);
    json_array_foreach (json_object_get(json, "items"), i, item) {
        int r = add_one(a, item);
        if (r < 0)
            return r;
    }
    return 0;
}

int addon_objects_add(struct addon_objects *objects, const char *addon, const char *source,
                      const char *text, size_t len, struct buf *problems)
{
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    int r = yaml_parse(source, text, len, &documents, &found);
    problems_write(&found, problems);
    if (r == -ENOMEM)
        return r;
    r = 0;
    for (size_t i = 0; r == 0 && i < documents.n; i++) {
        const struct document *d = &documents.items[i];
        const struct adding a = {objects, addon, source, where_line(d->where), problems};
        r = add_document(&a, d->json);
    }
    if (r == -E2BIG)
        buf_printf(problems, "%s: the add-on has more than %d objects\n", source,
                   (int)ADDON_OBJECTS_MAX);
    return r;
}

int addon_objects_add_certificate(struct addon_objects *objects, const char *addon,
                                  const char *namespace, const char *secret, json_t *names)
{
    _autofree_ char *text = addon_certificate_names(names);
    json_t *json = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}, s:{s:s}}}", "apiVersion", "v1",
                             "kind", "Secret", "type", "kubernetes.io/tls", "metadata", "name",
                             secret, "namespace", namespace, "labels", ADDON_LABEL, addon,
                             "annotations", ADDON_NAMES, text ? text : "");
    struct addon_object object = {.json = json, .names = names, .order = ADDON_CERTIFICATES};
    int r = json && names ? 0 : -ENOMEM;
    if (r == 0) {
        object.api_version = object_text(json, "apiVersion");
        object.kind = object_text(json, "kind");
        object.name = object_name(json);
        object.namespace = object_meta_text(json, "namespace");
        r = set_digest(&object);
    }
    if (r == 0)
        r = append(objects, &object);
    if (r < 0)
        object_clear(&object);
    return r;
}

/* ---- order ---- */

/* Stable: there are few classes, and items keep their order in each. */
static void by_order(struct addon_objects *objects)
{
    size_t n = 0;
    struct addon_object *sorted = calloc(objects->n ? objects->n : 1, sizeof(*sorted));
    if (!sorted)
        return; /* the API server then refuses what comes too early, and it is tried again */
    for (int order = ADDON_NAMESPACES; order <= ADDON_REST; order++) {
        for (size_t i = 0; i < objects->n; i++) {
            if ((int)objects->items[i].order == order)
                sorted[n++] = objects->items[i];
        }
    }
    memcpy(objects->items, sorted, n * sizeof(*sorted));
    free(sorted);
}

void addon_objects_sort(struct addon_objects *objects, struct buf *problems)
{
    size_t n = 0;
    char id[ADDON_ID_SIZE];
    struct map *seen = map_new();
    for (size_t i = 0; i < objects->n; i++) {
        struct addon_object *o = &objects->items[i];
        (void)addon_object_id(o->api_version, o->kind, o->namespace, o->name, id);
        if (seen && map_gets(seen, id)) {
            buf_printf(problems, "%s is there twice\n", id);
            object_clear(o);
            continue;
        }
        if (seen)
            (void)!map_puts(seen, id, objects, NULL);
        objects->items[n++] = *o;
    }
    map_free(seen);
    objects->n = n;
    if (n)
        by_order(objects);
}
