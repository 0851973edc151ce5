/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine of a Cluster said hello: is there something for it to do? If so it gets a task, sealed
 * to its key, after its token is with the API server and its phase is on disk.
 */
#include <inttypes.h>
#include <sodium.h>

#include "base/log.h"
#include "base/str.h"
#include "cluster/kubeadm.h"
#include "kube/request.h"
#include "base/map.h"
#include "server/cluster-entry.h"
#include "server/cluster-etcd.h"
#include "server/cluster-task.h"
#include "server/machine-act.h"

enum { ID_BYTES = 16 };

/* A task on its way. Names, not pointers: Cluster and Machine may go meanwhile. */
struct handout {
    struct server *server;
    char *cluster, *machine;
    char *message;
    char *id;
    struct trust_public key;
    enum plan_action action;
    bool reset;              /* it has to leave a former cluster before the action */
    struct kube_token token; /* joins */
    int64_t token_expires_ms;
    clusters_answered done;
    void *data;
};

static void handout_free(struct handout *h)
{
    kube_token_wipe(&h->token);
    free(h->cluster);
    free(h->machine);
    free(h->message);
    free(h->id);
    free(h);
}

void cluster_reply(clusters_answered done, void *data, enum protocol_action action,
                   uint32_t poll_seconds, const char *reason)
{
    const struct cluster_answer a = {
        .action = action, .poll_seconds = poll_seconds, .reason = reason};
    done(data, &a);
}

void cluster_reply_task(clusters_answered done, void *data, const char *reason, const char *sealed)
{
    const struct cluster_answer a = {.action = PROTOCOL_TASK,
                                     .poll_seconds = CLUSTER_POLL_SOON,
                                     .reason = reason,
                                     .sealed_task = sealed};
    done(data, &a);
}

/* The end of a handout: the machine may get another one. */
static void finish(struct handout *h, const struct cluster_answer *a)
{
    struct cluster_entry *entry = clusters_find(h->server, h->cluster);
    struct cluster_machine *member = entry ? cluster_member_find(entry, h->machine) : NULL;
    if (member)
        member->busy = false;
    if (entry && entry->tokens_unsure)
        cluster_touch(entry); /* nobody looks for them while a task is being made */
    h->done(h->data, a);
    handout_free(h);
}

/* Its token may be with the API server, even if that did not say so, or will be in a moment. */
static void give_up(struct handout *h, const char *reason)
{
    struct cluster_entry *entry = clusters_find(h->server, h->cluster);
    log_warn("%s: no task of Cluster %s: %s", h->machine, h->cluster, reason);
    if (entry && h->token.id[0]) {
        entry->tokens_unsure = true;
        cluster_retry(entry);
    }
    const struct cluster_answer a = {
        .action = PROTOCOL_WAIT, .poll_seconds = CLUSTER_POLL_SOON, .reason = reason};
    finish(h, &a);
}

/* ---- the task ---- */

static const char *version_in_image(const struct server *server,
                                    const struct cluster_machine *member)
{
    const char *image = member->machine->status.installed_image;
    const struct image_facts *facts = str_empty(image) ? NULL : images_facts(server, image);
    return facts && facts->kubernetes[0] ? facts->kubernetes : NULL;
}

static enum protocol_task_kind kind_of(const struct handout *h)
{
    if (h->reset)
        return PROTOCOL_TASK_RESET;
    bool init = h->action == PLAN_INIT || h->action == PLAN_RESTORE;
    return init ? PROTOCOL_TASK_INIT : PROTOCOL_TASK_JOIN;
}

static enum machine_role role_of(const struct handout *h)
{
    return h->action == PLAN_JOIN_WORKER ? ROLE_WORKER : ROLE_CONTROL_PLANE;
}

