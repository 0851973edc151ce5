/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that leave their cluster: rejected, released, or installed anew. leave_decide() says what
 * comes next; this carries it out, one step at a time, and looks again after each. When leaving
 * began is noted on the Node itself, so a server that starts anew keeps the drain's deadline, and
 * one that finds a marked Node of a member that stays uncordons it.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "cluster/kubeadm-status.h"
#include "kube/drain.h"
#include "kube/request.h"
#include "server/cluster-etcd.h"
#include "server/machine-act.h"

enum {
    DRAIN_DEADLINE_MS = 10 * 60 * 1000,
    DRAIN_LEAST_MS = 1000,
    /* Each attempt to save stops the control plane: they become rarer. */
    SAVE_PAUSE_S = 10,
    SAVE_PAUSE_MAX_S = 600,
};

struct cluster_leaving {
    struct server *server;
    char *cluster, *machine;
    enum leave_reason reason;
    struct kube_drain *drain;
    struct etcd_change *etcd;
    struct kube_request *request; /* a step that is one request, or a read before a write */
    bool drained, etcd_left, config_left;
    bool last_drain;    /* it began at the deadline: whatever it says, it is the end */
    bool saves;         /* the next step is its machine's: see cluster-save.c */
    bool ending;        /* MACHINE_EVENT_LEFT is on its way to the disk */
    bool failed;        /* goes on after a pause */
    int64_t generation; /* for which it leaves; another one has no pause behind it */
    unsigned save_pause_s;
    uint64_t save_at; /* the loop's time before which saving is not tried again */
    char text[384];
};

void cluster_leaving_free(void *value)
{
    struct cluster_leaving *l = value;
    kube_drain_cancel(l->drain);
    etcd_change_cancel(l->etcd);
    kube_request_cancel(l->request);
    free(l->cluster);
    free(l->machine);
    free(l);
}

static void tell(const struct cluster_leaving *l, bool warning, const char *reason,
                 const char *message)
{
    log_at(warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s: %s: %s", l->machine, reason, message);
    json_auto_t *object = store_get(l->server->store, &kind_machine, l->machine);
    if (object)
        (void)!store_event(l->server->store, object, warning, reason, message);
}

static void say(struct cluster_leaving *l, const char *text)
{
    (void)snprintf(l->text, sizeof(l->text), "%s", text);
}

static struct cluster_entry *entry_of(const struct cluster_leaving *l)
{
    return clusters_find(l->server, l->cluster);
}

/* The step is over: what comes next? */
static void go_on(const struct cluster_leaving *l)
{
    struct cluster_entry *entry = entry_of(l);
    if (entry)
        cluster_touch(entry);
}

/* The step failed, and the reason is new or not: it is tried again after a pause. */
static void fail(struct cluster_leaving *l, const char *reason, const char *text)
{
    struct cluster_entry *entry = entry_of(l);
    if (!str_eq(l->text, text))
        tell(l, true, reason, text);
    say(l, text);
    l->failed = true;
    if (entry)
        cluster_retry(entry);
}

static struct kube_client *client_of(const struct cluster_leaving *l)
{
    return cluster_link_client(entry_of(l)->link);
}

/*
 * The Node's watch tells when a write to the Node has come to pass, and may have told before the
 * answer came: then nobody else would look again.
 */
static const struct cluster_node *node_of(const struct cluster_leaving *l)
{
    const struct cluster_entry *entry = entry_of(l);
    return entry ? cluster_link_node(entry->link, l->machine) : NULL;
}

/* ---- the Node is cordoned, and says since when ---- */

static json_t *mark_of(bool on, int64_t now)
{
    char text[CLOCK_TEXT_SIZE];
    json_t *since = on ? json_string(clock_text(now, text)) : json_null();
    return json_pack("{s:{s:{s:o}}, s:{s:b}}", "metadata", "annotations", CLUSTER_LEAVING_SINCE,
                     since, "spec", "unschedulable", on);
}

static void on_marked(void *user, const struct kube_answer *reply)
{
    struct cluster_leaving *l = user;
    if (reply->error < 0) {
        fail(l, "NodeNotCordoned", reply->status.message);
        return;
    }
    tell(l, false, "Draining", leave_reason_text(l->reason));
    const struct cluster_node *node = node_of(l);
    if (!node || node->leaving_since)
        go_on(l);
}

static int mark(struct cluster_leaving *l)
{
    const struct kube_path path = {.kind = &kube_nodes, .name = l->machine};
    json_auto_t *patch = mark_of(true, clock_wall(l->server->clock));
    return patch ? kube_patch(client_of(l), &path, KUBE_PATCH_MERGE, patch, NULL,
                              (struct kube_then){on_marked, l, &l->request})
                 : -ENOMEM;
}

/* ---- draining ---- */

static void tell_incomplete(const struct cluster_leaving *l, const struct kube_drain_result *result)
{
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "%s", result->message);
    for (size_t i = 0; i < result->n_blockers; i++)
        buf_printf(&text, "; %s/%s: %s", result->blockers[i].namespace, result->blockers[i].name,
                   result->blockers[i].reason);
    tell(l, true, "DrainIncomplete", buf_str(&text));
}

