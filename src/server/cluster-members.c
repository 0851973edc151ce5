/* SPDX-License-Identifier: Apache-2.0 */
/* The Machines of a Cluster, as plain values for the decisions about them. */
#include "base/map.h"
#include "base/str.h"
#include "server/cluster-entry.h"

enum { ALIVE_MS = 3 * 60 * 1000, ADDRESSES_MAX = 16 };

void cluster_member_free(void *value)
{
    struct cluster_machine *member = value;
    machine_free(member->machine);
    free(member->image);
    free(member);
}

struct cluster_machine *cluster_member_find(const struct cluster_entry *entry, const char *name)
{
    return map_gets(entry->members, name);
}

static int fill(struct server *server, struct cluster_machine *member)
{
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, member->machine);
    struct machine_spec effective = machine_effective(member->machine, profile);
    member->role = effective.role;
    member->approved = effective.approved;
    member->image = str_empty(effective.image) ? NULL : strdup(effective.image);
    return member->image || str_empty(effective.image) ? 0 : -ENOMEM;
}

/* Nobody is told any more which token it had, though that may not be deleted yet. */
static void token_given_up(struct cluster_entry *entry, const struct cluster_machine *old,
                           const char *next)
{
    const char *id = old->machine->status.join.token_id;
    if (id && !str_eq(id, next) && !old->token_going)
        entry->tokens_unsure = true;
}

int cluster_member_put(struct cluster_entry *entry, const json_t *object)
{
    struct cluster_machine *member = calloc(1, sizeof(*member));
    void *old = NULL;
    if (!member)
        return -ENOMEM;
    int r = machine_decode(object, &member->machine, NULL);
    if (r == 0)
        r = fill(entry->server, member);
    if (r == 0)
        r = map_puts(entry->members, member->machine->meta.name, member, &old);
    if (r < 0) {
        cluster_member_free(member);
        return r;
    }
    if (old) {
        token_given_up(entry, old, member->machine->status.join.token_id);
        member->busy = ((struct cluster_machine *)old)->busy;
        member->token_going = ((struct cluster_machine *)old)->token_going;
        cluster_member_free(old);
    }
    return 0;
}

void cluster_member_remove(struct cluster_entry *entry, const char *name)
{
    struct cluster_machine *member = map_removes(entry->members, name);
    if (!member)
        return;
    token_given_up(entry, member, NULL);
    cluster_member_free(member);
}

ipv4 cluster_member_address(const struct cluster_machine *member)
{
    const struct machine_status *s = &member->machine->status;
    for (size_t i = 0; i < s->n_addresses; i++) {
        ipv4 address;
        if (str_eq(s->addresses[i].type, "InternalIP") &&
            ipv4_parse(s->addresses[i].address, &address) == 0)
            return address;
    }
    return 0;
}

ipv4 cluster_first_address(const struct cluster_entry *entry)
{
    const char *name = entry->cluster->status.initialized_by;
    const struct cluster_machine *first = name ? cluster_member_find(entry, name) : NULL;
    return first ? cluster_member_address(first) : 0;
}

bool cluster_member_has_joined(const struct cluster_machine *member)
{
    const struct machine_join *join = &member->machine->status.join;
    bool reset = join->task && str_after(join->task, CLUSTER_TASK_RESET);
    return join->state == JOIN_DONE && !reset;
}

static bool is_leaving(const struct cluster_machine *member)
{
    enum machine_phase phase = member->machine->status.phase;
    return cluster_member_leaves(member) != LEAVE_NOT || phase == MACHINE_RELEASING ||
           phase == MACHINE_RELEASED || phase == MACHINE_REJECTED;
}

int cluster_members_list(const struct cluster_entry *entry, struct cluster_member **ret,
                         size_t *ret_count)
{
    size_t cursor = 0, n = 0;
    struct cluster_member *list = calloc(map_count(entry->members) + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        ipv4 address = cluster_member_address(member);
        if (is_leaving(member))
            continue;
        list[n++] = (struct cluster_member){
            .name = member->machine->meta.name,
            .role = member->role,
            .address = address ? address : member->machine->spec.network.address.address,
        };
    }
    *ret = list;
    *ret_count = n;
    return 0;
}

