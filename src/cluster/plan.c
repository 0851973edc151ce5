/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/plan.h"

#include <string.h>

#include "base/str.h"

struct planning {
    const struct plan_cluster *cluster;
    const struct plan_machine *machines;
    size_t n;
    int64_t now;
    struct plan plan;
    const struct plan_machine *turn;   /* the control plane that may join now; NULL: none */
    const struct plan_machine *holder; /* the one that others have to wait for; NULL: none */
    size_t joined, wanted;             /* control planes: in etcd or about to be, and declared */
};

/* Where a machine stands towards its task, seen with the clock. */
enum standing {
    STANDING_FREE,    /* has no task: may be given one */
    STANDING_BUSY,    /* within its time, or heard of and still at it */
    STANDING_JOINED,  /* done */
    STANDING_PAUSING, /* failed, and its pause is not over */
    STANDING_RETRY,   /* failed, or silent for too long: may be given one again */
};

/* A clock that was set back makes what has been look as if it were to come: then it was just now.
 */
static int64_t past(const struct planning *p, int64_t time)
{
    return time < p->now ? time : p->now;
}

static int64_t deadline_of(const struct planning *p, const struct plan_machine *m)
{
    return past(p, m->task_since) + p->cluster->join_timeout_ms + PLAN_GRACE_MS;
}

static int64_t pause_end(const struct planning *p, const struct plan_machine *m)
{
    int64_t pause = PLAN_PAUSE_MS;
    for (unsigned i = 1; i < m->attempts && pause < PLAN_PAUSE_MAX_MS; i++)
        pause *= 2;
    return past(p, m->failed_at) + (pause < PLAN_PAUSE_MAX_MS ? pause : PLAN_PAUSE_MAX_MS);
}

static bool is_under_way(const struct plan_machine *m)
{
    return m->task == PLAN_TASK_ASSIGNED || m->task == PLAN_TASK_RUNNING;
}

static enum standing standing_of(const struct planning *p, const struct plan_machine *m)
{
    if (m->task == PLAN_TASK_DONE)
        return STANDING_JOINED;
    /* One that lives ends by its own clock, or says that it knows of no task: ours may jump. */
    if (is_under_way(m) && (m->alive || p->now < deadline_of(p, m)))
        return STANDING_BUSY;
    if (m->task == PLAN_TASK_NONE && m->attempts == 0)
        return STANDING_FREE;
    if (m->task == PLAN_TASK_FAILED && p->now < pause_end(p, m))
        return STANDING_PAUSING;
    return STANDING_RETRY;
}

static bool is_member(const struct plan_machine *m)
{
    return m->approved && !m->leaving && machine_role_joins(m->role);
}

static bool is_control_plane(const struct plan_machine *m)
{
    return is_member(m) && m->role == ROLE_CONTROL_PLANE;
}

static bool wants_task(const struct planning *p, const struct plan_machine *m)
{
    enum standing standing = standing_of(p, m);
    return m->alive && (standing == STANDING_FREE || standing == STANDING_RETRY);
}

static void wake(struct planning *p, int64_t at)
{
    if (at > p->now && (!p->plan.wake_at || at < p->plan.wake_at))
        p->plan.wake_at = at;
}

static const struct plan_machine *lower(const struct plan_machine *best,
                                        const struct plan_machine *m)
{
    return !best || strcmp(m->name, best->name) < 0 ? m : best;
}

/* ---- who is first, and who is next ---- */

static void elect(struct planning *p)
{
    const struct plan_machine *best = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_machine *m = &p->machines[i];
        if (is_control_plane(m) && wants_task(p, m) && !m->node_ready)
            best = lower(best, m);
    }
    p->plan.elect = best ? best->name : NULL;
}

/* One that joined between its drain and its end would be in what etcd saves, or lose its quorum. */
static bool is_about_to_leave(const struct plan_machine *m)
{
    return m->leaving && m->task == PLAN_TASK_DONE;
}

/*
 * Whether other control planes have to wait for this one: it is joining; or its time is over, but
 * it is still at it; or it has joined a moment ago and its Node is not Ready yet; or it has not
 * left yet. Leaving or not: what kubeadm does to etcd on it does not depend on that.
 */