/* Only the deadline ends a drain without success: everything else may be better in a while. */
static void on_drained(void *user, const struct kube_drain_result *result)
{
    struct cluster_leaving *l = user;
    l->drain = NULL;
    bool later = result->error < 0 && result->error != -ETIMEDOUT && result->error != -ENOENT;
    if (later && !l->last_drain) {
        fail(l, "DrainInterrupted", result->message);
        return;
    }
    l->drained = true;
    if (later || result->error == -ETIMEDOUT)
        tell_incomplete(l, result);
    else
        tell(l, false, "Drained", "its pods have gone elsewhere");
    go_on(l);
}

static uint32_t time_left(const struct cluster_leaving *l, const struct cluster_machine *member,
                          const struct cluster_node *node)
{
    int64_t timeout = DRAIN_DEADLINE_MS;
    if (l->reason == LEAVE_RELEASED && member->machine->spec.release.drain_timeout_seconds > 0)
        timeout = member->machine->spec.release.drain_timeout_seconds * 1000;
    int64_t left = node->leaving_since + timeout - clock_wall(l->server->clock);
    if (left > timeout)
        left = timeout; /* a clock that went back */
    return left > DRAIN_LEAST_MS ? (uint32_t)left : DRAIN_LEAST_MS;
}

static int drain(struct cluster_leaving *l, const struct cluster_machine *member,
                 const struct cluster_node *node)
{
    const uint32_t left = time_left(l, member, node);
    l->last_drain = left <= DRAIN_LEAST_MS;
    const struct kube_drain_options options = {
        .node = l->machine,
        .deadline_ms = left,
        .grace_seconds = -1,
        .dead = !node->ready,
        .user = l,
        .done = on_drained,
    };
    return kube_drain_start(client_of(l), &options, &l->drain);
}

/* ---- a control plane leaves etcd ---- */

static const struct etcd_member *choose_own(void *user, const struct etcd_members *members)
{
    const struct cluster_leaving *l = user;
    const struct cluster_entry *entry = entry_of(l);
    const struct cluster_machine *member = entry ? cluster_member_find(entry, l->machine) : NULL;
    return etcd_find(members, l->machine, member ? cluster_member_address(member) : 0);
}

static void on_etcd(void *user, int error, const char *text, size_t removed)
{
    struct cluster_leaving *l = user;
    l->etcd = NULL;
    if (error < 0) {
        fail(l, error == -EBUSY ? "EtcdQuorum" : "EtcdUnavailable", text);
        return;
    }
    l->etcd_left = true;
    if (removed)
        tell(l, false, "EtcdMemberRemoved", "etcd goes on without it");
    go_on(l);
}

