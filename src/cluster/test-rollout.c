/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/str.h"
#include "cluster/rollout.h"

enum { NOW = 1000000, MACHINES_MAX = 8, LONG_AGO = 1 };

#define OLD_CP(N)                                                                                  \
    {                                                                                              \
        .name = N, .role = ROLE_CONTROL_PLANE, .member = true, .ready = true, .installed = true,   \
        .ready_since = LONG_AGO                                                                    \
    }
#define OLD_WORKER(N)                                                                              \
    {                                                                                              \
        .name = N, .role = ROLE_WORKER, .member = true, .ready = true, .installed = true,          \
        .ready_since = LONG_AGO                                                                    \
    }

static const struct rollout_cluster usual = {
    .image = "new", .max_unavailable = 1, .min_ready_ms = 10000, .api_reachable = true};

/* `begun`: the names that are begun, one behind the other. */
static void check(const struct rollout_cluster *cluster, const struct rollout_machine *machines,
                  size_t n, enum rollout_state state, const char *begun, const char *message)
{
    bool begin[MACHINES_MAX];
    char names[64] = "";
    struct rollout r = rollout_plan(cluster, machines, n, NOW, begin);
    for (size_t i = 0; i < n; i++) {
        if (begin[i])
            (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s",
                           machines[i].name);
    }
    assert_string_equal(names, begun);
    assert_string_equal(r.message, message);
    assert_string_equal(rollout_state_text(r.state), rollout_state_text(state));
}

static void control_planes_go_first_one_at_a_time(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("w"), OLD_CP("c"), OLD_CP("a"), OLD_CP("b")};
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "a", "control plane a is next");
    m[2].wants = true;
    m[2].installed = m[2].ready = false;
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "", "waits until control plane a is Ready");
    m[2].installed = m[2].ready = true;
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "b", "control plane b is next");
}

static void a_control_plane_that_is_away_holds_all(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_CP("a"), OLD_CP("b"), OLD_CP("c"), OLD_WORKER("w")};
    m[1].ready = false;
    check(&usual, m, 4, ROLLOUT_WAITING, "", "waits until control plane b is Ready");
}

static void the_only_control_plane_goes_first_too(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("w"), OLD_CP("c")};
    struct rollout_cluster away = usual;
    check(&usual, m, 2, ROLLOUT_PROGRESSING, "c",
          "control plane c is next; it is the only one: the API server is away meanwhile");
    m[1].wants = true;
    m[1].installed = m[1].ready = false;
    away.api_reachable = false;
    check(&away, m, 2, ROLLOUT_WAITING, "", "waits for the API server, which does not answer");
    m[1].installed = m[1].ready = true;
    check(&usual, m, 2, ROLLOUT_PROGRESSING, "w", "1 worker is begun");
    m[0].wants = true;
    check(&usual, m, 2, ROLLOUT_COMPLETE, "", "all have Image new");
}

static void it_is_known_when_all_control_planes_have_it(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_CP("a"), OLD_WORKER("w"), OLD_CP("b"), OLD_CP("c")};
    bool begin[4];
    m[0].wants = m[2].wants = m[3].wants = true;
    assert_true(rollout_plan(&usual, m, 4, NOW, begin).control_planes_updated);
    m[3].installed = false;
    assert_false(rollout_plan(&usual, m, 4, NOW, begin).control_planes_updated);
}

static void no_more_are_away_than_allowed(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("d"), OLD_WORKER("a"), OLD_WORKER("c"),
                                  OLD_WORKER("b")};
    struct rollout_cluster two = usual;
    two.max_unavailable = 2;
    check(&two, m, 4, ROLLOUT_PROGRESSING, "ab", "2 workers are begun");
    m[1].wants = m[3].wants = true;
    m[1].installed = m[3].installed = false; /* Ready still, but not for long */
    check(&two, m, 4, ROLLOUT_PROGRESSING, "", "waits until a is Ready");
    m[1].ready = m[3].ready = false;
    check(&two, m, 4, ROLLOUT_PROGRESSING, "", "waits until a is Ready");
    m[3].installed = m[3].ready = true;
    check(&two, m, 4, ROLLOUT_PROGRESSING, "c", "1 worker is begun");
    m[0].ready = false; /* for another reason */
    check(&two, m, 4, ROLLOUT_PROGRESSING, "", "waits until a is Ready");
    m[1].installed = m[1].ready = true;
    check(&usual, m, 4, ROLLOUT_WAITING, "",
          "waits until d is Ready, which is away for another reason");
}