static int make_task(const struct handout *h, char **ret_sealed, struct err *err)
{
    const struct cluster_entry *entry = clusters_find(h->server, h->cluster);
    const struct cluster_machine *member = entry ? cluster_member_find(entry, h->machine) : NULL;
    char token[KUBE_TOKEN_TEXT_SIZE] = "";
    if (!member || !entry->cluster || !entry->pki_ready)
        return err_set(err, -ENOENT, "the Cluster or the Machine is gone");
    const struct network *network = networks_of_address(h->server, cluster_member_address(member));
    if (h->token.id[0])
        (void)kube_token_text(&h->token, token);
    const struct cluster_task_input input = {
        .cluster = entry->cluster,
        .pki = &entry->pki,
        .kind = kind_of(h),
        .role = role_of(h),
        .saved = h->action == PLAN_RESTORE && !h->reset ? entry->cluster->status.saved.id : NULL,
        .id = h->id,
        .machine = h->machine,
        .address = cluster_member_address(member),
        .subnet = network ? network->spec.subnet : (struct cidr){0},
        .first = cluster_first_address(entry),
        .version = version_in_image(h->server, member),
        .token = token,
    };
    int r = cluster_task_seal(&input, &h->key, ret_sealed, err);
    sodium_memzero(token, sizeof(token));
    return r;
}

static void on_noted(void *data, int rc, const struct machine_change *change,
                     const struct machine *machine, const struct machine_spec *effective)
{
    struct handout *h = data;
    struct err err = ERR_INIT;
    _autofree_ char *sealed = NULL;
    (void)machine, (void)effective;
    if (rc < 0 || !change->task) {
        give_up(h, rc < 0 ? "its phase could not be saved" : change->reason);
        return;
    }
    if (make_task(h, &sealed, &err) < 0) {
        give_up(h, err_text(&err));
        return;
    }
    const struct cluster_answer a = {.action = PROTOCOL_TASK,
                                     .poll_seconds = CLUSTER_POLL_LATER,
                                     .reason = h->message,
                                     .sealed_task = sealed};
    finish(h, &a);
}

static void note_task(struct handout *h)
{
    const struct machine_act act = {
        .type = MACHINE_EVENT_TASK,
        .key = h->key,
        .task = h->id,
        .cluster = h->cluster,
        .role = role_of(h),
        .token_id = h->token.id[0] ? h->token.id : NULL,
        .token_expires_ms = h->token_expires_ms,
        .message = h->message,
        .done = on_noted,
        .data = h,
    };
    machine_act(h->server, h->machine, &act);
}

/* ---- the token ---- */

static void on_token(void *user, const struct kube_answer *reply)
{
    struct handout *h = user;
    if (reply->error < 0)
        give_up(h, reply->status.message);
    else
        note_task(h);
}

static int token_secret(struct handout *h, const struct cluster_entry *entry, json_t **ret)
{
    static const char *const groups[] = {KUBEADM_GROUP};
    static const char *const labels[] = {CLUSTER_TOKEN_LABEL, CLUSTER_TOKEN_MANAGER, NULL};
    const char *const annotations[] = {CLUSTER_TOKEN_MACHINE, h->machine, NULL};
    _autofree_ char *description = str_format("for Machine %s, made by Slipway", h->machine);
    kube_token_make(h->server->rng, &h->token);
    h->token_expires_ms =
        clock_wall(h->server->clock) + entry->cluster->spec.join_policy.token_ttl_seconds * 1000;
    const struct kube_token_options options = {
        .expires_wall_ms = h->token_expires_ms,
        .authentication = true,
        .groups = groups,
        .n_groups = ARRAY_SIZE(groups),
        .description = description,
        .labels = labels,
        .annotations = annotations,
    };
    return kube_token_secret(&h->token, &options, ret);
}

static int create_token(struct handout *h, struct cluster_entry *entry)
{
    const struct kube_path path = {.kind = &kube_secrets, .namespace = "kube-system"};
    json_auto_t *secret = NULL;
    if (!entry->link || !cluster_link_is_up(entry->link))
        return -ENOTCONN;
    if (!entry->rights_set)
        return -EAGAIN;
    int r = token_secret(h, entry, &secret);
    entry->tokens_made++;
    if (r == 0)
        r = kube_create(cluster_link_client(entry->link), &path, secret, NULL,
                        (struct kube_then){.done = on_token, .user = h});
    return r;
}

static void begin_join(struct handout *h, struct cluster_entry *entry)
{
    int r = entry ? create_token(h, entry) : -ENOENT;
    if (r < 0)
        give_up(h, r == -EAGAIN ? "the cluster does not know yet what a joining machine may do"
                                : err_text(&(struct err){.code = r}));
}

