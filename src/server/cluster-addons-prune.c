/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no add-on brings any more is deleted: only what still has the add-on's label, only that very
 * object, the last applied first. An add-on that could not be read or applied whole is left alone.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kube/request.h"
#include "resource/kind.h"
#include "server/cluster-addons.h"

static struct addon_loaded *loaded_of(const struct addons_pass *pass, const char *name)
{
    for (size_t i = 0; i < pass->set->n; i++) {
        if (str_eq(pass->set->items[i].name, name))
            return &pass->set->items[i];
    }
    return NULL;
}

static const struct addon_item *present(const struct addons_pass *pass)
{
    return &pass->pruning->items.items[pass->item];
}

/* It is not the add-on's business any more. */
static void take_out(struct addons_pass *pass)
{
    char id[ADDON_ID_SIZE];
    const struct addon_item *item = present(pass);
    (void)addon_object_id(item->api_version, item->kind, item->namespace, item->name, id);
    if (!map_gets(pass->wanted, id))
        free(map_removes(pass->owner->applied, id));
    addon_inventory_remove(&pass->pruning->items, pass->item);
    pass->pruned = true;
}

static void tell(const struct addons_pass *pass, const char *what)
{
    const struct addon_item *item = present(pass);
    log_info("Cluster %s: add-on %s: %s %s%s%s %s", pass->owner->entry->name, pass->pruning_name,
             item->kind, item->namespace, item->namespace[0] ? "/" : "", item->name, what);
}

static void fail(struct addons_pass *pass, const char *why)
{
    const struct addon_item *item = present(pass);
    struct addon_loaded *addon = loaded_of(pass, pass->pruning_name);
    pass->undeleted++;
    if (addon)
        addons_pass_fail(pass, addon, item->name, why);
    log_warn("Cluster %s: add-on %s: %s %s cannot be deleted: %s", pass->owner->entry->name,
             pass->pruning_name, item->kind, item->name, why);
}

/* ---- one object ---- */

static void on_deleted(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    if (addons_pass_is_away(pass, answer))
        return;
    /* -ESTALE: another object of that name came meanwhile, which is not ours */
    if (answer->error == 0 || answer->error == -ENOENT || answer->error == -ESTALE) {
        if (answer->error == 0)
            tell(pass, "was deleted");
        take_out(pass);
    } else {
        fail(pass, answer->status.message);
    }
    addons_pass_next(pass);
}

static int delete_it(struct addons_pass *pass, const json_t *object)
{
    const struct addon_item *item = present(pass);
    struct kube_resource resource;
    struct addons_path path;
    const struct kube_delete_options options = {.uid = object_meta_text(object, "uid"),
                                                .grace_seconds = -1,
                                                .propagation = KUBE_PROPAGATION_BACKGROUND};
    int r = addons_resource(pass, item->api_version, item->kind, &resource);
    if (r == 0)
        r = addons_path(item->api_version, &resource, item->namespace, item->name, &path);
    return r < 0 ? r
                 : kube_delete(addons_client(pass->owner), &path.path, &options,
                               addons_then(pass, on_deleted));
}

/*
 * Whether an add-on has just brought this very object by another name: of another group that has
 * the same kind, or with a namespace in its manifest, which an object of the whole cluster has not.
 */
static bool is_brought(const struct addons_pass *pass, const json_t *object)
{
    const char *uid = object_meta_text(object, "uid");
    size_t cursor = 0;
    for (struct map_entry_view e; uid && map_next(pass->wanted, &cursor, &e);) {
        const struct addon_applied *a = map_gets(pass->owner->applied, e.key);
        if (a && str_eq(a->uid, uid))
            return true;
    }
    return false;
}

