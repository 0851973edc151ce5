/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of a Cluster: who forms it, how far it is, and what its Nodes say. */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "resource/condition.h"
#include "server/cluster-entry.h"
#include "server/machine-act.h"

void cluster_tell(const struct cluster_entry *entry, bool warning, const char *reason,
                  const char *message)
{
    struct server *server = entry->server;
    log_at(warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "Cluster %s: %s: %s", entry->name, reason,
           message);
    json_auto_t *object = store_get(server->store, &kind_cluster, entry->name);
    if (object)
        (void)!store_event(server->store, object, warning, reason, message);
}

/* ---- who initialises it ---- */

struct election {
    char *machine;
    char endpoint[CLUSTER_ENDPOINT_SIZE];
};

static int set_initialized_by(void *data, json_t *object, struct err *err)
{
    const struct election *e = data;
    (void)err;
    if (object_text(object, "status.initializedBy"))
        return 0;
    int r = object_set(object, "status.initializedBy", json_string(e->machine));
    return r < 0 ? r : object_set(object, "status.endpoint", json_string(e->endpoint));
}

static void on_elected(void *data, int rc, json_t *object, const struct err *err)
{
    struct election *e = data;
    if (rc < 0)
        log_error("a Cluster's first control plane could not be recorded: %s", err_text(err));
    else
        log_info("Cluster %s: %s forms it", object_name(object),
                 object_text(object, "status.initializedBy"));
    free(e->machine);
    free(e);
}

void cluster_elect(struct cluster_entry *entry, const char *machine)
{
    const struct cluster_machine *member = cluster_member_find(entry, machine);
    struct election *e = member ? calloc(1, sizeof(*e)) : NULL;
    if (!e)
        return;
    e->machine = strdup(machine);
    if (!e->machine ||
        cluster_endpoint_text(entry->cluster, cluster_member_address(member), e->endpoint) < 0 ||
        store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name,
                     set_initialized_by, on_elected, e) < 0) {
        free(e->machine);
        free(e);
    }
}

/* ---- how far it is ---- */

struct summary {
    int64_t now;
    int64_t generation;
    enum cluster_phase phase;
    bool initialized; /* the Machine that forms it is done */
    bool reachable;
    char ca_hash[PKI_HASH_TEXT_SIZE];
    char version[32];
    struct cluster_count control_planes, workers;
};

static bool init_is_done(const struct cluster_entry *entry)
{
    const char *name = entry->cluster->status.initialized_by;
    const struct cluster_machine *first = name ? cluster_member_find(entry, name) : NULL;
    return first && cluster_member_has_joined(first);
}

static bool init_has_failed(const struct cluster_entry *entry)
{
    const char *name = entry->cluster->status.initialized_by;
    const struct cluster_machine *first = name ? cluster_member_find(entry, name) : NULL;
    return first && first->machine->status.phase == MACHINE_FAILED;
}

static void count_members(const struct cluster_entry *entry, struct summary *s)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        struct cluster_count *count =
            member->role == ROLE_CONTROL_PLANE ? &s->control_planes : &s->workers;
        if (member->role != ROLE_CONTROL_PLANE && member->role != ROLE_WORKER)
            continue;
        if (member->approved == TRI_FALSE || machine_is_released(member->machine))
            continue; /* nobody waits for it */
        count->total++;
        count->ready += member->machine->status.phase == MACHINE_READY;
    }
}

static enum cluster_phase phase_of(const struct cluster_entry *entry, const struct summary *s)
{
    bool all_ready = s->control_planes.ready == s->control_planes.total &&
                     s->workers.ready == s->workers.total && s->control_planes.total > 0;
    if (!entry->cluster->status.initialized_by)
        return CLUSTER_PENDING;
    if (!entry->cluster->status.initialized_at && !s->initialized)
        return init_has_failed(entry) ? CLUSTER_FAILED : CLUSTER_INITIALIZING;
    return s->reachable && all_ready ? CLUSTER_READY : CLUSTER_DEGRADED;
}

