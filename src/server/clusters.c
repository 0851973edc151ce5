/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cluster controller: follows Clusters, and looks at one again whenever it, one of its Machines
 * or its API server changes, or a time has come.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"
#include "server/follow.h"

enum { LOOK_MS = 10, RETRY_MS = 10000 };

struct clusters {
    struct server *server;
    struct follow *follow;
    struct map *by_name;    /* struct cluster_entry */
    struct map *of_machine; /* Machine's name -> its Cluster's name (malloc'd) */
    struct cluster_pkis *pkis;
    uv_timer_t timer;
};

static void on_timer(uv_timer_t *timer);

static void entry_free(void *value)
{
    struct cluster_entry *entry = value;
    cluster_handout_give_up(entry);
    if (entry->leavings)
        map_free_with(entry->leavings, cluster_leaving_free);
    cluster_addons_free(entry->addons);
    cluster_upgrade_free(entry);
    cluster_save_free(entry);
    cluster_link_free(entry->link);
    if (entry->undecided)
        map_free_with(entry->undecided, cluster_csr_forget);
    if (entry->cluster)
        cluster_free(entry->cluster);
    if (entry->members)
        map_free_with(entry->members, cluster_member_free);
    pki_clear(&entry->pki);
    free(entry->pki_problem);
    free(entry->confirmed_save);
    free(entry->name);
    free(entry);
}

struct cluster_entry *clusters_find(const struct server *server, const char *name)
{
    return server->clusters ? map_gets(server->clusters->by_name, name) : NULL;
}

struct cluster_entry *clusters_of_machine(const struct server *server, const char *machine)
{
    const char *name = server->clusters ? map_gets(server->clusters->of_machine, machine) : NULL;
    return name ? clusters_find(server, name) : NULL;
}

static struct cluster_entry *entry_of(struct clusters *self, const char *name)
{
    struct cluster_entry *entry = map_gets(self->by_name, name);
    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->server = self->server;
    entry->pkis = self->pkis;
    entry->name = strdup(name);
    entry->members = map_new();
    entry->leavings = map_new();
    entry->undecided = map_new();
    if (entry->name && entry->members && entry->leavings && entry->undecided &&
        map_puts(self->by_name, name, entry, NULL) == 0)
        return entry;
    entry_free(entry);
    return NULL;
}

/* ---- when to look ---- */

static void look_in(struct clusters *self, int64_t ms)
{
    uint64_t due = ms > 0 ? (uint64_t)ms : 0;
    if (!uv_is_active((uv_handle_t *)&self->timer) || uv_timer_get_due_in(&self->timer) > due)
        (void)uv_timer_start(&self->timer, on_timer, due, 0);
}

void cluster_touch(struct cluster_entry *entry)
{
    entry->dirty = true;
    if (entry->server->clusters)
        look_in(entry->server->clusters, LOOK_MS);
}

void cluster_retry(struct cluster_entry *entry)
{
    if (!entry->retry_at)
        entry->retry_at = uv_now(&entry->server->loop) + RETRY_MS;
    if (entry->server->clusters)
        look_in(entry->server->clusters, RETRY_MS);
}

/* ---- looking ---- */

static void plan(struct cluster_entry *entry)
{
    struct cluster_decision decision _cleanup_(cluster_decision_free) = {0};
    if (cluster_decide(entry, &decision) < 0)
        return;
    entry->wake_ms = decision.plan.wake_at;
    if (decision.plan.elect)
        cluster_elect(entry, decision.plan.elect);
}

/* An API server that is away now is asked when it is back: nobody else would remember. */
static void retry_rights(struct cluster_entry *entry)
{
    bool up = entry->link && cluster_link_is_up(entry->link);
    if (!entry->rights_failed)
        return;
    if (up)
        cluster_rbac_apply(entry);
    else
        cluster_retry(entry);
}

static void retry(struct cluster_entry *entry)
{
    entry->retry_at = 0;
    cluster_pki_retry(entry);
    cluster_csr_retry(entry);
    retry_rights(entry);
    cluster_leavings_retry(entry);
    cluster_upgrade_retry(entry);
}

static void look(struct cluster_entry *entry)
{
    entry->dirty = false;
    entry->wake_ms = 0;
    cluster_pki_look(entry);
    if (!entry->cluster)
        return;
    if (entry->pki_ready && entry->cluster->status.initialized_at)
        cluster_link_update(entry);
    cluster_auto_approve(entry);
    plan(entry);
    cluster_nodes_told(entry);
    cluster_tokens_clean(entry);
    cluster_leavings_look(entry);
    cluster_saved_clean(entry);
    cluster_rollout_step(entry);
    cluster_addons_update(entry);
    cluster_status_update(entry);
}

static void look_if_due(struct cluster_entry *entry, int64_t wall, uint64_t now)
{
    bool again = entry->retry_at && entry->retry_at <= now;
    if (again)
        retry(entry);
    if (again || entry->dirty || (entry->wake_ms && entry->wake_ms <= wall))
        look(entry);
}

static void on_timer(uv_timer_t *timer)
{
    struct clusters *self = timer->data;
    size_t cursor = 0;
    int64_t wall = clock_wall(self->server->clock);
    uint64_t now = uv_now(&self->server->loop);
    for (struct map_entry_view e; map_next(self->by_name, &cursor, &e);) {
        struct cluster_entry *entry = e.value;
        look_if_due(entry, wall, now);
        if (entry->wake_ms)
            look_in(self, entry->wake_ms > wall ? entry->wake_ms - wall : LOOK_MS);
        if (entry->retry_at)
            look_in(self, (int64_t)(entry->retry_at - now));
    }
}

/* ---- following ---- */