static void on_found(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    if (addons_pass_is_away(pass, answer))
        return;
    if (answer->error == -ENOENT) {
        take_out(pass);
    } else if (answer->error < 0) {
        fail(pass, answer->status.message);
    } else {
        enum addon_fate fate = is_brought(pass, answer->object)
                                   ? ADDON_FOREIGN
                                   : addon_prune(answer->object, pass->pruning_name);
        if (fate == ADDON_DELETE && delete_it(pass, answer->object) == 0)
            return;
        if (fate == ADDON_DELETE)
            fail(pass, "out of memory");
        if (fate == ADDON_KEEP)
            tell(pass, "stays: " ADDON_PRUNE " may say otherwise");
        if (fate != ADDON_DELETE)
            take_out(pass);
    }
    addons_pass_next(pass);
}

/* True: it is under way. */
static bool look_at(struct addons_pass *pass)
{
    const struct addon_item *item = present(pass);
    struct kube_resource resource;
    struct addons_path path;
    int r = addons_resource(pass, item->api_version, item->kind, &resource);
    if (r == -EINPROGRESS)
        return true;
    if (r == 0)
        r = addons_path(item->api_version, &resource, item->namespace, item->name, &path);
    if (r == 0)
        r = kube_get(addons_client(pass->owner), &path.path, addons_then(pass, on_found));
    if (r == 0)
        return true;
    if (r == -ENOENT || r == -EINVAL)
        take_out(pass); /* with its resource it is gone, too */
    else
        fail(pass, strerror(-r));
    return false;
}

/* ---- one add-on ---- */

static void on_written(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    if (addons_pass_is_away(pass, answer))
        return;
    if (answer->error < 0 && answer->error != -ENOENT)
        pass->undeleted++;
    addons_pass_next(pass);
}

static int delete_inventory(struct addons_pass *pass, const char *addon)
{
    _autofree_ char *name = str_format(ADDONS_INVENTORY_PREFIX "%s", addon);
    const struct kube_path path = {
        .kind = &kube_config_maps, .namespace = ADDONS_NAMESPACE, .name = name};
    return name
               ? kube_delete(addons_client(pass->owner), &path, NULL, addons_then(pass, on_written))
               : -ENOMEM;
}

/* Writes what is left. True: that is under way. */
static bool end_addon(struct addons_pass *pass)
{
    struct addon_known *known = pass->pruning;
    bool gone = !loaded_of(pass, pass->pruning_name) && known->items.n == 0;
    int r = 0;
    bool write = pass->pruned || (gone && known->stored);
    if (write)
        r = gone ? delete_inventory(pass, pass->pruning_name)
                 : addons_write_inventory(pass, pass->pruning_name, &known->items, on_written);
    free(pass->pruning_name);
    pass->pruning_name = NULL;
    pass->pruning = NULL;
    pass->pruned = false;
    return write && r == 0;
}

/* The next one whose inventory may be looked through; false: there is none. */
static bool begin_addon(struct addons_pass *pass)
{
    for (struct map_entry_view e; map_next(pass->known, &pass->cursor, &e);) {
        const struct addon_loaded *addon = loaded_of(pass, e.key);
        if (addon && (addon->failed || addon->problems.len))
            continue;
        pass->pruning_name = strdup(e.key);
        if (!pass->pruning_name)
            return false;
        pass->pruning = e.value;
        pass->item = pass->pruning->items.n;
        return true;
    }
    return false;
}

/* Whether the present item is to go; what another add-on brings now leaves this one's list. */
static bool is_left_over(struct addons_pass *pass)
{
    char id[ADDON_ID_SIZE];
    const struct addon_item *item = present(pass);
    (void)addon_object_id(item->api_version, item->kind, item->namespace, item->name, id);
    const struct addon_loaded *owner = map_gets(pass->wanted, id);
    if (owner && !str_eq(owner->name, pass->pruning_name))
        take_out(pass);
    return !owner;
}

bool addons_prune_next(struct addons_pass *pass)
{
    if (pass->item_open) { /* its resource was asked for, or its fate told */
        pass->item_open = false;
        if (pass->asked && look_at(pass)) {
            pass->item_open = true;
            return true;
        }
    }
    while (pass->pruning || begin_addon(pass)) {
        while (pass->item > 0) {
            pass->item--;
            if (is_left_over(pass) && look_at(pass)) {
                pass->item_open = true;
                return true;
            }
        }
        if (end_addon(pass))
            return true;
    }
    return false;
}