static void one_that_is_ready_counts_after_a_while(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("a"), OLD_WORKER("b")};
    bool begin[2];
    m[0].wants = true;
    m[0].ready_since = NOW - 4000;
    check(&usual, m, 2, ROLLOUT_PROGRESSING, "", "waits until a is Ready");
    struct rollout r = rollout_plan(&usual, m, 2, NOW, begin);
    assert_int_equal(r.wake_at, NOW + 6000);
    assert_int_equal(r.updated, 0);
    assert_int_equal(r.total, 2);
    r = rollout_plan(&usual, m, 2, r.wake_at, begin);
    assert_true(begin[1] && r.updated == 1 && r.wake_at == 0);
}

static void a_failure_stops_it(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("a"), OLD_WORKER("b")};
    struct rollout_cluster many = usual;
    many.max_unavailable = 5;
    m[0].wants = m[0].failed = true;
    m[0].ready = false;
    check(&many, m, 2, ROLLOUT_FAILED, "", "a failed; mend it, or: slipway rollout undo");
    m[0].wants = false; /* with the other Image: it is the first to get this one */
    check(&many, m, 2, ROLLOUT_PROGRESSING, "a", "a is next, which failed");
    m[0].role = ROLE_CONTROL_PLANE;
    check(&usual, m, 2, ROLLOUT_PROGRESSING, "a", "a is next, which failed");
    many.api_reachable = false; /* which is why */
    check(&many, m, 2, ROLLOUT_PROGRESSING, "a", "a is next, which failed");
    m[1].role = ROLE_CONTROL_PLANE;
    check(&many, m, 2, ROLLOUT_WAITING, "", "waits for the API server, which does not answer");
}

static void it_pauses_and_waits(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("a")};
    struct rollout_cluster c = usual;
    c.paused = true;
    check(&c, m, 1, ROLLOUT_PAUSED, "", "paused; go on with: slipway rollout resume");
    c.paused = c.api_reachable = false;
    check(&c, m, 1, ROLLOUT_WAITING, "", "waits for the API server, which does not answer");
    m[0].wants = true;
    check(&c, m, 1, ROLLOUT_COMPLETE, "", "all have Image new");
}

/* It waits for the version that the rollout brings, and the rollout must not wait for it. */
static void one_that_may_not_join_is_next(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_CP("a"), OLD_CP("b"), OLD_CP("c"), OLD_WORKER("w")};
    m[0].wants = true;
    m[2].ready = false;
    m[2].barred = true;
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "c",
          "c is next, which may not join with its Image: it holds another version of Kubernetes");
    m[2].wants = true;
    m[2].barred = m[2].installed = false;
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "", "waits until control plane c is Ready");
    m[1].wants = m[2].ready = m[2].installed = true;
    m[3].ready = false;
    m[3].barred = true;
    check(&usual, m, 4, ROLLOUT_PROGRESSING, "w",
          "w is next, which may not join with its Image: it holds another version of Kubernetes");
}

static void who_is_no_member_is_left_alone(void **state)
{
    (void)state;
    struct rollout_machine m[] = {OLD_WORKER("a"), OLD_WORKER("b"), OLD_WORKER("c")};
    m[0].member = false;
    m[1].role = ROLE_NONE;
    m[2].wants = true;
    check(&usual, m, 3, ROLLOUT_COMPLETE, "", "all have Image new");
}

UNIT_MAIN(cmocka_unit_test(control_planes_go_first_one_at_a_time),
          cmocka_unit_test(a_control_plane_that_is_away_holds_all),
          cmocka_unit_test(the_only_control_plane_goes_first_too),
          cmocka_unit_test(it_is_known_when_all_control_planes_have_it),
          cmocka_unit_test(no_more_are_away_than_allowed),
          cmocka_unit_test(one_that_is_ready_counts_after_a_while),
          cmocka_unit_test(a_failure_stops_it), cmocka_unit_test(it_pauses_and_waits),
          cmocka_unit_test(one_that_may_not_join_is_next),
          cmocka_unit_test(who_is_no_member_is_left_alone))
