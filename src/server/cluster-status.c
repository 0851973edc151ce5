/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of a Cluster: who forms it, how far it is, and what its Nodes say. */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "protocol/task.h"
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
    enum condition_status pki; /* CONDITION_UNSET: it is being found or made */
    const char *pki_reason;
    char pki_message[1024];
    char version[32];
    char members[512]; /* what is wrong with its Machines; "": nothing */
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
        if (!machine_role_joins(member->role))
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

static void summarize_pki(const struct cluster_entry *entry, struct summary *s)
{
    const char *from = entry->cluster->spec.certificates_from;
    const char *message = "";
    if (entry->pki_ready) {
        (void)!pki_hash(entry->pki.ca.certificate, s->ca_hash);
        s->pki = CONDITION_TRUE;
        s->pki_reason = from ? "Imported" : "Created";
        message = from ? "the server has its authorities' keys, which were brought"
                       : "the server has its authorities' keys";
    } else if (entry->pki_problem) {
        s->pki = CONDITION_FALSE;
        s->pki_reason = from && !entry->cluster->status.ca_hash ? "ImportFailed" : "Failed";
        message = entry->pki_problem;
    }
    (void)snprintf(s->pki_message, sizeof(s->pki_message), "%s", message);
}

static struct summary summarize(const struct cluster_entry *entry)
{
    struct summary s = {
        .now = clock_wall(entry->server->clock),
        .generation = entry->cluster->meta.generation,
        .initialized = init_is_done(entry),
        .reachable = entry->link && cluster_link_is_up(entry->link),
    };
    summarize_pki(entry, &s);
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

static int set_condition(json_t *object, const char *type, bool holds, const char *const texts[4],
                         int64_t now)
{
    return object_set_condition(object, type, holds ? CONDITION_TRUE : CONDITION_FALSE,
                                texts[holds ? 0 : 2], texts[holds ? 1 : 3], now);
}

static int set_conditions(json_t *object, const struct summary *s)
{
    static const char *const initialized[] = {"Initialized", "kubeadm init has ended well",
                                              "NotYet", "kubeadm init is due"};
    static const char *const available[] = {"Reachable", "its API server answers", "Unreachable",
                                            "its API server does not answer"};
    bool formed = s->initialized || object_text(object, "status.initializedAt");
    int r = 0;
    if (s->pki != CONDITION_UNSET)
        r = object_set_condition(object, "PKIReady", s->pki, s->pki_reason, s->pki_message, s->now);
    if (r == 0)
        r = set_condition(object, "Initialized", formed, initialized, s->now);
    return r < 0 ? r : set_condition(object, "Available", s->reachable, available, s->now);
}

/* The first thing that is wrong; the others follow when that is mended. */
static void check_members(const struct cluster_entry *entry, struct summary *s)
{
    _autofree_ struct cluster_member *members = NULL;
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    size_t n;
    if (cluster_members_list(entry, &members, &n) < 0)
        return;
    cluster_check_members(entry->cluster, members, n, &problems);
    if (problems.n == 0)
        return;
    const struct problem *p = &problems.items[0];
    (void)snprintf(s->members, sizeof(s->members), "%s%s%s", str_empty(p->path) ? "" : p->path,
                   str_empty(p->path) ? "" : ": ", p->text);
}

static int set_members_valid(json_t *object, const struct summary *s)
{
    bool valid = !s->members[0];
    return object_set_condition(object, "MembersValid", valid ? CONDITION_TRUE : CONDITION_FALSE,
                                valid ? "Valid" : "Contradiction",
                                valid ? "its Machines can form it" : s->members, s->now);
}

static int set_summary(void *data, json_t *object, struct err *err)
{
    const struct summary *s = data;
    (void)err;
    int r = set_texts(object, s);
    if (r == 0)
        r = set_conditions(object, s);
    if (r == 0)
        r = set_members_valid(object, s);
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
    check_members(entry, s);
    if (store_mutate(entry->server->store, &kind_cluster, STORE_STATUS, entry->name, set_summary,
                     on_saved, s) < 0)
        free(s);
}

/* ---- what its Nodes say ---- */

/* It has joined so long ago that its API server should have been asked about it. */
static bool nobody_answers(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    enum { ANSWER_MS = 10000 };
    const struct machine_status *s = &member->machine->status;
    return clock_wall(entry->server->clock) - s->join.ended_at >= ANSWER_MS;
}

/* Without an API server what was seen last stays, if anything was. */
static bool node_was_seen(const struct machine *machine)
{
    const struct machine_status *s = &machine->status;
    const struct condition *node = condition_find(s->conditions, s->n_conditions, "NodeReady");
    return node && node->last_transition_time >= s->join.ended_at;
}

static struct machine_act node_act(const struct cluster_node *node, bool joined)
{
    struct machine_act act = {.type = MACHINE_EVENT_NODE,
                              .node_ready = joined && node && node->ready};
    act.reason = act.node_ready ? "NodeReady" : !node ? "NoNode" : node->reason;
    act.message = act.node_ready ? "its Node is Ready"
                  : !node        ? "there is no Node of that name"
                                 : node->message;
    return act;
}

static void tell_node(struct cluster_entry *entry, const struct cluster_machine *member)
{
    const struct machine *m = member->machine;
    bool joined = cluster_member_has_joined(member);
    const struct machine_act act = node_act(cluster_link_node(entry->link, m->meta.name), joined);
    bool moves = act.node_ready != (m->status.phase == MACHINE_READY);
    bool shown =
        !joined || machine_shows(m, "NodeReady", act.node_ready ? CONDITION_TRUE : CONDITION_FALSE,
                                 act.reason, act.message);
    if (moves || !shown)
        machine_act(entry->server, m->meta.name, &act);
}

static void tell_unknown(struct cluster_entry *entry, const struct cluster_machine *member)
{
    static const struct machine_act act = {
        .type = MACHINE_EVENT_NODE,
        .node_unknown = true,
        .reason = PROTOCOL_FAILURE_API,
        .message = "the API server of its Cluster does not answer",
    };
    const struct machine *m = member->machine;
    if (m->status.phase != MACHINE_READY && cluster_member_has_joined(member) &&
        !node_was_seen(m) && nobody_answers(entry, member))
        machine_act(entry->server, m->meta.name, &act);
}

void cluster_nodes_told(struct cluster_entry *entry)
{
    size_t cursor = 0;
    bool up = entry->link && cluster_link_is_up(entry->link);
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        enum machine_phase phase = member->machine->status.phase;
        bool may_have =
            phase == MACHINE_JOINING || phase == MACHINE_RUNNING || phase == MACHINE_READY;
        if (may_have && up)
            tell_node(entry, member);
        else if (may_have)
            tell_unknown(entry, member);
    }
}