static int leave_etcd(struct cluster_leaving *l)
{
    const struct etcd_change_options options = {.user = l, .choose = choose_own, .done = on_etcd};
    return etcd_change_start(entry_of(l), &options, &l->etcd);
}

/* ---- kubeadm's list of API servers ---- */

static const struct kube_path config_path = {
    .kind = &kube_config_maps, .namespace = "kube-system", .name = "kubeadm-config"};

static void on_config_written(void *user, const struct kube_answer *reply)
{
    struct cluster_leaving *l = user;
    l->config_left = reply->error == 0;
    if (l->config_left || reply->error == -ESTALE)
        go_on(l); /* somebody else wrote meanwhile: read it anew */
    else
        fail(l, "ConfigNotWritten", reply->status.message);
}

/* 0: it is being written; else -ENOENT: there is nothing to write. */
static int write_config(struct cluster_leaving *l, json_t *object)
{
    _autofree_ char *text = NULL;
    json_t *data = json_object_get(object, "data");
    const char *status = json_string_value(json_object_get(data, KUBEADM_STATUS_KEY));
    int r = status ? kubeadm_status_remove(status, l->machine, &text) : -ENOENT;
    if (r < 0)
        return r;
    if (json_object_set_new(data, KUBEADM_STATUS_KEY, json_string(text)) < 0)
        return -ENOMEM;
    return kube_update(client_of(l), &config_path, object, NULL,
                       (struct kube_then){on_config_written, l, &l->request});
}

static void on_config(void *user, const struct kube_answer *reply)
{
    struct cluster_leaving *l = user;
    const struct cluster_entry *entry = entry_of(l);
    if (reply->error < 0 && reply->error != -ENOENT) {
        fail(l, "ConfigNotRead", reply->status.message);
        return;
    }
    if (!entry || !entry->link)
        return;
    /* kubeadm since 1.22 has no such list, and one that nobody can read is nobody's */
    int r = reply->error == 0 ? write_config(l, reply->object) : -ENOENT;
    if (r == 0)
        return;
    l->config_left = r == -ENOENT || r == -EBADMSG;
    if (l->config_left)
        go_on(l);
    else
        fail(l, "ConfigNotWritten", "out of memory");
}

static int leave_config(struct cluster_leaving *l)
{
    return kube_get(client_of(l), &config_path, (struct kube_then){on_config, l, &l->request});
}

/* ---- the Node goes ---- */

static void on_deleted(void *user, const struct kube_answer *reply)
{
    struct cluster_leaving *l = user;
    if (reply->error < 0 && reply->error != -ENOENT) {
        fail(l, "NodeNotDeleted", reply->status.message);
        return;
    }
    tell(l, false, "NodeDeleted", "it is no member of the cluster any more");
    if (!node_of(l))
        go_on(l);
}

static int delete_node(struct cluster_leaving *l)
{
    const struct kube_path path = {.kind = &kube_nodes, .name = l->machine};
    return kube_delete(client_of(l), &path, NULL, (struct kube_then){on_deleted, l, &l->request});
}

/* ---- the end ---- */

struct ending {
    struct server *server;
    char *cluster, *machine;
};

static void on_left(void *data, int rc, const struct machine_change *change,
                    const struct machine *machine, const struct machine_spec *effective)
{
    struct ending *e = data;
    struct cluster_entry *entry = clusters_find(e->server, e->cluster);
    struct cluster_leaving *l = entry ? map_gets(entry->leavings, e->machine) : NULL;
    (void)change, (void)machine, (void)effective;
    if (l && rc < 0) {
        l->ending = false;
        fail(l, "NotSaved", "that it has left could not be saved");
    } else if (l) {
        cluster_leaving_free(map_removes(entry->leavings, e->machine));
        if (cluster_save_is_under_way(entry, e->machine))
            cluster_save_end(entry);
        cluster_touch(entry);
    }
    free(e->cluster);
    free(e->machine);
    free(e);
}

