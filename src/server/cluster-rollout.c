/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a Cluster's Machines to another Image: carries out what rollout_plan() decides. A Machine
 * whose turn has come gets the Image and an installation that is due; it then leaves the cluster in
 * order, is installed, and joins again, as after any `slipway reinstall`.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "cluster/rollout.h"
#include "resource/condition.h"
#include "server/cluster-entry.h"
#include "server/image-facts.h"

/* ---- what is there ---- */

static int64_t ready_since(const struct machine *machine)
{
    const struct machine_status *s = &machine->status;
    const struct condition *healthy = condition_find(s->conditions, s->n_conditions, "Healthy");
    return healthy && healthy->status == CONDITION_TRUE ? healthy->last_transition_time : 0;
}

/* Its Image holds another version of Kubernetes than the Cluster's, so it may not join. */
static bool is_barred(const struct cluster_entry *entry, const struct machine *m)
{
    const char *image = m->status.installed_image;
    const struct image_facts *facts = image ? images_facts(entry->server, image) : NULL;
    return m->status.phase == MACHINE_RUNNING && !m->status.join.task && facts && facts->ready &&
           !str_eq(facts->kubernetes, entry->cluster->spec.kubernetes_version);
}

static struct rollout_machine rollout_machine_of(const struct cluster_entry *entry,
                                                 const struct cluster_machine *member,
                                                 const char *image)
{
    const struct machine *m = member->machine;
    bool due = m->spec.install_generation > m->status.installed_generation;
    return (struct rollout_machine){
        .name = m->meta.name,
        .role = member->role,
        .member = member->approved == TRI_TRUE && m->status.phase != MACHINE_RELEASING &&
                  m->status.phase != MACHINE_RELEASED,
        .wants = str_eq(member->image, image),
        .installed = !due && str_eq(m->status.installed_image, member->image),
        .ready = m->status.phase == MACHINE_READY,
        .failed = m->status.phase == MACHINE_FAILED,
        .barred = is_barred(entry, m),
        .ready_since = ready_since(m),
    };
}

struct gathered {
    struct rollout_machine *machines;
    bool *begin;
    size_t n;
};

static void gathered_free(struct gathered *g)
{
    free(g->machines);
    free(g->begin);
}

static int gather(const struct cluster_entry *entry, const char *image, struct gathered *ret)
{
    size_t count = map_count(entry->members), cursor = 0;
    ret->machines = calloc(count + 1, sizeof(*ret->machines));
    ret->begin = calloc(count + 1, sizeof(*ret->begin));
    if (!ret->machines || !ret->begin)
        return -ENOMEM;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);)
        ret->machines[ret->n++] = rollout_machine_of(entry, e.value, image);
    return 0;
}

/* ---- beginning with a Machine ---- */

static int set_image(void *data, json_t *object, struct err *err)
{
    const char *image = data;
    (void)err;
    if (str_eq(object_text(object, "spec.image"), image))
        return 0; /* by an earlier look */
    int64_t installed = json_integer_value(object_get(object, "status.installedGeneration"));
    int64_t asked = json_integer_value(object_get(object, "spec.installGeneration"));
    int r = object_set(object, "spec.image", json_string(image));
    /* An installation that is under way may end yet, and is not this one. */
    bool due = asked > installed;
    if (r < 0 || (!due && str_eq(object_text(object, "status.installedImage"), image)))
        return r;
    return object_set(object, "spec.installGeneration",
                      json_integer((due ? asked : installed) + 1));
}

static void on_image_set(void *data, int rc, json_t *object, const struct err *err)
{
    if (rc < 0)
        log_warn("a Machine could not be given Image %s: %s", (char *)data, err_text(err));
    else
        log_info("%s: gets Image %s", object_name(object), (char *)data);
    free(data);
}

static void begin(const struct cluster_entry *entry, const char *machine, const char *image)
{
    char *copy = strdup(image);
    if (!copy || store_mutate(entry->server->store, &kind_machine, STORE_ALL, machine, set_image,
                              on_image_set, copy) < 0)
        free(copy);
}

/* ---- what people see ---- */

struct report {
    struct server *server;
    char *image, *previous;
    struct rollout rollout;
    char version[32]; /* that all members run now; "": not all */
    int64_t now;
    bool news; /* the state is another one than before */
};

