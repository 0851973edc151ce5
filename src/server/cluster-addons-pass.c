/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the add-ons of a cluster: what earlier passes brought is read from the cluster,
 * each add-on's inventory is widened before its objects are applied (so a crash forgets nothing),
 * and what no add-on brings any more is pruned at the end.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kube/request.h"
#include "resource/kind.h"
#include "server/cluster-addons.h"

struct kube_client *addons_client(const struct addons *addons)
{
    return cluster_link_client(addons->entry->link);
}

struct kube_then addons_then(struct addons_pass *pass,
                             void (*done)(void *user, const struct kube_answer *answer))
{
    return (struct kube_then){.done = done, .user = pass, .slot = &pass->request};
}

int64_t addons_now(const struct addons *addons)
{
    return clock_now(addons->entry->server->clock);
}

/* ---- how it goes on and ends ---- */

static void on_pause(uv_timer_t *timer)
{
    struct addons *a = timer->data;
    if (a->pass)
        addons_pass_next(a->pass);
}

void addons_pass_pause(struct addons_pass *pass, uint64_t ms)
{
    (void)uv_timer_start(pass->pause, on_pause, ms, 0);
}

/* Not at once: callers still look at the pass. */
void addons_pass_abort(struct addons_pass *pass, const char *why)
{
    pass->away = true;
    (void)snprintf(pass->away_text, sizeof(pass->away_text), "%s", why);
    addons_pass_pause(pass, 0);
}

bool addons_pass_is_away(struct addons_pass *pass, const struct kube_answer *answer)
{
    if (answer->error == 0 || !kube_error_is_transient(answer->error) || answer->status.code)
        return false; /* an answer, though perhaps not the one that was hoped for */
    addons_pass_abort(pass, answer->status.message);
    return true;
}

void addons_pass_fail(struct addons_pass *pass, struct addon_loaded *addon, const char *what,
                      const char *why)
{
    (void)pass;
    addon->failed++;
    if (!addon->failure)
        addon->failure = str_format("%s: %s", what, why);
}

void addon_known_free(void *value)
{
    struct addon_known *known = value;
    addon_inventory_free(&known->items);
    free(known);
}

void addons_pass_cancel(struct addons_pass *pass)
{
    if (!pass)
        return;
    kube_request_cancel(pass->request);
    (void)uv_timer_stop(pass->pause);
    addon_set_free(pass->set);
    if (pass->known)
        map_free_with(pass->known, addon_known_free);
    map_free(pass->wanted);
    free(pass->pruning_name);
    free(pass);
}

/* ---- inventories ---- */

static int read_inventory(void *user, json_t *object)
{
    struct addons_pass *pass = user;
    const json_t *labels = object_get(object, "metadata.labels");
    const char *addon = json_string_value(json_object_get(labels, ADDON_INVENTORY_LABEL));
    const char *text = object_text(object, "data.objects");
    struct addon_known *known = str_empty(addon) ? NULL : calloc(1, sizeof(*known));
    if (!known)
        return 0;
    known->stored = true;
    void *old = NULL;
    int r = text ? addon_inventory_read(&known->items, text) : 0;
    if (r == 0)
        r = map_puts(pass->known, addon, known, &old);
    if (r < 0)
        addon_known_free(known);
    if (old)
        addon_known_free(old);
    return 0;
}

static struct addon_known *known_of(struct addons_pass *pass, const char *addon)
{
    struct addon_known *known = map_gets(pass->known, addon);
    if (known)
        return known;
    known = calloc(1, sizeof(*known));
    if (known && map_puts(pass->known, addon, known, NULL) < 0) {
        free(known);
        known = NULL;
    }
    return known;
}

int addons_write_inventory(struct addons_pass *pass, const char *addon,
                           const struct addon_inventory *items,
                           void (*done)(void *user, const struct kube_answer *answer))
{
    _autobuf_ struct buf text = BUF_INIT;
    _autofree_ char *name = str_format(ADDONS_INVENTORY_PREFIX "%s", addon);
    const struct kube_path path = {
        .kind = &kube_config_maps, .namespace = ADDONS_NAMESPACE, .name = name};
    const struct kube_write_options options = {.force = true};
    addon_inventory_write(items, &text);
    json_auto_t *map =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                  "ConfigMap", "metadata", "name", name, "namespace", ADDONS_NAMESPACE, "labels",
                  ADDON_INVENTORY_LABEL, addon, "data", "objects", buf_str(&text));
    if (!name || !map || buf_error(&text) < 0)
        return -ENOMEM;
    return kube_patch(addons_client(pass->owner), &path, KUBE_PATCH_APPLY, map, &options,
                      addons_then(pass, done));
}