static bool holds_turn(const struct planning *p, const struct plan_machine *m)
{
    if (m->role != ROLE_CONTROL_PLANE)
        return false;
    if (is_under_way(m))
        return p->now < deadline_of(p, m) || m->alive;
    return is_about_to_leave(m) ||
           (m->task == PLAN_TASK_DONE && !m->node_ready && p->now < deadline_of(p, m));
}

static void find_turn(struct planning *p)
{
    const struct plan_machine *next = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_machine *m = &p->machines[i];
        p->wanted += is_control_plane(m);
        p->joined += is_control_plane(m) && (m->task == PLAN_TASK_DONE || is_under_way(m));
        if (holds_turn(p, m))
            p->holder = lower(p->holder, m);
        if (is_control_plane(m) && wants_task(p, m) && !m->node_ready)
            next = lower(next, m);
    }
    p->turn = p->holder ? p->holder : next;
    if (p->holder && p->holder->task == PLAN_TASK_DONE)
        wake(p, deadline_of(p, p->holder));
}

/* ---- what one machine does ---- */

static void say(struct plan_step *step, enum plan_action action, const char *format, ...)
    _printf_(3, 4);

static void say(struct plan_step *step, enum plan_action action, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(step->reason, sizeof(step->reason), format, args);
    va_end(args);
    step->action = action;
}

/* Whether it was the only control plane, and the cluster begins again with what it saved. */
static bool restores(const struct planning *p, const struct plan_machine *m)
{
    if (!p->cluster->saved_of || !str_eq(p->cluster->saved_of, m->name) ||
        m->role != ROLE_CONTROL_PLANE)
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_machine *other = &p->machines[i];
        if (other != m && other->role == ROLE_CONTROL_PLANE && other->task == PLAN_TASK_DONE)
            return false;
    }
    return true;
}

/*
 * An even number of members of etcd survives no more than one less, and more of them can fail: the
 * last of an even number of control planes waits for one more to be declared.
 */
static bool makes_even(const struct planning *p)
{
    size_t most = p->wanted % 2 ? p->wanted : p->wanted - 1;
    return p->joined > 0 && p->joined >= most;
}

static void assign_control_plane(const struct planning *p, const struct plan_machine *m,
                                 struct plan_step *step)
{
    if (p->turn != m)
        say(step, PLAN_WAIT, "waits until control plane %s has %s",
            p->turn ? p->turn->name : "before it",
            p->turn && is_about_to_leave(p->turn) ? "left" : "joined");
    else if (p->joined > 0 && !p->cluster->lasting_endpoint)
        say(step, PLAN_WAIT,
            "waits: with several control planes spec.controlPlaneEndpoint of the Cluster has to be "
            "one that outlives each of them: a name, a load balancer or a virtualIP");
    else if (p->joined > 0 && p->cluster->unelected)
        say(step, PLAN_WAIT,
            "waits: several control planes have to elect a leader; remove leader-elect from %s of "
            "the Cluster, and install the control plane that has it anew",
            p->cluster->unelected);
    else if (makes_even(p))
        say(step, PLAN_WAIT,
            "waits for one more control plane: etcd needs a majority, so %zu members survive no "
            "more failures than %zu; declare another one, or make this one a worker",
            p->joined + 1, p->joined);
    else
        say(step, PLAN_JOIN_CONTROL_PLANE, "joins as a control plane");
}

/* It may be given a task, as far as its own standing goes: which one, if any? */
static void assign_join(const struct planning *p, const struct plan_machine *m,
                        struct plan_step *step)
{
    if (restores(p, m))
        say(step, PLAN_RESTORE, "starts the cluster again, with what its etcd held");
    else if (!p->cluster->api_reachable)
        say(step, PLAN_WAIT, "waits for the API server, which does not answer");
    else if (m->node_ready)
        say(step, PLAN_WAIT, "waits until the cluster has noticed that its former Node is gone");
    else if (m->role == ROLE_WORKER)
        say(step, PLAN_JOIN_WORKER, "joins as a worker");
    else
        assign_control_plane(p, m, step);
}

static bool is_there(const struct planning *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(p->machines[i].name, name))
            return is_control_plane(&p->machines[i]);
    }
    return false;
}

