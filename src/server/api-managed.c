/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-managed.h"

#include "base/str.h"
#include "server/api-fields.h"

/* More entries than this are folded into one, so that a stream of new managers adds nothing. */
#define ENTRIES_MAX 20
#define BEFORE_FIRST_APPLY "before-first-apply"
#define ANCIENT_CHANGES "ancient-changes"

static const char *entry_text(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text ? text : "";
}

static json_t *entry_fields(const json_t *entry)
{
    return json_object_get(entry, "fieldsV1");
}

static bool entry_is(const json_t *entry, const char *name, const char *operation,
                     const char *subresource)
{
    return str_eq(entry_text(entry, "manager"), name) &&
           str_eq(entry_text(entry, "operation"), operation) &&
           str_eq(entry_text(entry, "subresource"), subresource);
}

static json_t *entry_find(const json_t *entries, const struct api_manager *manager,
                          const char *operation)
{
    size_t i;
    json_t *entry;
    json_array_foreach (entries, i, entry) {
        if (entry_is(entry, manager->name, operation, manager->subresource))
            return entry;
    }
    return NULL;
}

/* Appends an entry; steals fields (NULL: out of memory). Returns it borrowed, or NULL. */
static json_t *entry_add(json_t *entries, const struct api_manager *manager, const char *operation,
                         json_t *fields)
{
    json_t *entry = json_pack("{ss,ss,ss,ss,ss,so}", "manager", manager->name, "operation",
                              operation, "apiVersion", manager->api_version, "time", manager->now,
                              "fieldsType", "FieldsV1", "fieldsV1", fields);
    if (!entry || json_array_append_new(entries, entry) < 0)
        return NULL;
    if (*manager->subresource &&
        json_object_set_new(entry, "subresource", json_string(manager->subresource)) < 0)
        return NULL;
    return entry;
}

static int entry_set_time(json_t *entry, const char *now)
{
    return json_object_set_new(entry, "time", json_string(now)) < 0 ? -ENOMEM : 0;
}

static void drop_empty(json_t *entries)
{
    for (size_t i = json_array_size(entries); i > 0; i--)
        if (json_object_size(entry_fields(json_array_get(entries, i - 1))) == 0)
            (void)json_array_remove(entries, i - 1);
}

/* Folds the first two entries of updates into one until there are few enough. */
static int fold_ancient(json_t *entries)
{
    while (json_array_size(entries) > ENTRIES_MAX) {
        json_t *first = NULL;
        size_t i = 0;
        for (; i < json_array_size(entries); i++) {
            json_t *entry = json_array_get(entries, i);
            if (!str_eq(entry_text(entry, "operation"), "Update"))
                continue;
            if (first)
                break;
            first = entry;
        }
        if (i == json_array_size(entries))
            return 0;
        if (api_fields_add(entry_fields(first), entry_fields(json_array_get(entries, i))) < 0 ||
            json_object_set_new(first, "manager", json_string(ANCIENT_CHANGES)) < 0)
            return -ENOMEM;
        (void)json_array_remove(entries, i);
    }
    return 0;
}

/* A list of objects that each say manager, operation and fieldsV1. */
static bool entries_are_sound(const json_t *entries)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (entries, i, entry) {
        if (!*entry_text(entry, "manager") || !*entry_text(entry, "operation") ||
            !json_is_object(entry_fields(entry)))
            return false;
    }
    return json_array_size(entries) > 0;
}

static json_t *managed_fields(const json_t *object)
{
    return json_object_get(json_object_get(object, "metadata"), "managedFields");
}

static int set_entries(json_t *object, json_t *entries)
{
    json_t *metadata = json_object_get(object, "metadata");
    drop_empty(entries);
    if (fold_ancient(entries) < 0)
        return -ENOMEM;
    if (json_array_size(entries) == 0) {
        (void)json_object_del(metadata, "managedFields");
        return 0;
    }
    return json_object_set(metadata, "managedFields", entries) < 0 ? -ENOMEM : 0;
}

/* ---- create, update, patch ---- */

/* Takes `gone` and `changed` from every entry but own. */
static void take_from_others(json_t *entries, const json_t *own, const json_t *gone,
                             const json_t *changed)
{
    size_t i;
    json_t *entry;
    json_array_foreach (entries, i, entry) {
        api_fields_subtract(entry_fields(entry), gone);
        if (entry != own)
            api_fields_subtract(entry_fields(entry), changed);
    }
}

static int record_update(json_t *entries, const json_t *before, const json_t *after,
                         const struct api_manager *manager)
{
    json_auto_t *old = api_fields_view(before), *new = api_fields_view(after);
    json_auto_t *changed = old && new ? api_fields_changed(old, new) : NULL;
    json_auto_t *gone = old && new ? api_fields_removed(old, new) : NULL;
    if (!changed || !gone)
        return -ENOMEM;
    json_t *own = entry_find(entries, manager, "Update");
    take_from_others(entries, own, gone, changed);
    if (json_object_size(changed) == 0)
        return 0;
    if (!own)
        return entry_add(entries, manager, "Update", json_incref(changed)) ? 0 : -ENOMEM;
    if (api_fields_add(entry_fields(own), changed) < 0)
        return -ENOMEM;
    return entry_set_time(own, manager->now);
}

