/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Add-ons: when a pass is due (files, values, the API server, the slow check), and what people see
 * of it.
 */
#include "server/cluster-addons.h"

#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "resource/condition.h"

enum {
    SETTLE_MS = 300, /* after a file has changed others may, too */
    WATCHES_MAX = 130,
};

static void schedule(struct addons *a, int64_t at_least_ms);

/* ---- files ---- */

struct file_watch {
    struct list in; /* the owner's list */
    uv_fs_event_t event;
    struct addons *owner; /* NULL: it is being closed */
};

static void on_file(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct file_watch *w = container_of(event, struct file_watch, event);
    (void)name, (void)events, (void)status;
    if (!w->owner)
        return;
    w->owner->when.changed = true;
    schedule(w->owner, SETTLE_MS);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(container_of(handle, struct file_watch, event));
}

static void unwatch(struct addons *a)
{
    list_for_each_safe (it, &a->watches) {
        struct file_watch *w = container_of(it, struct file_watch, in);
        list_remove(it);
        w->owner = NULL;
        uv_close((uv_handle_t *)&w->event, on_watch_closed);
    }
}

/* A folder itself, and of a file its folder: editors replace files. */
static void watch(struct addons *a, const char *path)
{
    struct stat st;
    _autofree_ char *folder = path && path[0] == '/' ? strdup(path) : NULL;
    struct file_watch *w = folder ? calloc(1, sizeof(*w)) : NULL;
    if (!w)
        return;
    if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        strrchr(folder, '/')[strrchr(folder, '/') == folder] = '\0';
    w->owner = a;
    w->event.data = w;
    (void)uv_fs_event_init(&a->entry->server->loop, &w->event);
    list_append(&a->watches, &w->in);
    /* what cannot be watched is seen by the slow check */
    (void)uv_fs_event_start(&w->event, on_file, folder, 0);
}

static void watch_all(struct addons *a)
{
    size_t i;
    json_t *addon;
    unwatch(a);
    json_array_foreach (json_object_get(a->input, "addons"), i, addon) {
        if (2 * i + 1 >= WATCHES_MAX)
            break;
        watch(a, object_text(addon, "path"));
        watch(a, object_text(addon, "variablesFrom"));
    }
}

/* ---- what people see ---- */

struct outcome {
    int64_t now;
    bool none; /* the Cluster has no add-ons */
    bool good;
    char *message;
};

static bool has_condition(const json_t *object)
{
    size_t i;
    json_t *condition;
    json_array_foreach (object_get(object, "status.conditions"), i, condition) {
        if (str_eq(object_text(condition, "type"), "AddonsApplied"))
            return true;
    }
    return false;
}

static int set_outcome(void *data, json_t *object, struct err *err)
{
    const struct outcome *o = data;
    (void)err;
    if (o->none && o->good && !has_condition(object))
        return 0;
    return object_set_condition(object, "AddonsApplied", o->good ? CONDITION_TRUE : CONDITION_FALSE,
                                !o->good  ? "Failed"
                                : o->none ? "NoAddons"
                                          : "Applied",
                                o->message, o->now);
}

static void on_outcome_saved(void *data, int rc, json_t *object, const struct err *err)
{
    struct outcome *o = data;
    (void)object;
    if (rc < 0)
        log_warn("a Cluster's condition AddonsApplied could not be saved: %s", err_text(err));
    free(o->message);
    free(o);
}

static void save_outcome(struct addons *a, bool none, bool good, const char *message)
{
    struct server *server = a->entry->server;
    struct outcome *o = calloc(1, sizeof(*o));
    if (!o)
        return;
    *o = (struct outcome){clock_wall(server->clock), none, good, strdup(message)};
    if (!o->message || store_mutate(server->store, &kind_cluster, STORE_STATUS, a->entry->name,
                                    set_outcome, on_outcome_saved, o) < 0) {
        free(o->message);
        free(o);
    }
}

/* "dex: Deployment.apps dex/dex: ... (and 2 more)"; NULL when all of it is well. */
static char *failure_of(const struct addon_loaded *addon)
{
    const char *text = buf_str(&addon->problems);
    size_t first = strcspn(text, "\n"), lines = 0;
    char line[600], more[40] = "";
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    size_t all = lines + addon->failed;
    if (!all)
        return NULL;
    (void)snprintf(line, sizeof(line), "%.*s", (int)first, text);
    if (all > 1)
        (void)snprintf(more, sizeof(more), " (and %zu more)", all - 1);
    return str_format("%s: %s%s", addon->name,
                      lines            ? line
                      : addon->failure ? addon->failure
                                       : "out of memory",
                      more);
}

static void tell_addon(struct addons *a, const struct addon_loaded *addon, const char *failure,
                       bool again)
{
    if (failure && !again)
        cluster_tell(a->entry, true, "AddonFailed", failure);
    if (failure || !addon->sent)
        return;
    _autofree_ char *text = str_format("%s: %zu of %zu objects were new or changed", addon->name,
                                       addon->sent, addon->objects.n);
    if (text)
        cluster_tell(a->entry, false, "AddonApplied", text);
}

/* All failures of a pass as one text, to see whether they are new; "" when there are none. */
static char *tell_all(struct addons *a, const struct addons_pass *pass)
{
    struct buf all = BUF_INIT;
    for (size_t i = 0; i < pass->set->n; i++) {
        const struct addon_loaded *addon = &pass->set->items[i];
        _autofree_ char *failure = failure_of(addon);
        tell_addon(a, addon, failure, failure && a->told && strstr(a->told, failure));
        if (failure)
            buf_printf(&all, "%s%s", all.len ? "; " : "", failure);
    }
    buf_adds(&all, "");
    char *ret = buf_steal(&all);
    buf_free(&all);
    return ret;
}