/* Nobody else is chosen: it may have begun, and nobody knows how far it has come. */
static void wait_for_first(const struct planning *p, struct plan_step *step)
{
    const char *first = p->cluster->initialized_by;
    if (is_there(p, first))
        say(step, PLAN_WAIT, "waits until %s has initialised the cluster", first);
    else
        say(step, PLAN_WAIT,
            "waits for %s, which was chosen to initialise the cluster and is no control plane of "
            "it "
            "any more: to begin with another one, delete the Cluster and apply it again",
            first);
}

static void assign(const struct planning *p, const struct plan_machine *m, struct plan_step *step)
{
    const char *first = p->cluster->initialized_by;
    if (p->cluster->initialized)
        assign_join(p, m, step);
    else if (!first && p->plan.elect && str_eq(p->plan.elect, m->name))
        say(step, PLAN_WAIT, "is chosen to initialise the cluster");
    else if (!first)
        say(step, PLAN_WAIT, "waits for a control plane that can initialise the cluster");
    else if (!str_eq(first, m->name))
        wait_for_first(p, step);
    else if (m->role != ROLE_CONTROL_PLANE)
        say(step, PLAN_WAIT, "began to initialise the cluster, and is no control plane any more");
    else
        say(step, PLAN_INIT, "initialises the cluster");
}

static void step_joined(const struct planning *p, const struct plan_machine *m,
                        struct plan_step *step)
{
    const char *first = p->cluster->initialized_by;
    if (!p->cluster->initialized && first && str_eq(first, m->name))
        say(step, PLAN_WAIT, "waits for the answer of the API server that it started");
    else if (!p->cluster->initialized)
        say(step, PLAN_WAIT,
            "is a node of an earlier Cluster of this name; to make it one of this: slipway "
            "reinstall %s",
            m->name);
    else if (m->node_ready)
        say(step, PLAN_NOTHING, "is a member, and its Node is Ready");
    else
        say(step, PLAN_WAIT, "has joined; its Node is not Ready");
}

static void step_member(struct planning *p, const struct plan_machine *m, struct plan_step *step)
{
    switch (standing_of(p, m)) {
    case STANDING_BUSY:
        wake(p, deadline_of(p, m));
        say(step, PLAN_BUSY, "carries out its task");
        return;
    case STANDING_JOINED:
        step_joined(p, m, step);
        return;
    case STANDING_PAUSING:
        wake(p, pause_end(p, m));
        say(step, PLAN_WAIT, "tries again in %lld s",
            (long long)((pause_end(p, m) - p->now + 999) / 1000));
        return;
    default:
        break;
    }
    if (m->alive)
        assign(p, m, step);
    else
        say(step, PLAN_WAIT, "waits until its system reports");
}

static void step_machine(struct planning *p, const struct plan_machine *m, struct plan_step *step)
{
    if (!machine_role_joins(m->role))
        say(step, PLAN_NOTHING, "has no role in the cluster");
    else if (m->leaving)
        say(step, PLAN_NOTHING, "is leaving the cluster");
    else if (!m->approved)
        say(step, PLAN_WAIT, "is not approved");
    else
        step_member(p, m, step);
}

struct plan cluster_plan(const struct plan_cluster *cluster, const struct plan_machine *machines,
                         size_t n, int64_t now, struct plan_step *steps)
{
    struct planning p = {.cluster = cluster, .machines = machines, .n = n, .now = now};
    if (!cluster->initialized_by && !cluster->initialized)
        elect(&p);
    if (cluster->initialized)
        find_turn(&p);
    for (size_t i = 0; i < n; i++)
        step_machine(&p, &machines[i], &steps[i]);
    return p.plan;
}

const char *plan_action_text(enum plan_action action)
{
    static const char *const texts[] = {
        [PLAN_NOTHING] = "Nothing",
        [PLAN_WAIT] = "Wait",
        [PLAN_BUSY] = "Busy",
        [PLAN_INIT] = "Init",
        [PLAN_JOIN_CONTROL_PLANE] = "JoinControlPlane",
        [PLAN_JOIN_WORKER] = "JoinWorker",
        [PLAN_RESTORE] = "Restore",
    };
    return texts[action];
}