static struct summary summarize(const struct cluster_entry *entry)
{
    struct summary s = {
        .now = clock_wall(entry->server->clock),
        .generation = entry->cluster->meta.generation,
        .initialized = init_is_done(entry),
        .reachable = entry->link && cluster_link_is_up(entry->link),
    };
    if (entry->pki_ready)
        (void)!pki_hash(entry->pki.ca.certificate, s.ca_hash);
    if (s.initialized)
        (void)snprintf(s.version, sizeof(s.version), "%s", entry->cluster->spec.kubernetes_version);
    count_members(entry, &s);
    s.phase = phase_of(entry, &s);
    return s;
}

static int set_count(json_t *object, const char *path, struct cluster_count count)
{
    return object_set(object, path,
                      json_pack("{s:I, s:I}", "ready", (json_int_t)count.ready, "total",
                                (json_int_t)count.total));
}

static int set_texts(json_t *object, const struct summary *s)
{
    int r = object_set(object, "status.phase", json_string(cluster_phase_text(s->phase)));
    if (r == 0 && s->ca_hash[0])
        r = object_set(object, "status.caHash", json_string(s->ca_hash));
    if (r == 0 && s->version[0] && !object_text(object, "status.kubernetesVersion"))
        r = object_set(object, "status.kubernetesVersion", json_string(s->version));
    if (r == 0 && s->initialized && !object_text(object, "status.initializedAt")) {
        char text[CLOCK_TEXT_SIZE];
        r = object_set(object, "status.initializedAt", json_string(clock_text(s->now, text)));
    }
    return r;
}

static int set_conditions(json_t *object, const struct summary *s)
{
    bool formed = s->initialized || object_text(object, "status.initializedAt");
    int r = object_set_condition(object, "Initialized", formed ? CONDITION_TRUE : CONDITION_FALSE,
                                 formed ? "Initialized" : "NotYet",
                                 formed ? "kubeadm init has ended well" : "kubeadm init is due",
                                 s->now);
    return r < 0 ? r
                 : object_set_condition(
                       object, "Available", s->reachable ? CONDITION_TRUE : CONDITION_FALSE,
                       s->reachable ? "Reachable" : "Unreachable",
                       s->reachable ? "its API server answers" : "its API server does not answer",
                       s->now);
}

static int set_summary(void *data, json_t *object, struct err *err)
{
    const struct summary *s = data;
    (void)err;
    int r = set_texts(object, s);
    if (r == 0)
        r = set_conditions(object, s);
    if (r == 0)
        r = set_count(object, "status.controlPlanes", s->control_planes);
    if (r == 0)
        r = set_count(object, "status.workers", s->workers);
    return r < 0 ? r
                 : object_set(object, "status.observedGeneration",
                              json_integer((json_int_t)s->generation));
}

static void on_saved(void *data, int rc, json_t *object, const struct err *err)
{
    (void)object;
    if (rc < 0)
        log_warn("a Cluster's status could not be saved: %s", err_text(err));
    free(data);
}

/* What is the same is not written: the store sees to that. */
void cluster_status_update(struct cluster_entry *entry)
{
    struct summary *s = malloc(sizeof(*s));
    if (!s)
        return;
    *s = summarize(entry);
    if (store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name, set_summary,
                     on_saved, s) < 0)
        free(s);
}

/* ---- what its Nodes say ---- */

static void tell(struct cluster_entry *entry, const struct cluster_machine *member,
                 const struct cluster_node *node)
{
    enum machine_phase phase = member->machine->status.phase;
    bool member_now = cluster_member_has_joined(member);
    bool ready = member_now && node && node->ready;
    if (ready == (phase == MACHINE_READY))
        return;
    if (ready && phase != MACHINE_JOINING && phase != MACHINE_RUNNING)
        return;
    char message[320] = "its Node is Ready";
    if (!ready)
        (void)snprintf(message, sizeof(message), "its Node is not Ready: %s",
                       node ? node->message : "there is none");
    const struct machine_act act = {
        .type = MACHINE_EVENT_NODE, .node_ready = ready, .message = message};
    machine_act(entry->server, member->machine->meta.name, &act);
}

void cluster_nodes_told(struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->link || !cluster_link_is_up(entry->link))
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        tell(entry, member, cluster_link_node(entry->link, member->machine->meta.name));
    }
}