/* ---- who does what next ---- */

static enum plan_task plan_task_of(const struct cluster_machine *member)
{
    const struct machine_join *join = &member->machine->status.join;
    if (member->busy)
        return PLAN_TASK_ASSIGNED;
    switch (join->state) {
    case JOIN_UNSET:
        return PLAN_TASK_NONE;
    case JOIN_RUNNING:
        return str_empty(join->phase) ? PLAN_TASK_ASSIGNED : PLAN_TASK_RUNNING;
    case JOIN_DONE: /* after a reset it may be given a task as if it had none */
        return cluster_member_has_joined(member) ? PLAN_TASK_DONE : PLAN_TASK_NONE;
    case JOIN_FAILED:
        return PLAN_TASK_FAILED;
    }
    return PLAN_TASK_NONE;
}

enum leave_reason cluster_member_leaves(const struct cluster_machine *member)
{
    const struct machine *m = member->machine;
    if (member->approved == TRI_FALSE)
        return LEAVE_REJECTED;
    if (machine_release_is_open(m))
        return LEAVE_RELEASED;
    bool install = member->image && m->spec.install_generation > m->status.installed_generation;
    return install && m->status.join.task ? LEAVE_REINSTALL : LEAVE_NOT;
}

bool cluster_member_is_joining(const struct cluster_entry *entry,
                               const struct cluster_machine *member)
{
    const struct machine_status *s = &member->machine->status;
    int64_t now = clock_wall(entry->server->clock);
    int64_t timeout = entry->cluster->spec.join_policy.join_timeout_seconds * 1000;
    return s->join.state == JOIN_RUNNING && now - s->last_seen < ALIVE_MS &&
           now < s->join.started_at + timeout + PLAN_GRACE_MS;
}

/* Its installed system runs: not stage2, and no installation is due. */
static bool is_alive(const struct cluster_machine *member, int64_t now)
{
    const struct machine_status *s = &member->machine->status;
    bool running = s->phase == MACHINE_RUNNING || s->phase == MACHINE_JOINING ||
                   s->phase == MACHINE_READY || machine_join_failed(member->machine);
    return running && now - s->last_seen < ALIVE_MS;
}

static struct plan_machine plan_machine_of(const struct cluster_entry *entry,
                                           const struct cluster_machine *member, int64_t now)
{
    const struct machine *m = member->machine;
    const struct cluster_node *node = cluster_link_node(entry->link, m->meta.name);
    return (struct plan_machine){
        .name = m->meta.name,
        .role = member->role,
        .approved = member->approved == TRI_TRUE,
        .leaving = is_leaving(member),
        .alive = is_alive(member, now),
        .task = plan_task_of(member),
        .task_since = m->status.join.started_at,
        .failed_at = m->status.join.ended_at,
        .attempts = (unsigned)m->status.join.attempts,
        .node_ready = node && node->ready,
    };
}

void cluster_decision_free(struct cluster_decision *decision)
{
    free(decision->machines);
    free(decision->steps);
    *decision = (struct cluster_decision){0};
}

static bool endpoint_lasts(const struct cluster_entry *entry)
{
    _autofree_ struct cluster_member *members = NULL;
    size_t n;
    return cluster_members_list(entry, &members, &n) == 0 &&
           cluster_endpoint_lasts(entry->cluster, members, n);
}

