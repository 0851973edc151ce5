/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/str.h"
#include "cluster/plan.h"

enum { TIMEOUT_MS = 900000, MACHINES_MAX = 8, NOW = 1000000 };

#define CP ROLE_CONTROL_PLANE

/* ---- one decision at a time ---- */

static const struct plan_cluster nobody = {.join_timeout_ms = TIMEOUT_MS};
static const struct plan_cluster by_a = {.initialized_by = "a", .join_timeout_ms = TIMEOUT_MS};
static const struct plan_cluster formed = {.initialized_by = "a",
                                           .initialized = true,
                                           .api_reachable = true,
                                           .lasting_endpoint = true,
                                           .join_timeout_ms = TIMEOUT_MS};
static const struct plan_cluster silent = {
    .initialized_by = "a", .initialized = true, .join_timeout_ms = TIMEOUT_MS};

struct expected {
    enum plan_action action;
    const char *reason;
};

static void check(const struct plan_cluster *cluster, const struct plan_machine *machines, size_t n,
                  const char *elect, int64_t wake_at, const struct expected *want)
{
    struct plan_step steps[MACHINES_MAX];
    struct plan plan = cluster_plan(cluster, machines, n, NOW, steps);
    assert_true(str_eq(plan.elect, elect));
    assert_int_equal(plan.wake_at, wake_at);
    for (size_t i = 0; i < n; i++) {
        if (steps[i].action != want[i].action || !str_eq(steps[i].reason, want[i].reason))
            fail_msg("%s: found %s \"%s\", expected %s \"%s\"", machines[i].name,
                     plan_action_text(steps[i].action), steps[i].reason,
                     plan_action_text(want[i].action), want[i].reason);
    }
}

static void the_lowest_name_that_can_is_elected(void **state)
{
    (void)state;
    const struct plan_machine machines[] = {
        {.name = "d", .role = CP, .approved = true, .alive = true},
        {.name = "a", .role = CP, .alive = true},    /* not approved */
        {.name = "b", .role = CP, .approved = true}, /* not heard of */
        {.name = "c", .role = CP, .approved = true, .alive = true},
        {.name = "e", .role = CP, .approved = true, .alive = true},
        {.name = "0", .role = ROLE_WORKER, .approved = true, .alive = true},
        {.name = "1", .role = CP, .approved = true, .alive = true, .leaving = true},
        {.name = "2", .role = ROLE_NONE, .approved = true, .alive = true},
    };
    static const struct expected want[] = {
        {PLAN_WAIT, "waits for a control plane that can initialise the cluster"},
        {PLAN_WAIT, "is not approved"},
        {PLAN_WAIT, "waits until its system reports"},
        {PLAN_WAIT, "is chosen to initialise the cluster"},
        {PLAN_WAIT, "waits for a control plane that can initialise the cluster"},
        {PLAN_WAIT, "waits for a control plane that can initialise the cluster"},
        {PLAN_NOTHING, "is leaving the cluster"},
        {PLAN_NOTHING, "has no role in the cluster"},
    };
    check(&nobody, machines, ARRAY_SIZE(machines), "c", 0, want);
}

static void who_saved_etcd_brings_it_back(void **state)
{
    (void)state;
    struct plan_cluster cluster = silent;
    cluster.saved_of = "a";
    struct plan_machine machines[] = {
        {.name = "a", .role = CP, .approved = true, .alive = true},
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "w", .role = ROLE_WORKER, .approved = true, .task = PLAN_TASK_DONE},
    };
    struct expected want[] = {
        {PLAN_RESTORE, "starts the cluster again, with what its etcd held"},
        {PLAN_WAIT, "waits for the API server, which does not answer"},
        {PLAN_WAIT, "has joined; its Node is not Ready"},
    };
    check(&cluster, machines, ARRAY_SIZE(machines), NULL, 0, want);
    /* not yet, and not for ever */
    machines[0].alive = false;
    want[0] = (struct expected){PLAN_WAIT, "waits until its system reports"};
    check(&cluster, machines, ARRAY_SIZE(machines), NULL, 0, want);
    machines[0].alive = true;
    machines[0].task = PLAN_TASK_DONE;
    want[0] = (struct expected){PLAN_WAIT, "has joined; its Node is not Ready"};
    check(&cluster, machines, 1, NULL, 0, want);
    /* what was saved is old where another one has gone on */
    machines[0].task = PLAN_TASK_NONE;
    machines[1].task = PLAN_TASK_DONE;
    machines[1].node_ready = true;
    want[0] = (struct expected){PLAN_WAIT, "waits for the API server, which does not answer"};
    want[1] = (struct expected){PLAN_NOTHING, "is a member, and its Node is Ready"};
    check(&cluster, machines, ARRAY_SIZE(machines), NULL, 0, want);
}