static int end(struct cluster_leaving *l, const char *text)
{
    struct ending *e = calloc(1, sizeof(*e));
    if (e)
        *e = (struct ending){l->server, strdup(l->cluster), strdup(l->machine)};
    if (!e || !e->cluster || !e->machine) {
        free(e ? e->cluster : NULL);
        free(e ? e->machine : NULL);
        free(e);
        return -ENOMEM;
    }
    l->ending = true;
    const struct machine_act act = {
        .type = MACHINE_EVENT_LEFT, .message = text, .done = on_left, .data = e};
    machine_act(l->server, l->machine, &act); /* l may be gone now */
    return 0;
}

/* ---- what comes next ---- */

static size_t other_control_planes(const struct cluster_entry *entry, const char *machine)
{
    size_t n = 0, cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        n += member->role == ROLE_CONTROL_PLANE && !str_eq(member->machine->meta.name, machine) &&
             cluster_member_has_joined(member);
    }
    return n;
}

static bool another_joins(const struct cluster_entry *entry, const char *machine)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->role == ROLE_CONTROL_PLANE && !str_eq(member->machine->meta.name, machine) &&
            (member->busy || cluster_member_is_joining(entry, member)))
            return true;
    }
    return false;
}

/* Whoever has joined then has joined another Cluster, which had its name before. */
static bool is_unformed(const struct cluster_entry *entry, const char *machine)
{
    const struct cluster_status *s = &entry->cluster->status;
    return !s->initialized_at && !str_eq(s->initialized_by, machine);
}

/* Whether the Machine that saved etcd brings the API server back, and is not on its way out. */
static bool api_returns(const struct cluster_entry *entry)
{
    const char *name = entry->cluster->status.saved.machine;
    const struct cluster_machine *saved = name ? cluster_member_find(entry, name) : NULL;
    return saved && saved->role == ROLE_CONTROL_PLANE && saved->approved == TRI_TRUE &&
           saved->machine->status.phase != MACHINE_RELEASED &&
           !machine_release_is_open(saved->machine);
}

static bool is_endpoint(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    const char *endpoint = entry->cluster->status.endpoint;
    char text[IPV4_TEXT_SIZE];
    ipv4 address = cluster_member_address(member);
    const char *rest = endpoint && address ? str_after(endpoint, ipv4_text(address, text)) : NULL;
    return rest && rest[0] == ':';
}

static struct leave_facts facts_of(const struct cluster_entry *entry,
                                   const struct cluster_leaving *l,
                                   const struct cluster_machine *member,
                                   const struct cluster_node *node)
{
    return (struct leave_facts){
        .reason = l->reason,
        .control_plane = member->role == ROLE_CONTROL_PLANE,
        .other_control_planes = other_control_planes(entry, l->machine),
        .other_joining = another_joins(entry, l->machine),
        .unformed = is_unformed(entry, l->machine),
        .returns = api_returns(entry),
        .api_reachable = entry->link && cluster_link_is_up(entry->link),
        .is_endpoint = is_endpoint(entry, member),
        .task_under_way = cluster_member_is_joining(entry, member),
        .node = node != NULL,
        .node_marked = node && node->leaving_since,
        .drained = l->drained,
        .etcd_left = l->etcd_left,
        .config_left = l->config_left,
        .token = member->machine->status.join.token_id != NULL,
        .joined = cluster_member_has_joined(member),
        .saving = cluster_save_is_under_way(entry, l->machine),
        .saved = cluster_is_saved(entry, member),
        .restoring = cluster_is_restoring(entry, member),
    };
}