int cluster_decide(const struct cluster_entry *entry, struct cluster_decision *ret)
{
    size_t count = map_count(entry->members), cursor = 0;
    int64_t now = clock_wall(entry->server->clock);
    *ret = (struct cluster_decision){0};
    ret->machines = calloc(count + 1, sizeof(*ret->machines));
    ret->steps = calloc(count + 1, sizeof(*ret->steps));
    if (!ret->machines || !ret->steps) {
        cluster_decision_free(ret);
        return -ENOMEM;
    }
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);)
        ret->machines[ret->n++] = plan_machine_of(entry, e.value, now);
    const struct cluster *c = entry->cluster;
    const struct plan_cluster cluster = {
        .initialized_by = c->status.initialized_by,
        .initialized = c->status.initialized_at > 0,
        .api_reachable = entry->link && cluster_link_is_up(entry->link),
        .lasting_endpoint = endpoint_lasts(entry),
        .unelected = cluster_without_election(c),
        .saved_of = c->status.saved.machine,
        .join_timeout_ms = c->spec.join_policy.join_timeout_seconds * 1000,
    };
    ret->plan = cluster_plan(&cluster, ret->machines, ret->n, now, ret->steps);
    return 0;
}

const struct plan_step *cluster_decision_of(const struct cluster_decision *decision,
                                            const char *name)
{
    for (size_t i = 0; i < decision->n; i++) {
        if (str_eq(decision->machines[i].name, name))
            return &decision->steps[i];
    }
    return NULL;
}

/* ---- certificate requests ---- */

struct csr_addresses {
    const char *list[ADDRESSES_MAX + 1];
    char given[IPV4_TEXT_SIZE];
};

static enum csr_standing standing_of(const struct cluster_machine *member)
{
    const struct machine_status *s = &member->machine->status;
    if (s->phase == MACHINE_RELEASING || s->phase == MACHINE_RELEASED ||
        machine_release_is_open(member->machine))
        return CSR_STANDING_RELEASED;
    if (member->approved == TRI_FALSE)
        return CSR_STANDING_REJECTED;
    if (member->approved != TRI_TRUE)
        return CSR_STANDING_PENDING;
    if (cluster_member_has_joined(member))
        return CSR_STANDING_MEMBER;
    return s->join.state == JOIN_RUNNING ? CSR_STANDING_JOINING : CSR_STANDING_PENDING;
}

/* It says itself which addresses it has; a worker has none of those that lead to others. */
static bool may_have(const struct cluster_entry *entry, const struct cluster_machine *member,
                     const struct machine_address *said)
{
    ipv4 address;
    return str_eq(said->type, "InternalIP") && ipv4_parse(said->address, &address) == 0 &&
           (member->role == ROLE_CONTROL_PLANE ||
            !cluster_address_is_reserved(entry->cluster, address));
}

static void fill_csr_machine(const struct cluster_entry *entry,
                             const struct cluster_machine *member, struct csr_addresses *room,
                             struct csr_machine *ret)
{
    const struct machine *m = member->machine;
    ipv4 given = m->spec.network.address.address;
    size_t n = 0;
    for (size_t i = 0; i < m->status.n_addresses && n < ADDRESSES_MAX; i++) {
        if (may_have(entry, member, &m->status.addresses[i]))
            room->list[n++] = m->status.addresses[i].address;
    }
    room->list[n] = NULL;
    *ret = (struct csr_machine){
        .name = m->meta.name,
        .node_name = m->meta.name,
        .addresses = room->list,
        .given_address = given ? ipv4_text(given, room->given) : NULL,
        .control_plane = member->role == ROLE_CONTROL_PLANE,
        .standing = standing_of(member),
        .token_id = m->status.join.token_id,
        .window_ends_ms = m->status.join.token_expires_at,
        .bound_key = m->status.join.bound_key,
    };
}

int cluster_csr_machines(const struct cluster_entry *entry, struct csr_machine **ret,
                         size_t *ret_count)
{
    size_t count = map_count(entry->members), cursor = 0, i = 0;
    struct csr_machine *machines =
        calloc(1, (count + 1) * sizeof(*machines) + count * sizeof(struct csr_addresses));
    if (!machines)
        return -ENOMEM;
    struct csr_addresses *rooms = (struct csr_addresses *)(void *)(machines + count + 1);
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e); i++)
        fill_csr_machine(entry, e.value, &rooms[i], &machines[i]);
    *ret = machines;
    *ret_count = count;
    return 0;
}