static void only_the_elected_one_initialises(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        {.name = "a", .role = CP, .approved = true, .alive = true},
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "w", .role = ROLE_WORKER, .approved = true, .alive = true},
    };
    struct expected want[] = {
        {PLAN_INIT, "initialises the cluster"},
        {PLAN_WAIT, "waits until a has initialised the cluster"},
        {PLAN_WAIT, "waits until a has initialised the cluster"},
    };
    check(&by_a, machines, 3, NULL, 0, want);

    machines[0].task = PLAN_TASK_RUNNING;
    machines[0].task_since = NOW - 1000;
    machines[0].attempts = 1;
    want[0] = (struct expected){PLAN_BUSY, "carries out its task"};
    check(&by_a, machines, 3, NULL, NOW - 1000 + TIMEOUT_MS + PLAN_GRACE_MS, want);

    machines[0].task = PLAN_TASK_FAILED;
    machines[0].failed_at = NOW - 3500;
    want[0] = (struct expected){PLAN_WAIT, "tries again in 7 s"};
    check(&by_a, machines, 3, NULL, NOW + 6500, want);

    machines[0].attempts = 3; /* the pause doubles */
    want[0] = (struct expected){PLAN_WAIT, "tries again in 37 s"};
    check(&by_a, machines, 3, NULL, NOW + 36500, want);

    machines[0].attempts = 1;
    machines[0].failed_at = NOW - PLAN_PAUSE_MS;
    want[0] = (struct expected){PLAN_INIT, "initialises the cluster"};
    check(&by_a, machines, 3, NULL, 0, want);

    machines[0].attempts = 1000; /* it is never given up */
    machines[0].failed_at = NOW - PLAN_PAUSE_MAX_MS;
    check(&by_a, machines, 3, NULL, 0, want);
    machines[0].failed_at = NOW - 1000;
    want[0] = (struct expected){PLAN_WAIT, "tries again in 299 s"};
    check(&by_a, machines, 3, NULL, NOW + 299000, want);

    /* Gone: nobody takes over what may still be running somewhere. */
#define GONE                                                                                       \
    "waits for a, which was chosen to initialise the cluster and is no control plane of it any "   \
    "more: to begin with another one, delete the Cluster and apply it again"
    static const struct expected gone[] = {{PLAN_WAIT, GONE}, {PLAN_WAIT, GONE}};
    check(&by_a, machines + 1, 2, NULL, 0, gone);

    machines[0].task = PLAN_TASK_DONE;
    want[0] =
        (struct expected){PLAN_WAIT, "waits for the answer of the API server that it started"};
    check(&by_a, machines, 3, NULL, 0, want);
}

static void a_formed_cluster_is_joined_in_turn(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        {.name = "a",
         .role = CP,
         .approved = true,
         .alive = true,
         .task = PLAN_TASK_DONE,
         .attempts = 1,
         .node_ready = true},
        {.name = "c", .role = CP, .approved = true, .alive = true},
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "w", .role = ROLE_WORKER, .approved = true, .alive = true},
        {.name = "v", .role = ROLE_WORKER, .approved = true, .alive = true},
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits until control plane b has joined"},
        {PLAN_JOIN_CONTROL_PLANE, "joins as a control plane"},
        {PLAN_JOIN_WORKER, "joins as a worker"},
        {PLAN_JOIN_WORKER, "joins as a worker"},
    };
    check(&formed, machines, 5, NULL, 0, want);

    static const struct expected quiet[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits for the API server, which does not answer"},
        {PLAN_WAIT, "waits for the API server, which does not answer"},
        {PLAN_WAIT, "waits for the API server, which does not answer"},
        {PLAN_WAIT, "waits for the API server, which does not answer"},
    };
    check(&silent, machines, 5, NULL, 0, quiet);

    /* Joined, but not Ready: the next one waits for that, until its time is over. */
    machines[2].task = PLAN_TASK_DONE;
    machines[2].attempts = 1;
    machines[2].task_since = NOW - 1000;
    want[2] = (struct expected){PLAN_WAIT, "has joined; its Node is not Ready"};
    check(&formed, machines, 5, NULL, NOW - 1000 + TIMEOUT_MS + PLAN_GRACE_MS, want);
    machines[2].task_since = NOW - TIMEOUT_MS - PLAN_GRACE_MS;
    want[1] = (struct expected){PLAN_JOIN_CONTROL_PLANE, "joins as a control plane"};
    check(&formed, machines, 5, NULL, 0, want);
}