static void tell_pass(struct addons *a, const struct addons_pass *pass)
{
    size_t objects = 0;
    char message[1000];
    char *failures = tell_all(a, pass);
    for (size_t i = 0; i < pass->set->n; i++)
        objects += pass->set->items[i].objects.n;
    bool good = failures && !failures[0] && !pass->undeleted;
    if (!str_empty(failures))
        (void)snprintf(message, sizeof(message), "%s", failures);
    else if (!good)
        (void)snprintf(message, sizeof(message), "%zu objects could not be deleted",
                       pass->undeleted);
    else
        (void)snprintf(message, sizeof(message), "%zu objects of %zu add-ons", objects,
                       pass->set->n);
    save_outcome(a, pass->set->n == 0, good, message);
    a->when.failed = !good;
    free(a->told);
    a->told = failures;
}

/* ---- passes ---- */

static void end_pass(struct addons *a, bool failed)
{
    a->when.failed = failed;
    a->when.failures = failed ? a->when.failures + 1 : 0;
    a->when.last_ms = addons_now(a);
    schedule(a, a->when.changed ? SETTLE_MS : 0);
}

void addons_pass_done(struct addons *a, struct addons_pass *pass)
{
    if (pass->away) {
        log_warn("Cluster %s: its add-ons: %s", a->entry->name, pass->away_text);
        a->when.failed = true;
        a->full = a->full || pass->full;
    } else {
        tell_pass(a, pass);
        if (pass->full)
            a->full_ms = addons_now(a);
    }
    a->pass = NULL;
    addons_pass_cancel(pass);
    end_pass(a, a->when.failed);
}

static void on_loaded(void *user, struct addon_set *set)
{
    struct addons *a = user;
    a->load = NULL;
    if (set && a->up && addons_pass_start(a, set) == 0)
        return;
    if (set && !a->up)
        addon_set_free(set);
    end_pass(a, true);
}

static void on_timer(uv_timer_t *timer)
{
    struct addons *a = timer->data;
    if (!a->up || a->load || a->pass || !a->input)
        return;
    a->full = a->full || addons_now(a) - a->full_ms >= ADDONS_DRIFT_MS;
    a->when.changed = false;
    watch_all(a); /* before they are read, so that no change is missed */
    if (addons_load_start(&a->entry->server->loop, a->input, on_loaded, a, &a->load) < 0)
        end_pass(a, true);
}

static void schedule(struct addons *a, int64_t at_least_ms)
{
    bool idle = json_array_size(json_object_get(a->input, "addons")) == 0;
    int64_t due = addons_due_in(&a->when, addons_now(a));
    if (!a->up || a->load || a->pass || (idle && !a->when.changed && !a->when.failed))
        return;
    if (due < at_least_ms)
        due = at_least_ms;
    uv_update_time(&a->entry->server->loop);
    (void)uv_timer_start(&a->timer, on_timer, (uint64_t)due, 0);
}

/* ---- life ---- */

static struct addons *addons_new(struct cluster_entry *entry)
{
    struct addons *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->entry = entry;
    a->generation = -1;
    a->applied = map_new();
    a->resources = map_new();
    list_init(&a->watches);
    (void)uv_timer_init(&entry->server->loop, &a->timer);
    (void)uv_timer_init(&entry->server->loop, &a->pause);
    a->timer.data = a->pause.data = a;
    if (a->applied && a->resources)
        return a;
    cluster_addons_free(a);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct addons *a = handle->data;
    if (--a->closing == 0)
        free(a);
}

static void free_list(void *list)
{
    json_decref(list);
}

void cluster_addons_free(struct addons *a)
{
    if (!a)
        return;
    unwatch(a);
    addons_load_cancel(a->load);
    addons_pass_cancel(a->pass);
    if (a->applied)
        map_free_with(a->applied, free);
    if (a->resources)
        map_free_with(a->resources, free_list);
    json_decref(a->input);
    free(a->signature);
    free(a->told);
    a->closing = 2;
    uv_close((uv_handle_t *)&a->timer, on_closed);
    uv_close((uv_handle_t *)&a->pause, on_closed);
}

/* True when the add-ons, or values that they may use, are not what they were. */
static bool take_input(struct addons *a)
{
    const struct cluster *cluster = a->entry->cluster;
    const char *endpoint = cluster->status.endpoint ? cluster->status.endpoint : "";
    json_t *input = NULL;
    if (a->generation == cluster->meta.generation && str_eq(a->endpoint, endpoint))
        return false;
    if (addons_input(cluster, a->entry->pki.ca.certificate, &input) < 0)
        return false;
    char *signature = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);
    bool changed = !str_eq(signature, a->signature);
    json_decref(a->input);
    a->input = input;
    free(a->signature);
    a->signature = signature;
    a->generation = cluster->meta.generation;
    (void)snprintf(a->endpoint, sizeof(a->endpoint), "%s", endpoint);
    return changed;
}

void cluster_addons_update(struct cluster_entry *entry)
{
    if (!entry->pki_ready || !entry->link)
        return;
    if (!entry->addons)
        entry->addons = addons_new(entry);
    struct addons *a = entry->addons;
    if (!a)
        return;
    bool up = cluster_link_is_up(entry->link), changed = take_input(a);
    if (up && !a->up)
        a->full = changed = true; /* whatever has happened to it meanwhile */
    a->up = up;
    if (!changed)
        return;
    a->when.changed = true;
    a->when.failures = 0;
    schedule(a, 0);
}