/* What was of a Cluster that is gone, though Machines may name it still. */
static void forget(struct cluster_entry *entry)
{
    bool was_there = entry->cluster != NULL;
    cluster_free(entry->cluster);
    entry->cluster = NULL;
    cluster_leavings_give_up(entry);
    cluster_addons_free(entry->addons);
    entry->addons = NULL;
    cluster_upgrade_free(entry);
    cluster_save_free(entry);
    cluster_link_free(entry->link);
    entry->link = NULL;
    entry->rights_set = entry->rights_failed = false;
    if (was_there)
        cluster_pki_deleted(entry);
}

static bool is_another(const struct cluster_entry *entry, const struct cluster *cluster)
{
    return entry->cluster && !str_eq(entry->cluster->meta.uid, cluster->meta.uid);
}

static void put(struct cluster_entry *entry, struct cluster *cluster)
{
    if (is_another(entry, cluster))
        forget(entry);
    if (entry->cluster &&
        !str_eq(entry->cluster->spec.certificates_from, cluster->spec.certificates_from))
        cluster_pki_retry(entry);
    cluster_free(entry->cluster);
    entry->cluster = cluster;
}

static const char *saved_id(const struct cluster_entry *entry)
{
    return entry->cluster ? entry->cluster->status.saved.id : NULL;
}

static void on_cluster(void *data, enum store_change change, json_t *object)
{
    struct clusters *self = data;
    struct cluster_entry *entry = entry_of(self, object_name(object));
    struct cluster *cluster = NULL;
    if (!entry) {
        log_error("Cluster %s: out of memory", object_name(object));
        return;
    }
    bool known = entry->cluster != NULL;
    _autofree_ char *before = saved_id(entry) ? strdup(saved_id(entry)) : NULL;
    if (change == STORE_DELETED)
        forget(entry);
    else if (cluster_decode(object, &cluster, NULL) == 0)
        put(entry, cluster);
    else
        log_error("Cluster %s: what the store says of it cannot be read", object_name(object));
    if (!known || !entry->cluster || !str_eq(before, saved_id(entry)))
        cluster_saved_sweep(entry);
    cluster_touch(entry);
}

static void leave(struct clusters *self, const char *machine, const char *next)
{
    const char *before = map_gets(self->of_machine, machine);
    if (!before || str_eq(before, next))
        return;
    struct cluster_entry *entry = map_gets(self->by_name, before);
    if (entry) {
        cluster_leaving_give_up(entry, machine);
        cluster_member_remove(entry, machine);
        cluster_touch(entry);
    }
    free(map_removes(self->of_machine, machine));
}

static int enter(struct clusters *self, const json_t *object, const char *cluster)
{
    struct cluster_entry *entry = entry_of(self, cluster);
    if (!entry)
        return -ENOMEM;
    if (!map_gets(self->of_machine, object_name(object))) {
        char *copy = strdup(cluster);
        if (!copy || map_puts(self->of_machine, object_name(object), copy, NULL) < 0) {
            free(copy);
            return -ENOMEM;
        }
    }
    int r = cluster_member_put(entry, object);
    cluster_touch(entry);
    return r;
}

char *clusters_name_of(const struct server *server, const json_t *machine)
{
    const char *own = object_text(machine, "spec.cluster");
    const char *name = object_text(machine, "spec.profile");
    if (!str_empty(own) || str_empty(name))
        return str_empty(own) ? NULL : strdup(own);
    json_auto_t *profile = store_get(server->store, &kind_profile, name);
    const char *given = profile ? object_text(profile, "spec.cluster") : NULL;
    return str_empty(given) ? NULL : strdup(given);
}

void clusters_machine_changed(struct server *server, enum store_change change, const json_t *object)
{
    struct clusters *self = server->clusters;
    if (!self)
        return;
    _autofree_ char *cluster = change == STORE_DELETED ? NULL : clusters_name_of(server, object);
    leave(self, object_name(object), cluster);
    if (!str_empty(cluster) && enter(self, object, cluster) < 0)
        log_error("%s: out of memory, its Cluster does not count it", object_name(object));
}

void clusters_image_changed(struct server *server, const char *image)
{
    struct clusters *self = server->clusters;
    size_t cursor = 0;
    for (struct map_entry_view e; self && map_next(self->by_name, &cursor, &e);) {
        struct cluster_entry *entry = e.value;
        if (entry->cluster && str_eq(entry->cluster->spec.rollout.image, image))
            cluster_touch(entry);
    }
}

/* ---- life ---- */

int clusters_new(struct server *server, struct err *err)
{
    struct clusters *self = calloc(1, sizeof(*self));
    if (!self)
        return err_set(err, -ENOMEM, "out of memory");
    *self = (struct clusters){.server = server, .by_name = map_new(), .of_machine = map_new()};
    (void)uv_timer_init(&server->loop, &self->timer);
    self->timer.data = self;
    server->clusters = self;
    if (!self->by_name || !self->of_machine)
        return err_set(err, -ENOMEM, "out of memory");
    int r = cluster_pkis_new(server, &self->pkis, err);
    if (r < 0)
        return r;
    const struct follow_options follow = {
        .loop = &server->loop,
        .store = server->store,
        .kind = &kind_cluster,
        .data = self,
        .on_object = on_cluster,
    };
    r = follow_new(&follow, &self->follow);
    return r < 0 ? err_errno(err, r, "cannot follow Clusters") : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void clusters_free(struct server *server)
{
    struct clusters *self = server->clusters;
    if (!self)
        return;
    server->clusters = NULL;
    follow_free(self->follow);
    map_free_with(self->by_name, entry_free);
    map_free_with(self->of_machine, free);
    cluster_pkis_free(self->pkis);
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}