static void the_late_keep_their_turn_while_they_live(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        {.name = "a",
         .role = CP,
         .approved = true,
         .alive = true,
         .task = PLAN_TASK_DONE,
         .attempts = 1,
         .node_ready = true},
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "c",
         .role = CP,
         .approved = true,
         .alive = true,
         .task = PLAN_TASK_RUNNING,
         .attempts = 1,
         .task_since = NOW - TIMEOUT_MS - PLAN_GRACE_MS},
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits until control plane c has joined"},
        {PLAN_BUSY, "carries out its task"},
    };
    check(&formed, machines, 3, NULL, 0, want);
    machines[2].leaving = true;
    want[2] = (struct expected){PLAN_NOTHING, "is leaving the cluster"};
    check(&formed, machines, 3, NULL, 0, want);
    machines[2].leaving = false;
    machines[2].alive = false;
    want[1] = (struct expected){PLAN_JOIN_CONTROL_PLANE, "joins as a control plane"};
    want[2] = (struct expected){PLAN_WAIT, "waits until its system reports"};
    check(&formed, machines, 3, NULL, 0, want);
}

static struct plan_machine member(const char *name, enum machine_role role)
{
    return (struct plan_machine){.name = name,
                                 .role = role,
                                 .approved = true,
                                 .alive = true,
                                 .task = PLAN_TASK_DONE,
                                 .attempts = 1,
                                 .node_ready = true};
}

/* Leaving, it counts no more as the one that the others have to reckon with, and it is in etcd. */
static void nobody_joins_etcd_while_another_one_leaves(void **state)
{
    (void)state;
    struct plan_cluster cluster = formed;
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "w", .role = ROLE_WORKER, .approved = true, .alive = true},
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is leaving the cluster"},
        {PLAN_WAIT, "waits until control plane a has left"},
        {PLAN_JOIN_WORKER, "joins as a worker"},
    };
    cluster.lasting_endpoint = false;
    cluster.unelected = "spec.scheduler.extraArgs";
    machines[0].leaving = true;
    check(&cluster, machines, 3, NULL, 0, want);
    machines[0].node_ready = false; /* nor when it is dead */
    check(&cluster, machines, 3, NULL, 0, want);
}

static void members_of_an_earlier_cluster_say_so(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b", .role = CP, .approved = true, .alive = true},
    };
    static const struct expected want[] = {
        {PLAN_WAIT, "is a node of an earlier Cluster of this name; to make it one of this: slipway "
                    "reinstall a"},
        {PLAN_WAIT, "is chosen to initialise the cluster"},
    };
    check(&nobody, machines, 2, "b", 0, want);
}

static void control_planes_join_up_to_an_odd_number(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "c", .role = CP, .alive = true}, /* not approved: it may never come */
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits for one more control plane: etcd needs a majority, so 2 members survive "
                    "no more failures than 1; declare another one, or make this one a worker"},
        {PLAN_WAIT, "is not approved"},
    };
    const struct expected joins = {PLAN_JOIN_CONTROL_PLANE, "joins as a control plane"};
    check(&formed, machines, 2, NULL, 0, want);
    check(&formed, machines, 3, NULL, 0, want);
    machines[2].approved = true;
    want[1] = joins;
    want[2] = (struct expected){PLAN_WAIT, "waits until control plane b has joined"};
    check(&formed, machines, 3, NULL, 0, want);
    /* the third one replaces one that leaves */
    machines[1] = member("b", CP);
    want[1] = want[0];
    want[2] = joins;
    check(&formed, machines, 3, NULL, 0, want);
}

