/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/objects.h"

#include "base/str.h"

/* The longest name and namespace, the "/" and a NUL. */
#define KEY_SIZE 512

int kube_objects_init(struct kube_objects *objects)
{
    *objects = (struct kube_objects){.map = map_new()};
    return objects->map ? 0 : -ENOMEM;
}

void kube_objects_clear(struct kube_objects *objects)
{
    map_free(objects->map);
    *objects = (struct kube_objects){0};
}

/* 0 when there can be no such name. */
static size_t make_key(char key[static KEY_SIZE], const char *namespace, const char *name)
{
    int n = snprintf(key, KEY_SIZE, "%s/%s", namespace ? namespace : "", name);
    return n > 0 && n < KEY_SIZE ? (size_t)n : 0;
}

struct kube_entry *kube_objects_find(const struct kube_objects *objects, const char *namespace,
                                     const char *name)
{
    char key[KEY_SIZE];
    size_t n = make_key(key, namespace, name);
    return n > 0 ? map_get(objects->map, key, n) : NULL;
}

void kube_entry_free(struct kube_entry *entry)
{
    if (!entry)
        return;
    free((char *)(uintptr_t)entry->object.namespace);
    free((char *)(uintptr_t)entry->object.name);
    free((char *)(uintptr_t)entry->object.uid);
    free((char *)(uintptr_t)entry->object.resource_version);
    free(entry);
}

int kube_entry_set_version(struct kube_entry *entry, const char *version)
{
    char *copy = strdup(version);
    if (!copy)
        return -ENOMEM;
    free((char *)(uintptr_t)entry->object.resource_version);
    entry->object.resource_version = copy;
    return 0;
}

static struct kube_entry *entry_new(const struct kube_event *event)
{
    struct kube_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->object = (struct kube_object){
        .namespace = strdup(event->namespace),
        .name = strdup(event->name),
        .uid = strdup(event->uid),
        .resource_version = strdup(event->resource_version),
    };
    const struct kube_object *o = &entry->object;
    if (o->namespace && o->name && o->uid && o->resource_version)
        return entry;
    kube_entry_free(entry);
    return NULL;
}

int kube_objects_add(struct kube_objects *objects, const struct kube_event *event,
                     struct kube_entry **ret)
{
    char key[KEY_SIZE];
    size_t n = make_key(key, event->namespace, event->name);
    struct kube_entry *entry = n > 0 ? entry_new(event) : NULL;
    int r = entry ? map_put(objects->map, key, n, entry, NULL) : -ENOMEM;
    if (r < 0) {
        kube_entry_free(entry);
        return r;
    }
    *ret = entry;
    return 0;
}

void kube_objects_take(struct kube_objects *objects, struct kube_entry *entry)
{
    char key[KEY_SIZE];
    size_t n = make_key(key, entry->object.namespace, entry->object.name);
    (void)map_remove(objects->map, key, n);
}

struct kube_entry *kube_objects_next(const struct kube_objects *objects, size_t *cursor)
{
    struct map_entry_view view;
    return map_next(objects->map, cursor, &view) ? view.value : NULL;
}

struct kube_entry *kube_objects_next_unlisted(const struct kube_objects *objects, size_t *cursor)
{
    struct kube_entry *entry;
    do {
        entry = kube_objects_next(objects, cursor);
    } while (entry && entry->listed == objects->list);
    return entry;
}