static void carry_out(struct cluster_leaving *l, const struct leave *next,
                      const struct cluster_machine *member, const struct cluster_node *node)
{
    int r = 0;
    l->saves = next->step == LEAVE_SAVE;
    switch (next->step) {
    case LEAVE_WAIT:
        cluster_retry(entry_of(l)); /* time alone may end it */
        break;
    case LEAVE_MARK:
        r = mark(l);
        break;
    case LEAVE_DRAIN:
        r = node ? drain(l, member, node) : 0;
        break;
    case LEAVE_ETCD:
        r = leave_etcd(l);
        break;
    case LEAVE_CONFIG:
        r = leave_config(l);
        break;
    case LEAVE_DELETE_NODE:
        r = delete_node(l);
        break;
    case LEAVE_SAVE: /* when it says hello */
        break;
    case LEAVE_DONE:
        r = end(l, next->text);
        if (r == 0)
            return;
        break;
    }
    if (r < 0)
        fail(l, "LeavingDelayed", r == -ENOMEM ? "out of memory" : strerror(-r));
    else
        say(l, next->text);
}

static void step(struct cluster_entry *entry, struct cluster_leaving *l,
                 const struct cluster_machine *member)
{
    const struct cluster_node *node = cluster_link_node(entry->link, l->machine);
    if (l->drain || l->etcd || l->request || l->ending || l->failed)
        return;
    const struct leave_facts facts = facts_of(entry, l, member, node);
    const struct leave next = leave_decide(&facts);
    carry_out(l, &next, member, node);
}

static struct cluster_leaving *begin(struct cluster_entry *entry, const char *machine)
{
    struct cluster_leaving *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->server = entry->server;
    l->cluster = strdup(entry->name);
    l->machine = strdup(machine);
    if (l->cluster && l->machine && map_puts(entry->leavings, machine, l, NULL) == 0)
        return l;
    cluster_leaving_free(l);
    return NULL;
}

/* ---- who stays after all ---- */

static void on_unmarked(void *user, const struct kube_answer *reply)
{
    (void)user;
    if (reply->error < 0 && reply->error != -ENOENT)
        log_warn("a Node could not be uncordoned: %s", reply->status.message);
}

/* Every look asks again until the Node's watch shows it: an answer that was lost costs nothing. */
static void stay(struct cluster_entry *entry, struct cluster_machine *member)
{
    const char *name = member->machine->meta.name;
    const struct kube_path path = {.kind = &kube_nodes, .name = name};
    json_auto_t *patch = mark_of(false, 0);
    log_info("%s: stays in Cluster %s: its Node is uncordoned", name, entry->name);
    if (patch)
        (void)!kube_patch(cluster_link_client(entry->link), &path, KUBE_PATCH_MERGE, patch, NULL,
                          (struct kube_then){.done = on_unmarked});
    cluster_retry(entry);
}

/* Without its etcd member a control plane cannot stay: then it leaves, and may join again. */
static bool may_stay(const struct cluster_leaving *l)
{
    return !l->etcd && !l->etcd_left && !l->ending;
}

/* ---- all members ---- */

static bool has_to_leave(const struct cluster_entry *entry, const struct cluster_machine *member)
{
    const char *name = member->machine->meta.name;
    bool up = entry->link && cluster_link_is_up(entry->link);
    bool node = up && cluster_link_node(entry->link, name);
    return member->machine->status.join.task || (node && other_control_planes(entry, name) > 0);
}

/* Somebody wants it once more: what has failed before may be mended. */
static void ask_anew(struct cluster_leaving *l, const struct cluster_machine *member)
{
    int64_t generation = member->machine->spec.install_generation;
    if (l->generation == generation)
        return;
    l->generation = generation;
    l->failed = l->failed && !l->save_at;
    l->save_pause_s = 0;
    l->save_at = 0;
}