/* ---- etcd, before a control plane joins: votes that are lost would be missed ---- */

static size_t known_control_planes(const struct cluster_entry *entry,
                                   const char *names[ETCD_MEMBERS_MAX])
{
    size_t n = 0, cursor = 0;
    for (struct map_entry_view e; n < ETCD_MEMBERS_MAX && map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->role == ROLE_CONTROL_PLANE && cluster_member_has_joined(member))
            names[n++] = member->machine->meta.name;
    }
    return n;
}

static const struct etcd_member *choose_stale(void *user, const struct etcd_members *members)
{
    const struct handout *h = user;
    const struct cluster_entry *entry = clusters_find(h->server, h->cluster);
    const char *names[ETCD_MEMBERS_MAX];
    if (!entry)
        return NULL;
    return etcd_stale(members, h->machine, names, known_control_planes(entry, names));
}

/* An etcd that cannot be asked from here is kubeadm's business: it asks it, too. */
static void on_tidy(void *user, int error, const char *text, size_t removed)
{
    struct handout *h = user;
    struct cluster_entry *entry = clusters_find(h->server, h->cluster);
    if (entry)
        entry->tidying = NULL;
    if (removed)
        log_info("Cluster %s: %zu members of etcd without a machine were removed", h->cluster,
                 removed);
    if (error == -EBUSY || error == -EDOM) {
        give_up(h, text);
        return;
    }
    if (error < 0)
        log_warn("Cluster %s: its etcd was not looked at: %s", h->cluster, text);
    begin_join(h, entry);
}

static void tidy(struct handout *h, struct cluster_entry *entry)
{
    const struct etcd_change_options options = {.user = h, .choose = choose_stale, .done = on_tidy};
    if (entry->tidying)
        give_up(h, "another control plane is about to join");
    else if (etcd_change_start(entry, &options, &entry->tidying) < 0)
        begin_join(h, entry);
    else
        entry->tidier = h;
}

void cluster_handout_give_up(struct cluster_entry *entry)
{
    if (!entry->tidying)
        return;
    etcd_change_cancel(TAKE_PTR(entry->tidying));
    give_up(entry->tidier, "the server is stopping");
}

/* ---- the beginning ---- */

char *cluster_task_id(struct rng *rng, const char *prefix)
{
    uint8_t bytes[ID_BYTES];
    rng_fill(rng, bytes, sizeof(bytes));
    _autofree_ char *hex = str_hex(bytes, sizeof(bytes));
    return hex ? str_format("%s%s", prefix, hex) : NULL;
}

/* It was a member before it was rejected, and its system still is a node: it has said so. */
static bool needs_reset(const struct cluster_machine *member)
{
    const struct machine_join *join = &member->machine->status.join;
    return join->state == JOIN_FAILED && str_eq(join->failure, PROTOCOL_FAILURE_MEMBER);
}

/*
 * One that shall initialise the cluster is never told to forget what it is: its etcd may be all
 * that is left of a cluster that this server does not remember.
 */
static bool may_reset(enum plan_action action)
{
    return action == PLAN_JOIN_CONTROL_PLANE || action == PLAN_JOIN_WORKER;
}

static char *message_of(const struct cluster_entry *entry, enum plan_action action, bool reset)
{
    if (reset)
        return str_format("stops being the node it was, before it joins Cluster %s anew",
                          entry->name);
    if (action == PLAN_INIT)
        return str_format("forms Cluster %s", entry->name);
    if (action == PLAN_RESTORE)
        return str_format("starts Cluster %s again with what its etcd held", entry->name);
    return str_format("joins Cluster %s as %s", entry->name,
                      action == PLAN_JOIN_WORKER ? "worker" : "control plane");
}

static struct handout *handout_new(const struct cluster_entry *entry,
                                   const struct cluster_machine *member, enum plan_action action)
{
    struct handout *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->server = entry->server;
    h->action = action;
    h->reset = may_reset(action) && needs_reset(member);
    h->cluster = strdup(entry->name);
    h->machine = strdup(member->machine->meta.name);
    h->message = message_of(entry, action, h->reset);
    h->id = cluster_task_id(entry->server->rng, h->reset ? CLUSTER_TASK_RESET : "");
    if (h->cluster && h->machine && h->message && h->id)
        return h;
    handout_free(h);
    return NULL;
}