static void report_free(struct report *r)
{
    free(r->image);
    free(r->previous);
    free(r);
}

/* What a rollout to another Image begins with. */
static int set_beginning(json_t *object, const struct report *r)
{
    char text[CLOCK_TEXT_SIZE];
    int rc = object_set(object, "status.rollout.image", json_string(r->image));
    if (rc == 0)
        rc = object_set(object, "status.rollout.startedAt", json_string(clock_text(r->now, text)));
    if (rc == 0 && r->previous)
        rc = object_set(object, "status.rollout.previousImage", json_string(r->previous));
    return rc;
}

static int set_report(void *data, json_t *object, struct err *err)
{
    struct report *r = data;
    const char *state = rollout_state_text(r->rollout.state);
    bool same = str_eq(object_text(object, "status.rollout.image"), r->image);
    (void)err;
    r->news = !same || !str_eq(object_text(object, "status.rollout.state"), state);
    int rc = same ? 0 : set_beginning(object, r);
    if (rc == 0)
        rc = object_set(object, "status.rollout.state", json_string(state));
    if (rc == 0)
        rc = object_set(object, "status.rollout.message", json_string(r->rollout.message));
    if (rc == 0)
        rc = object_set(object, "status.rollout.updated",
                        json_integer((json_int_t)r->rollout.updated));
    if (rc == 0)
        rc = object_set(object, "status.rollout.total", json_integer((json_int_t)r->rollout.total));
    if (rc == 0 && r->version[0])
        rc = object_set(object, "status.kubernetesVersion", json_string(r->version));
    return rc;
}

static void on_reported(void *data, int rc, json_t *object, const struct err *err)
{
    struct report *r = data;
    if (rc < 0) {
        log_warn("a Cluster's rollout could not be recorded: %s", err_text(err));
    } else if (r->news) {
        bool bad = r->rollout.state == ROLLOUT_FAILED;
        _autofree_ char *reason = str_format("Rollout%s", rollout_state_text(r->rollout.state));
        log_info("Cluster %s: rollout of Image %s: %s", object_name(object), r->image,
                 r->rollout.message);
        (void)!store_event(r->server->store, object, bad, reason ? reason : "Rollout",
                           r->rollout.message);
    }
    report_free(r);
}

/* The Image that most of the others have, to go back to. */
static const char *most_common_other(const struct cluster_entry *entry, const char *image)
{
    const char *best = NULL;
    size_t best_count = 0, outer = 0;
    for (struct map_entry_view a; map_next(entry->members, &outer, &a);) {
        const char *candidate = ((const struct cluster_machine *)a.value)->image;
        size_t inner = 0, count = 0;
        if (!candidate || str_eq(candidate, image))
            continue;
        for (struct map_entry_view b; map_next(entry->members, &inner, &b);)
            count += str_eq(((const struct cluster_machine *)b.value)->image, candidate) ? 1 : 0;
        if (count > best_count || (count == best_count && best && strcmp(candidate, best) < 0)) {
            best = candidate;
            best_count = count;
        }
    }
    return best;
}

static bool is_complete(const struct rollout *rollout)
{
    return rollout->state == ROLLOUT_COMPLETE && rollout->updated == rollout->total;
}

static void tell(const struct cluster_entry *entry, const char *image,
                 const struct rollout *rollout)
{
    const char *previous = most_common_other(entry, image);
    struct report *r = calloc(1, sizeof(*r));
    if (!r)
        return;
    r->server = entry->server;
    r->rollout = *rollout;
    r->now = clock_wall(entry->server->clock);
    if (is_complete(rollout))
        (void)snprintf(r->version, sizeof(r->version), "%s",
                       entry->cluster->spec.kubernetes_version);
    r->image = strdup(image);
    r->previous = previous ? strdup(previous) : NULL;
    if (!r->image || (previous && !r->previous) ||
        store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name, set_report,
                     on_reported, r) < 0)
        report_free(r);
}

/* ---- deciding ---- */

/* For a moment after the server's start nothing is known of an Image: nothing is said of it then.
 */
static bool is_unread(const struct cluster_entry *entry, const char *image)
{
    const struct image_facts *facts = images_facts(entry->server, image);
    return facts && !facts->ready && !facts->problem[0];
}