static void look_at(struct cluster_entry *entry, struct cluster_machine *member)
{
    const char *name = member->machine->meta.name;
    struct cluster_leaving *l = map_gets(entry->leavings, name);
    enum leave_reason reason = cluster_member_leaves(member);
    if (reason == LEAVE_NOT && l && may_stay(l)) {
        /* and saves nothing any more: what comes of it is refused, so it starts again */
        cluster_leaving_give_up(entry, name);
        l = NULL;
    }
    if (reason != LEAVE_NOT && !l && has_to_leave(entry, member))
        l = begin(entry, name);
    if (l) {
        l->reason = reason == LEAVE_NOT ? l->reason : reason;
        ask_anew(l, member);
        step(entry, l, member);
        return;
    }
    const struct cluster_node *node = entry->link && cluster_link_is_up(entry->link)
                                          ? cluster_link_node(entry->link, name)
                                          : NULL;
    bool away = str_eq(entry->cluster->status.saved.machine, name); /* with its API server */
    if (reason == LEAVE_NOT && node && node->leaving_since && !away)
        stay(entry, member);
}

void cluster_leavings_look(struct cluster_entry *entry)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);)
        look_at(entry, e.value);
}

void cluster_leavings_retry(struct cluster_entry *entry)
{
    size_t cursor = 0;
    for (struct map_entry_view e; map_next(entry->leavings, &cursor, &e);) {
        struct cluster_leaving *l = e.value;
        l->failed = l->save_at > uv_now(&entry->server->loop);
        if (l->failed)
            cluster_retry(entry);
    }
}

void cluster_leavings_give_up(struct cluster_entry *entry)
{
    size_t cursor = 0;
    /* from the start each time: removing moves others */
    for (struct map_entry_view e; map_next(entry->leavings, &cursor, &e); cursor = 0)
        cluster_leaving_free(map_remove(entry->leavings, e.key, e.len));
}

void cluster_leaving_give_up(struct cluster_entry *entry, const char *machine)
{
    struct cluster_leaving *l = map_removes(entry->leavings, machine);
    if (l)
        cluster_leaving_free(l);
    if (cluster_save_is_under_way(entry, machine))
        cluster_save_end(entry);
}

/* ---- what its machine does ---- */

bool cluster_leaving_saves(const struct cluster_entry *entry, const char *machine)
{
    const struct cluster_leaving *l = map_gets(entry->leavings, machine);
    return l && l->saves && !l->failed;
}

void cluster_leaving_not_saved(struct cluster_entry *entry, const char *machine, const char *why)
{
    struct cluster_leaving *l = map_gets(entry->leavings, machine);
    char text[sizeof(l->text)];
    if (!l)
        return;
    unsigned pause = l->save_pause_s ? l->save_pause_s * 2 : SAVE_PAUSE_S;
    l->save_pause_s = pause < SAVE_PAUSE_MAX_S ? pause : SAVE_PAUSE_MAX_S;
    l->save_at = uv_now(&l->server->loop) + (uint64_t)l->save_pause_s * 1000;
    (void)snprintf(text, sizeof(text), "%.300s; it is tried again in %u s", why, l->save_pause_s);
    fail(l, "EtcdNotSaved", text);
}

/* ---- what waits for it ---- */

static void describe(const struct cluster_entry *entry, const char *machine, char *text,
                     size_t size)
{
    const struct cluster_leaving *l = map_gets(entry->leavings, machine);
    char pods[320] = "";
    if (l && l->drain)
        (void)kube_drain_describe(l->drain, pods, sizeof(pods));
    (void)snprintf(text, size, "leaves Cluster %s first%s%s%s%s", entry->name,
                   l && l->text[0] ? ": " : "", l ? l->text : "", pods[0] ? ": " : "", pods);
}

bool clusters_hold(const struct server *server, const struct machine *machine, const char *cluster,
                   char *text, size_t size)
{
    const struct cluster_entry *entry = str_empty(cluster) ? NULL : clusters_find(server, cluster);
    bool due = machine_release_is_open(machine) ||
               machine->spec.install_generation > machine->status.installed_generation;
    if (!machine->status.join.task || !due || !entry || !entry->cluster)
        return false;
    describe(entry, machine->meta.name, text, size);
    return true;
}