static void begin(struct cluster_entry *entry, struct cluster_machine *member,
                  enum plan_action action, const struct trust_public *key, clusters_answered done,
                  void *data)
{
    struct handout *h = handout_new(entry, member, action);
    if (!h) {
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, "the server is out of memory");
        return;
    }
    h->key = *key;
    h->done = done;
    h->data = data;
    member->busy = true;
    if (action == PLAN_INIT || action == PLAN_RESTORE || h->reset) {
        note_task(h);
        return;
    }
    if (action == PLAN_JOIN_CONTROL_PLANE)
        tidy(h, entry);
    else
        begin_join(h, entry);
}

/* Whether the machine's image holds what the Cluster wants; else says so into text. */
static bool image_fits(const struct cluster_entry *entry, const struct cluster_machine *member,
                       char *text, size_t size)
{
    const char *wanted = entry->cluster->spec.kubernetes_version;
    const char *found = version_in_image(entry->server, member);
    if (found && (!wanted || str_eq(found, wanted)))
        return true;
    const char *image = member->machine->status.installed_image;
    (void)snprintf(text, size, "Cluster %s wants Kubernetes %s, Image %s of this machine holds %s",
                   entry->name, wanted ? wanted : "", image ? image : "(unknown)",
                   found ? found : "none");
    return false;
}

/* Before the first machine with another version of Kubernetes; one that saved etcd came after that.
 */
static bool needs_preparation(struct cluster_entry *entry, const struct cluster_machine *member,
                              enum plan_action action)
{
    bool joins = action == PLAN_JOIN_CONTROL_PLANE || action == PLAN_JOIN_WORKER;
    return joins && cluster_upgrade_is_due(entry->cluster) &&
           !cluster_upgrade(entry, member->machine->status.installed_image,
                            CLUSTER_UPGRADE_PREPARED);
}

static void serve(struct cluster_entry *entry, struct cluster_machine *member,
                  const struct trust_public *key, clusters_answered done, void *data)
{
    struct cluster_decision decision _cleanup_(cluster_decision_free) = {0};
    char text[512] = "the server is out of memory";
    const char *name = member->machine->meta.name;
    const struct plan_step *step =
        cluster_decide(entry, &decision) == 0 ? cluster_decision_of(&decision, name) : NULL;
    enum plan_action action = step ? step->action : PLAN_WAIT;
    switch (action) {
    case PLAN_NOTHING:
    case PLAN_BUSY:
        cluster_reply(done, data, PROTOCOL_OK, CLUSTER_POLL_LATER, step->reason);
        return;
    case PLAN_WAIT:
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_SOON, step ? step->reason : text);
        return;
    case PLAN_INIT:
    case PLAN_JOIN_CONTROL_PLANE:
    case PLAN_JOIN_WORKER:
    case PLAN_RESTORE:
        break;
    }
    if (!entry->pki_ready)
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_SOON,
                      entry->pki_problem ? "the Cluster has no PKI: its condition PKIReady says why"
                                         : "the Cluster's PKI is being made");
    else if (!image_fits(entry, member, text, sizeof(text)))
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, text);
    else if (needs_preparation(entry, member, action))
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_SOON,
                      "the cluster is being prepared for another version of Kubernetes");
    else
        begin(entry, member, action, key, done, data);
}

void clusters_hello(struct server *server, const struct machine *machine, const char *cluster,
                    const struct trust_public *key, clusters_answered done, void *data)
{
    char text[512];
    struct cluster_entry *entry = clusters_find(server, cluster);
    if (!entry || !entry->cluster) {
        (void)snprintf(text, sizeof(text), "there is no Cluster %s", cluster);
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, text);
        return;
    }
    /* What was just stored, and what the watch has not told of yet. */
    json_auto_t *object = store_get(server->store, &kind_machine, machine->meta.name);
    if (object)
        (void)!cluster_member_put(entry, object);
    struct cluster_machine *member = cluster_member_find(entry, machine->meta.name);
    if (!member) {
        cluster_reply(done, data, PROTOCOL_WAIT, CLUSTER_POLL_LATER, "the server is out of memory");
        return;
    }
    serve(entry, member, key, done, data);
}