int api_managed_update(const json_t *before, json_t *after, const struct api_manager *manager)
{
    const json_t *had = managed_fields(before), *given = managed_fields(after);
    bool reset = given && !entries_are_sound(given);
    const json_t *base = given && !reset ? given : had;
    if (!before || !entries_are_sound(had) || reset) {
        (void)json_object_del(json_object_get(after, "metadata"), "managedFields");
        return 0;
    }
    json_auto_t *entries = json_deep_copy(base);
    if (!entries || record_update(entries, before, after, manager) < 0)
        return -ENOMEM;
    return set_entries(after, entries);
}

/* ---- server-side apply ---- */

struct applying {
    const struct api_manager *manager;
    json_t *live;    /* view of what is there; {} when nothing is */
    json_t *applied; /* view of what is applied */
    json_t *wanted;  /* the fields of applied */
    json_t *entries;
    json_t *own; /* borrowed from entries; NULL at the manager's first apply */
    json_t *conflicts;
};

static void applying_clear(struct applying *a)
{
    json_decref(a->live);
    json_decref(a->applied);
    json_decref(a->wanted);
    json_decref(a->entries);
    json_decref(a->conflicts);
}

static int applying_init(struct applying *a, const json_t *live, const json_t *applied,
                         const struct api_manager *manager)
{
    const json_t *had = managed_fields(live);
    bool tracked = entries_are_sound(had);
    a->manager = manager;
    a->live = live ? api_fields_view(live) : json_object();
    a->applied = api_fields_view(applied);
    a->wanted = a->applied ? api_fields_of(a->applied) : NULL;
    a->entries = tracked ? json_deep_copy(had) : json_array();
    a->conflicts = json_array();
    if (!a->live || !a->wanted || !a->entries || !a->conflicts)
        return -ENOMEM;
    struct api_manager first = *manager;
    first.name = BEFORE_FIRST_APPLY;
    first.subresource = "";
    if (live && !tracked && !entry_add(a->entries, &first, "Update", api_fields_of(a->live)))
        return -ENOMEM;
    a->own = entry_find(a->entries, manager, "Apply");
    return 0;
}

struct conflict_list {
    json_t *list;
    const char *manager;
};

static void add_conflict(void *data, const char *path)
{
    struct conflict_list *c = data;
    (void)json_array_append_new(c->list, json_pack("{ssss}", "manager", c->manager, "field", path));
}

/* Lists what others set to another value, or takes it from them. */
static int settle_conflicts(struct applying *a, bool force)
{
    size_t i;
    json_t *entry;
    json_array_foreach (a->entries, i, entry) {
        if (entry == a->own)
            continue;
        json_auto_t *contested =
            api_fields_contested(a->wanted, entry_fields(entry), a->applied, a->live);
        if (!contested)
            return -ENOMEM;
        struct conflict_list c = {a->conflicts, entry_text(entry, "manager")};
        if (force)
            api_fields_subtract(entry_fields(entry), contested);
        else
            api_fields_each(contested, add_conflict, &c);
    }
    return json_array_size(a->conflicts) > 0 ? -EEXIST : 0;
}

/* What this manager applied before, applies no more, and nobody else has. */
static json_t *abandoned_fields(const struct applying *a)
{
    json_auto_t *set = a->own ? json_deep_copy(entry_fields(a->own)) : json_object();
    if (!set)
        return NULL;
    api_fields_uncover(set, a->wanted);
    size_t i;
    json_t *entry;
    json_array_foreach (a->entries, i, entry) {
        if (entry != a->own)
            api_fields_uncover(set, entry_fields(entry));
    }
    return json_incref(set);
}

static int apply_fields(const struct applying *a, json_t *object)
{
    json_auto_t *abandoned = abandoned_fields(a);
    if (!abandoned)
        return -ENOMEM;
    api_fields_delete(object, abandoned);
    return api_fields_overlay(object, a->applied);
}

/* The manager's entry, with a new time only when something changed. */
static int record_apply(struct applying *a, const json_t *object)
{
    json_auto_t *view = api_fields_view(object);
    if (!view)
        return -ENOMEM;
    bool same = json_equal(view, a->live);
    if (!a->own)
        return entry_add(a->entries, a->manager, "Apply", json_incref(a->wanted)) ? 0 : -ENOMEM;
    same = same && json_equal(entry_fields(a->own), a->wanted);
    if (json_object_set(a->own, "fieldsV1", a->wanted) < 0)
        return -ENOMEM;
    return same ? 0 : entry_set_time(a->own, a->manager->now);
}

static int apply(struct applying *a, const json_t *live, const json_t *applied, bool force,
                 json_t **ret)
{
    int r = settle_conflicts(a, force);
    if (r < 0)
        return r;
    json_auto_t *object = json_deep_copy(live ? live : applied);
    if (!object || apply_fields(a, object) < 0 || record_apply(a, object) < 0 ||
        set_entries(object, a->entries) < 0)
        return -ENOMEM;
    *ret = json_incref(object);
    return 0;
}

int api_managed_apply(const json_t *live, const json_t *applied, const struct api_manager *manager,
                      bool force, json_t **ret, json_t **ret_conflicts)
{
    struct applying a = {0};
    int r = applying_init(&a, live, applied, manager);
    if (r == 0)
        r = apply(&a, live, applied, force, ret);
    if (r == -EEXIST)
        *ret_conflicts = json_incref(a.conflicts);
    applying_clear(&a);
    return r;
}