static void a_second_control_plane_needs_an_endpoint_that_lasts(void **state)
{
    (void)state;
    struct plan_cluster cluster = formed;
    cluster.lasting_endpoint = false;
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "c", .role = CP, .approved = true, .alive = true},
        {.name = "w", .role = ROLE_WORKER, .approved = true, .alive = true},
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits: with several control planes spec.controlPlaneEndpoint of the Cluster "
                    "has to be one "
                    "that outlives each of them: a name, a load balancer or a virtualIP"},
        {PLAN_WAIT, "waits until control plane b has joined"},
        {PLAN_JOIN_WORKER, "joins as a worker"},
    };
    check(&cluster, machines, 4, NULL, 0, want);
}

static void a_second_control_plane_needs_an_election(void **state)
{
    (void)state;
    struct plan_cluster cluster = formed;
    cluster.unelected = "spec.scheduler.extraArgs";
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b", .role = CP, .approved = true, .alive = true},
        {.name = "c", .role = CP, .approved = true, .alive = true},
    };
    struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_WAIT, "waits: several control planes have to elect a leader; remove leader-elect "
                    "from spec.scheduler.extraArgs of the Cluster, and install the control plane "
                    "that has it anew"},
        {PLAN_WAIT, "waits until control plane b has joined"},
    };
    check(&cluster, machines, 3, NULL, 0, want);
}

static void a_clock_that_jumps_stops_nobody(void **state)
{
    (void)state;
    struct plan_machine machines[] = {
        member("a", CP),
        {.name = "b",
         .role = CP,
         .approved = true,
         .task = PLAN_TASK_ASSIGNED,
         .task_since = NOW + 86400000, /* the clock was a day ahead then */
         .attempts = 1},
        {.name = "w",
         .role = ROLE_WORKER,
         .approved = true,
         .alive = true,
         .task = PLAN_TASK_FAILED,
         .failed_at = NOW + 86400000,
         .attempts = 1},
        {.name = "x",
         .role = ROLE_WORKER,
         .approved = true,
         .alive = true, /* and here it has jumped ahead */
         .task = PLAN_TASK_RUNNING,
         .task_since = NOW - 86400000,
         .attempts = 1},
    };
    static const struct expected want[] = {
        {PLAN_NOTHING, "is a member, and its Node is Ready"},
        {PLAN_BUSY, "carries out its task"},
        {PLAN_WAIT, "tries again in 10 s"},
        {PLAN_BUSY, "carries out its task"},
    };
    check(&formed, machines, 4, NULL, NOW + PLAN_PAUSE_MS, want);
}

static void a_reinstalled_machine_waits_for_its_old_node_to_go(void **state)
{
    (void)state;
    const struct plan_machine machines[] = {
        {.name = "w", .role = ROLE_WORKER, .approved = true, .alive = true, .node_ready = true},
        {.name = "a", .role = CP, .approved = true, .alive = true}, /* had initialised it */
    };
    static const struct expected want[] = {
        {PLAN_WAIT, "waits until the cluster has noticed that its former Node is gone"},
        {PLAN_JOIN_CONTROL_PLANE, "joins as a control plane"},
    };
    check(&formed, machines, 2, NULL, 0, want);
}

/* ---- any history ---- */

/* A world of machines and a server that may stop between any two of its steps. */
struct world {
    uint64_t seed;
    int64_t now;
    struct plan_machine machines[MACHINES_MAX];
    char names[MACHINES_MAX][4];
    size_t n;
    char elected[4]; /* status.initializedBy */
    struct plan_cluster cluster;
    char inited[4]; /* the only one that was ever told to initialise */
    bool faults;
};