static void on_noted(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    struct addon_loaded *addon = &pass->set->items[pass->addon];
    if (addons_pass_is_away(pass, answer))
        return;
    if (answer->error == 0) {
        pass->noted = true;
    } else {
        /* what would not be found again is not brought in */
        addons_pass_fail(pass, addon, "its inventory", answer->status.message);
        pass->addon++;
        pass->object = 0;
    }
    addons_pass_next(pass);
}

/* What is wrong with one add-on is nothing that the others wait for. */
static void leave_out(struct addons_pass *pass, struct addon_loaded *addon, int error)
{
    addons_pass_fail(pass, addon, "its inventory",
                     error == -E2BIG ? "it and what is to be deleted are too many objects"
                                     : strerror(-error));
    pass->addon++;
    pass->object = 0;
    addons_pass_pause(pass, 0);
}

/* Widens the add-on's inventory by what is to be applied. False: it is being written. */
static bool note(struct addons_pass *pass, struct addon_loaded *addon)
{
    struct addon_known *known = known_of(pass, addon->name);
    bool news = false;
    int r = known ? 0 : -ENOMEM;
    for (size_t i = 0; r >= 0 && i < addon->objects.n; i++) {
        const struct addon_object *o = &addon->objects.items[i];
        r = addon_inventory_add(&known->items, o->api_version, o->kind, o->namespace, o->name);
        news = news || r > 0;
    }
    if (r >= 0 && !news) {
        pass->noted = true;
        return true;
    }
    if (r >= 0)
        r = addons_write_inventory(pass, addon->name, &known->items, on_noted);
    if (r == -EINVAL || r == -E2BIG)
        leave_out(pass, addon, r);
    else if (r < 0)
        addons_pass_abort(pass, strerror(-r));
    else
        known->stored = true;
    return false;
}

/* ---- one add-on after the other ---- */

/* False: something is under way. */
static bool apply_addon(struct addons_pass *pass, struct addon_loaded *addon)
{
    if (!pass->noted && !note(pass, addon))
        return false;
    while (pass->object < addon->objects.n) {
        struct addon_object *o = &addon->objects.items[pass->object];
        if (o->order > ADDON_DEFINITIONS && !pass->established) {
            if (!addons_definitions_are_there(pass, addon))
                return false;
            pass->established = true;
        }
        if (pass->full || !addons_is_applied(pass, o)) {
            addons_apply(pass, o);
            return false;
        }
        pass->object++;
    }
    return true;
}

void addons_pass_next(struct addons_pass *pass)
{
    while (!pass->away && pass->addon < pass->set->n) {
        if (!apply_addon(pass, &pass->set->items[pass->addon]))
            return;
        pass->addon++;
        pass->object = pass->definition = 0;
        pass->noted = pass->established = pass->asked = false;
        pass->deadline = 0;
    }
    if (pass->away || !addons_prune_next(pass))
        addons_pass_done(pass->owner, pass);
}

static void on_listed(void *user, const struct kube_answer *answer, const char *version)
{
    struct addons_pass *pass = user;
    (void)version;
    if (answer->error < 0)
        addons_pass_abort(pass, answer->status.message);
    else
        addons_pass_next(pass);
}

/* ---- its start ---- */

static int collect_wanted(struct addons_pass *pass)
{
    char id[ADDON_ID_SIZE];
    for (size_t i = 0; i < pass->set->n; i++) {
        struct addon_loaded *addon = &pass->set->items[i];
        for (size_t k = 0; k < addon->objects.n; k++) {
            const struct addon_object *o = &addon->objects.items[k];
            (void)addon_object_id(o->api_version, o->kind, o->namespace, o->name, id);
            if (map_puts(pass->wanted, id, addon, NULL) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static int list_inventories(struct addons_pass *pass)
{
    const struct kube_path path = {.kind = &kube_config_maps, .namespace = ADDONS_NAMESPACE};
    const struct kube_list_options options = {.label_selector = ADDON_INVENTORY_LABEL};
    const struct kube_list_then then = {
        .item = read_inventory, .done = on_listed, .user = pass, .slot = &pass->request};
    return kube_list(addons_client(pass->owner), &path, &options, then);
}

int addons_pass_start(struct addons *addons, struct addon_set *set)
{
    struct addons_pass *pass = calloc(1, sizeof(*pass));
    if (!pass) {
        addon_set_free(set);
        return -ENOMEM;
    }
    pass->owner = addons;
    pass->set = set;
    pass->full = addons->full;
    pass->pause = &addons->pause;
    pass->known = map_new();
    pass->wanted = map_new();
    int r = pass->known && pass->wanted ? collect_wanted(pass) : -ENOMEM;
    if (r == 0)
        r = list_inventories(pass);
    if (r < 0)
        addons_pass_cancel(pass);
    if (r < 0)
        return r;
    addons->pass = pass;
    addons->full = false; /* what is asked for from now on is for the next one */
    return 0;
}