/* Whether nothing may be installed with that Image; then the rollout says why. */
static bool is_unfit(const struct cluster_entry *entry, const char *image, struct rollout *ret)
{
    const struct image_facts *facts = images_facts(entry->server, image);
    const char *wanted = entry->cluster->spec.kubernetes_version;
    *ret = (struct rollout){.state = ROLLOUT_WAITING, .total = map_count(entry->members)};
    if (!facts || !facts->ready)
        (void)snprintf(ret->message, sizeof(ret->message), "Image %s is not ready: %.256s", image,
                       facts ? facts->problem : "there is none");
    else if (!str_eq(facts->kubernetes, wanted))
        (void)snprintf(ret->message, sizeof(ret->message),
                       "Image %s holds Kubernetes %s, spec.kubernetesVersion is %s", image,
                       facts->kubernetes[0] ? facts->kubernetes : "none", wanted);
    return ret->message[0] != '\0';
}

/* Whether the rollout to that Image had come to its end before: then nothing is left to do. */
static bool was_complete(const struct cluster *cluster, const char *image)
{
    const struct cluster_rollout_status *last = &cluster->status.rollout;
    return str_eq(last->image, image) &&
           str_eq(last->state, rollout_state_text(ROLLOUT_COMPLETE)) &&
           last->updated == last->total && !cluster_upgrade_is_due(cluster);
}

/*
 * What is left to do in the cluster itself; the rollout is not complete before. Not for another
 * version only: a Cluster's new spec.imageRepository names the add-ons' container images anew, too.
 */
static void end_upgrade(struct cluster_entry *entry, const char *image, struct rollout *rollout)
{
    if (was_complete(entry->cluster, image))
        return;
    if (rollout->control_planes_updated)
        (void)cluster_upgrade(entry, image, CLUSTER_UPGRADE_DNS);
    if (!is_complete(rollout) || cluster_upgrade(entry, image, CLUSTER_UPGRADE_ENDED))
        return;
    rollout->state = ROLLOUT_PROGRESSING;
    (void)snprintf(rollout->message, sizeof(rollout->message), "the add-ons follow");
}

static bool begins_any(const struct gathered *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->begin[i])
            return true;
    }
    return false;
}

static void begin_all(struct cluster_entry *entry, const char *image, const struct gathered *g,
                      struct rollout *rollout)
{
    /* Without an API server there is nobody to prepare, only somebody to mend: see rollout_plan().
     */
    bool up = entry->link && cluster_link_is_up(entry->link);
    if (!begins_any(g))
        return;
    if (up && !cluster_upgrade(entry, image, CLUSTER_UPGRADE_PREPARED)) {
        (void)snprintf(rollout->message, sizeof(rollout->message), "the cluster is being prepared");
        return;
    }
    for (size_t i = 0; i < g->n; i++) {
        if (g->begin[i])
            begin(entry, g->machines[i].name, image);
    }
}

static void go_on(struct cluster_entry *entry, const char *image, struct rollout *ret)
{
    const struct cluster_rollout *spec = &entry->cluster->spec.rollout;
    struct gathered g _cleanup_(gathered_free) = {0};
    const struct rollout_cluster cluster = {
        .image = image,
        .max_unavailable = spec->max_unavailable,
        .min_ready_ms = spec->min_ready_seconds * 1000,
        .paused = spec->paused,
        .api_reachable = entry->link && cluster_link_is_up(entry->link),
    };
    if (gather(entry, image, &g) < 0) {
        log_error("Cluster %s: out of memory at its rollout", entry->name);
        return;
    }
    *ret = rollout_plan(&cluster, g.machines, g.n, clock_wall(entry->server->clock), g.begin);
    begin_all(entry, image, &g, ret);
    end_upgrade(entry, image, ret);
}

void cluster_rollout_step(struct cluster_entry *entry)
{
    const char *image = entry->cluster->spec.rollout.image;
    struct rollout rollout = {0};
    if (str_empty(image) || !entry->cluster->status.initialized_at || is_unread(entry, image))
        return;
    if (!is_unfit(entry, image, &rollout))
        go_on(entry, image, &rollout);
    if (rollout.wake_at && (!entry->wake_ms || rollout.wake_at < entry->wake_ms))
        entry->wake_ms = rollout.wake_at;
    if (rollout.message[0])
        tell(entry, image, &rollout);
}