/* Deterministic (SplitMix64). */
static uint64_t next(struct world *w)
{
    uint64_t z = (w->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool chance(struct world *w, unsigned percent)
{
    return next(w) % 100 < percent;
}

static bool under_way(const struct plan_machine *m)
{
    return m->task == PLAN_TASK_ASSIGNED || m->task == PLAN_TASK_RUNNING;
}

static bool in_time(const struct world *w, const struct plan_machine *m)
{
    return w->now < m->task_since + TIMEOUT_MS + PLAN_GRACE_MS;
}

static void assign_task(struct world *w, struct plan_machine *m)
{
    m->task = PLAN_TASK_ASSIGNED;
    m->task_since = w->now;
    m->attempts++;
    m->node_ready = false; /* a repeated join begins with a reset */
}

static void check_assignment(struct world *w, const struct plan_machine *m, enum plan_action action)
{
    assert_true(m->approved && !m->leaving && m->alive);
    assert_true(m->task != PLAN_TASK_DONE);
    assert_false(under_way(m));
    if (action == PLAN_INIT) {
        assert_int_equal(m->role, CP);
        assert_false(w->cluster.initialized);
        assert_string_equal(m->name, w->elected);
        if (w->inited[0])
            assert_string_equal(w->inited, m->name);
        memcpy(w->inited, w->names[m - w->machines], sizeof(w->inited));
        return;
    }
    assert_true(w->cluster.initialized && w->cluster.api_reachable);
    assert_int_equal(m->role, action == PLAN_JOIN_WORKER ? ROLE_WORKER : CP);
}

/* How many control planes are at it, as far as anybody can know. */
static size_t joining(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct plan_machine *m = &w->machines[i];
        n += m->role == CP && under_way(m) && (in_time(w, m) || m->alive);
    }
    return n;
}

/* One run of the server: it may be killed before any of its effects. */
static void serve(struct world *w)
{
    struct plan_step steps[MACHINES_MAX];
    struct plan plan = cluster_plan(&w->cluster, w->machines, w->n, w->now, steps);
    for (size_t i = 0; i < w->n; i++) {
        enum plan_action action = steps[i].action;
        assert_true(steps[i].reason[0]);
        if (action != PLAN_INIT && action != PLAN_JOIN_CONTROL_PLANE && action != PLAN_JOIN_WORKER)
            continue;
        assert_null(plan.elect);
        check_assignment(w, &w->machines[i], action);
        if (w->faults && chance(w, 20))
            return;
        assign_task(w, &w->machines[i]);
    }
    if (plan.elect && !(w->faults && chance(w, 20))) {
        assert_null(w->cluster.initialized_by);
        assert_int_equal(str_copy(w->elected, sizeof(w->elected), plan.elect), 0);
        w->cluster.initialized_by = w->elected;
    }
    if (plan.wake_at)
        assert_true(plan.wake_at > w->now);
}

static void finish(struct world *w, struct plan_machine *m)
{
    m->task = PLAN_TASK_DONE;
    if (w->cluster.initialized_by && str_eq(m->name, w->elected) && !w->cluster.initialized) {
        w->cluster.initialized = true;
        w->cluster.api_reachable = true;
    }
}

static void work(struct world *w, struct plan_machine *m)
{
    if (!m->alive)
        return;
    if (m->task == PLAN_TASK_ASSIGNED) {
        m->task = PLAN_TASK_RUNNING;
    } else if (m->task == PLAN_TASK_RUNNING && w->faults && chance(w, 15)) {
        m->task = PLAN_TASK_FAILED;
        m->failed_at = w->now;
    } else if (m->task == PLAN_TASK_RUNNING && chance(w, 40)) {
        finish(w, m);
    } else if (m->task == PLAN_TASK_DONE && chance(w, 60)) {
        m->node_ready = true;
    }
}

static void misfortune(struct world *w, struct plan_machine *m)
{
    switch (next(w) % 12) {
    case 0:
        m->alive = !m->alive;
        break;
    case 1:
        m->approved = !m->approved;
        break;
    case 2: /* installed anew */
        m->task = PLAN_TASK_NONE;
        m->attempts = 0;
        break;
    case 3:
        m->node_ready = false;
        break;
    case 4:
        w->cluster.api_reachable = w->cluster.initialized && chance(w, 70);
        break;
    case 5: /* a power cut while kubeadm runs */
        if (m->task == PLAN_TASK_RUNNING) {
            m->task = PLAN_TASK_FAILED;
            m->failed_at = w->now;
        }
        break;
    case 6:
        m->leaving = chance(w, 20);
        break;
    default:
        break;
    }
}

/* The order in which the server happens to know its Machines. */
static void shuffle(struct world *w)
{
    for (size_t i = w->n; i > 1; i--) {
        size_t k = next(w) % i;
        struct plan_machine m = w->machines[i - 1];
        char name[4];
        memcpy(name, w->names[i - 1], sizeof(name));
        w->machines[i - 1] = w->machines[k];
        memcpy(w->names[i - 1], w->names[k], sizeof(name));
        w->machines[k] = m;
        memcpy(w->names[k], name, sizeof(name));
        w->machines[i - 1].name = w->names[i - 1];
        w->machines[k].name = w->names[k];
    }
}

static void begin(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed, .now = NOW, .cluster = nobody, .faults = true};
    w->cluster.lasting_endpoint = true;
    size_t control_planes = 1 + 2 * (next(w) % 3);
    w->n = control_planes + next(w) % (MACHINES_MAX - control_planes + 1);
    for (size_t i = 0; i < w->n; i++) {
        (void)snprintf(w->names[i], sizeof(w->names[i]), "m%zu", i);
        w->machines[i] = (struct plan_machine){.name = w->names[i],
                                               .role = i < control_planes ? CP : ROLE_WORKER,
                                               .approved = chance(w, 80),
                                               .alive = chance(w, 50)};
    }
}

