/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-fields.h"

#include "base/buf.h"
#include "base/str.h"

#define KEY_MAX 320

/* jansson's iteration takes no const object although it does not change it. */
static json_t *loose(const json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

static bool is_leaf(const json_t *set)
{
    return json_object_size(set) == 0;
}

static bool is_tree(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) > 0;
}

/* "f:NAME" for a member; a name too long for any field of ours maps to a name nobody has. */
static const char *set_key(const char *name, char key[static KEY_MAX])
{
    int n = snprintf(key, KEY_MAX, "f:%s", name);
    return n < KEY_MAX ? key : "f:";
}

static const char *name_of(const char *key)
{
    const char *name = str_after(key, "f:");
    return name ? name : key;
}

/* Puts value (stolen, NULL is out of memory) into set under "f:NAME". 0 or -ENOMEM. */
static int set_put(json_t *set, const char *name, json_t *value)
{
    char key[KEY_MAX];
    return json_object_set_new(set, set_key(name, key), value) < 0 ? -ENOMEM : 0;
}

json_t *api_fields_view(const json_t *object)
{
    static const char *const owned[] = {"labels", "annotations", "finalizers", "ownerReferences"};
    json_auto_t *view = json_copy(loose(object));
    json_auto_t *metadata = json_object();
    if (!view || !metadata)
        return NULL;
    (void)json_object_del(view, "apiVersion");
    (void)json_object_del(view, "kind");
    const json_t *all = json_object_get(object, "metadata");
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
        json_t *value = json_object_get(all, owned[i]);
        if (value && json_object_set(metadata, owned[i], value) < 0)
            return NULL;
    }
    (void)json_object_del(view, "metadata");
    if (is_tree(metadata) && json_object_set(view, "metadata", metadata) < 0)
        return NULL;
    return json_incref(view);
}

json_t *api_fields_of(const json_t *object)
{
    json_auto_t *set = json_object();
    const char *name;
    json_t *value;
    json_object_foreach (loose(object), name, value) {
        if (!set || set_put(set, name, is_tree(value) ? api_fields_of(value) : json_object()) < 0)
            return NULL;
    }
    return json_incref(set);
}

json_t *api_fields_changed(const json_t *before, const json_t *after)
{
    json_auto_t *set = json_object();
    const char *name;
    json_t *value;
    json_object_foreach (loose(after), name, value) {
        const json_t *old = json_object_get(before, name);
        if (old && json_equal(old, value))
            continue;
        json_auto_t *below = is_tree(value) ? api_fields_changed(old, value) : json_object();
        if (!set || !below)
            return NULL;
        if (is_tree(value) && is_leaf(below))
            continue;
        if (set_put(set, name, json_incref(below)) < 0)
            return NULL;
    }
    return json_incref(set);
}

json_t *api_fields_removed(const json_t *before, const json_t *after)
{
    json_auto_t *set = json_object();
    const char *name;
    json_t *value;
    json_object_foreach (loose(before), name, value) {
        const json_t *now = json_object_get(after, name);
        if (now && !(is_tree(value) && json_is_object(now)))
            continue;
        json_auto_t *below = now ? api_fields_removed(value, now) : json_object();
        if (!set || !below)
            return NULL;
        if (now && is_leaf(below))
            continue;
        if (set_put(set, name, json_incref(below)) < 0)
            return NULL;
    }
    return json_incref(set);
}

/* Whether a leaf of what is applied would change what is there. */
static bool leaf_differs(const json_t *applied, const json_t *live)
{
    if (json_is_object(applied) && json_is_object(live))
        return false;
    return !live || !json_equal(applied, live);
}

json_t *api_fields_contested(const json_t *wanted, const json_t *owned, const json_t *applied,
                             const json_t *live)
{
    json_auto_t *set = json_object();
    const char *key;
    json_t *below;
    json_object_foreach (loose(wanted), key, below) {
        const json_t *theirs = json_object_get(owned, key);
        if (!theirs)
            continue;
        const json_t *value = json_object_get(applied, name_of(key));
        const json_t *now = json_object_get(live, name_of(key));
        json_auto_t *part = NULL;
        if (!is_leaf(below) && json_is_object(now)) {
            part =
                is_leaf(theirs) ? json_object() : api_fields_contested(below, theirs, value, now);
            if (part && is_leaf(part))
                continue;
        } else if (leaf_differs(value, now)) {
            part = json_deep_copy(below);
        } else {
            continue;
        }
        if (!set || json_object_set(set, key, part) < 0)
            return NULL;
    }
    return json_incref(set);
}

int api_fields_add(json_t *set, const json_t *other)
{
    const char *key;
    json_t *theirs;
    json_object_foreach (loose(other), key, theirs) {
        json_t *ours = json_object_get(set, key);
        if (ours && is_leaf(theirs))
            continue;
        int r = 0;
        if (ours && !is_leaf(ours))
            r = api_fields_add(ours, theirs);
        else if (json_object_set_new(set, key, json_deep_copy(theirs)) < 0)
            r = -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

static void subtract(json_t *set, const json_t *other, bool leaves_too)
{
    const char *key;
    json_t *theirs;
    json_object_foreach (loose(other), key, theirs) {
        json_t *ours = json_object_get(set, key);
        if (!ours)
            continue;
        bool gone = is_leaf(theirs) || (leaves_too && is_leaf(ours));
        if (!gone && !is_leaf(ours)) {
            subtract(ours, theirs, leaves_too);
            gone = is_leaf(ours);
        }
        if (gone)
            (void)json_object_del(set, key);
    }
}

void api_fields_subtract(json_t *set, const json_t *other)
{
    subtract(set, other, false);
}

void api_fields_uncover(json_t *set, const json_t *other)
{
    subtract(set, other, true);
}

int api_fields_overlay(json_t *object, const json_t *applied)
{
    const char *name;
    json_t *value;
    json_object_foreach (loose(applied), name, value) {
        json_t *now = json_object_get(object, name);
        int r = 0;
        if (json_is_object(value) && json_is_object(now))
            r = api_fields_overlay(now, value);
        else if (json_object_set_new(object, name, json_deep_copy(value)) < 0)
            r = -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

void api_fields_delete(json_t *object, const json_t *set)
{
    const char *key;
    json_t *below;
    json_object_foreach (loose(set), key, below) {
        const char *name = name_of(key);
        json_t *value = json_object_get(object, name);
        bool gone = is_leaf(below);
        if (!gone && json_is_object(value)) {
            api_fields_delete(value, below);
            gone = !is_tree(value);
        }
        if (gone)
            (void)json_object_del(object, name);
    }
}

static void each(const json_t *set, struct buf *path, void (*visit)(void *data, const char *path),
                 void *data)
{
    const char *key;
    json_t *below;
    json_object_foreach (loose(set), key, below) {
        struct buf here = BUF_INIT;
        buf_printf(&here, "%s.%s", buf_str(path), name_of(key));
        if (is_leaf(below))
            visit(data, buf_str(&here));
        else
            each(below, &here, visit, data);
        buf_free(&here);
    }
}

void api_fields_each(const json_t *set, void (*visit)(void *data, const char *path), void *data)
{
    struct buf path = BUF_INIT;
    each(set, &path, visit, data);
}