static void pass_time(struct world *w)
{
    w->now += (int64_t)(next(w) % 60000);
    if (w->faults && chance(w, 3))
        w->now += TIMEOUT_MS;
}

static void no_history_breaks_the_rules(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct world w;
        begin(&w, seed);
        for (int step = 0; step < 200; step++) {
            pass_time(&w);
            shuffle(&w);
            size_t before = joining(&w);
            serve(&w);
            /* More than one only when one that was given up for dead came back. */
            if (joining(&w) > before)
                assert_int_equal(joining(&w), 1);
            for (size_t i = 0; i < w.n; i++) {
                work(&w, &w.machines[i]);
                misfortune(&w, &w.machines[i]);
            }
        }
    }
}

static bool all_ready(const struct world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!w->machines[i].node_ready)
            return false;
    }
    return true;
}

/* Once the misfortunes end, everybody becomes a member. */
static void every_history_can_end_well(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct world w;
        begin(&w, seed);
        for (int step = 0; step < 50; step++) {
            pass_time(&w);
            serve(&w);
            for (size_t i = 0; i < w.n; i++) {
                work(&w, &w.machines[i]);
                misfortune(&w, &w.machines[i]);
            }
        }
        w.faults = false;
        w.cluster.api_reachable = w.cluster.initialized;
        for (size_t i = 0; i < w.n; i++) {
            struct plan_machine *m = &w.machines[i];
            m->approved = m->alive = true;
            m->leaving = false;
            m->node_ready &= m->task == PLAN_TASK_DONE;
        }
        int step = 0;
        while (!all_ready(&w) && step++ < 300) {
            pass_time(&w);
            serve(&w);
            for (size_t i = 0; i < w.n; i++)
                work(&w, &w.machines[i]);
        }
        if (!all_ready(&w))
            fail_msg("seed %llu does not end", (unsigned long long)seed);
    }
}

UNIT_MAIN(cmocka_unit_test(the_lowest_name_that_can_is_elected),
          cmocka_unit_test(who_saved_etcd_brings_it_back),
          cmocka_unit_test(only_the_elected_one_initialises),
          cmocka_unit_test(a_formed_cluster_is_joined_in_turn),
          cmocka_unit_test(the_late_keep_their_turn_while_they_live),
          cmocka_unit_test(nobody_joins_etcd_while_another_one_leaves),
          cmocka_unit_test(members_of_an_earlier_cluster_say_so),
          cmocka_unit_test(control_planes_join_up_to_an_odd_number),
          cmocka_unit_test(a_second_control_plane_needs_an_endpoint_that_lasts),
          cmocka_unit_test(a_second_control_plane_needs_an_election),
          cmocka_unit_test(a_clock_that_jumps_stops_nobody),
          cmocka_unit_test(a_reinstalled_machine_waits_for_its_old_node_to_go),
          cmocka_unit_test(no_history_breaks_the_rules),
          cmocka_unit_test(every_history_can_end_well))
