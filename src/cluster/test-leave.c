/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "cluster/kubeadm-status.h"
#include "cluster/leave.h"

/* Carries out what is decided until it waits or is done; the steps' letters. */
static const char *walk(struct leave_facts f, char dst[16])
{
    static const char letters[] = {
        [LEAVE_WAIT] = 'w',   [LEAVE_MARK] = 'm',        [LEAVE_DRAIN] = 'd', [LEAVE_ETCD] = 'e',
        [LEAVE_CONFIG] = 'c', [LEAVE_DELETE_NODE] = 'n', [LEAVE_DONE] = '.',  [LEAVE_SAVE] = 's'};
    size_t n = 0;
    for (; n < 14; n++) {
        struct leave next = leave_decide(&f);
        assert_non_null(next.text);
        dst[n] = letters[next.step];
        if (next.step == LEAVE_WAIT || next.step == LEAVE_DONE)
            break;
        f.node_marked |= next.step == LEAVE_MARK;
        f.drained |= next.step == LEAVE_DRAIN;
        f.etcd_left |= next.step == LEAVE_ETCD;
        f.config_left |= next.step == LEAVE_CONFIG;
        f.node &= next.step != LEAVE_DELETE_NODE;
        f.saved |= next.step == LEAVE_SAVE && f.saving;
        f.saving |= next.step == LEAVE_SAVE;
        f.api_reachable &= !f.saving;
    }
    dst[n + 1] = '\0';
    return dst;
}

static void members_leave_in_order(void **state)
{
    static const struct {
        struct leave_facts facts;
        const char *steps;
    } cases[] = {
        {{.other_control_planes = 1, .api_reachable = true, .node = true}, "mdn."},
        {{.other_control_planes = 1, .api_reachable = true}, "."},
        {{.other_control_planes = 1, .api_reachable = true, .token = true}, "w"},
        {{.other_control_planes = 1, .api_reachable = true, .node = true, .token = true}, "mdnw"},
        {{.control_plane = true, .other_control_planes = 2, .api_reachable = true, .node = true},
         "mdecn."},
        /* a dead one, whose Node somebody has deleted already */
        {{.control_plane = true, .other_control_planes = 2, .api_reachable = true}, "ec."},
        /* goes on where a server before it stopped */
        {{.control_plane = true,
          .other_control_planes = 1,
          .api_reachable = true,
          .node = true,
          .node_marked = true},
         "decn."},
        {{.other_control_planes = 1, .node = true}, "w"},
        {{.other_control_planes = 1, .api_reachable = true, .node = true, .task_under_way = true},
         "w"},
    };
    char steps[16];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(walk(cases[i].facts, steps), cases[i].steps);
}

static void the_last_control_plane_just_goes(void **state)
{
    struct leave_facts f = {.control_plane = true, .api_reachable = true, .node = true};
    char steps[16];
    (void)state;
    assert_string_equal(walk(f, steps), ".");
    f.api_reachable = false;
    assert_string_equal(walk(f, steps), ".");
    assert_string_equal(leave_decide(&f).text,
                        "it was the last control plane, and its cluster ended with it");
    /* nobody holds a worker of a cluster that has ended; one that answers does */
    f.control_plane = false;
    assert_string_equal(walk(f, steps), ".");
    f.api_reachable = true;
    assert_string_equal(walk(f, steps), "mdn.");
}

static void the_only_control_plane_saves_before_it_is_installed_anew(void **state)
{
    struct leave_facts f = {.reason = LEAVE_REINSTALL,
                            .control_plane = true,
                            .joined = true,
                            .api_reachable = true,
                            .node = true};
    char steps[16];
    (void)state;
    assert_string_equal(walk(f, steps), "mdss.");
    /* its API server is away: what is on its disk can be saved all the same */
    f.api_reachable = false;
    assert_string_equal(walk(f, steps), "ss.");
    f.saved = true;
    assert_string_equal(walk(f, steps), ".");
    assert_string_equal(leave_decide(&f).text,
                        "what its etcd holds is with the server: its cluster goes on with it");
    /* it could not be brought back, and is installed once more */
    f.joined = false;
    assert_string_equal(walk(f, steps), ".");
    /* it may run with it: what it says counts, and then what it saves */
    f = (struct leave_facts){.reason = LEAVE_REINSTALL,
                             .control_plane = true,
                             .restoring = true,
                             .task_under_way = true};
    assert_string_equal(walk(f, steps), "w");
    f.task_under_way = false;
    assert_string_equal(walk(f, steps), "ss.");
    f.restoring = false;
    /* it never became one */
    f.saved = false;
    assert_string_equal(walk(f, steps), ".");
    f.joined = true;
    f.reason = LEAVE_RELEASED;
    assert_string_equal(walk(f, steps), ".");
    f = (struct leave_facts){.reason = LEAVE_REINSTALL,
                             .control_plane = true,
                             .joined = true,
                             .other_control_planes = 1,
                             .api_reachable = true,
                             .node = true};
    assert_string_equal(walk(f, steps), "mdecn.");
}

static void the_endpoints_machine_is_released_last(void **state)
{
    struct leave_facts f = {.reason = LEAVE_RELEASED,
                            .control_plane = true,
                            .other_control_planes = 1,
                            .api_reachable = true,
                            .is_endpoint = true,
                            .node = true};
    char steps[16];
    (void)state;
    assert_string_equal(walk(f, steps), "w");
    f.reason = LEAVE_REINSTALL; /* it comes back at its address */
    assert_string_equal(walk(f, steps), "mdecn.");
    f.reason = LEAVE_REJECTED; /* trust goes before service */
    assert_string_equal(walk(f, steps), "mdecn.");
    f = (struct leave_facts){.reason = LEAVE_RELEASED, .control_plane = true, .is_endpoint = true};
    assert_string_equal(walk(f, steps), ".");
}

/* What etcd saves would have a second member that nobody brings back with it. */
static void the_only_control_plane_waits_for_one_that_joins(void **state)
{
    static const enum leave_reason reasons[] = {LEAVE_REINSTALL, LEAVE_RELEASED, LEAVE_REJECTED};
    char steps[16];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        struct leave_facts f = {.reason = reasons[i],
                                .control_plane = true,
                                .joined = true,
                                .other_joining = true,
                                .api_reachable = true,
                                .node = true};
        assert_string_equal(walk(f, steps), "w");
        f.other_control_planes = 1; /* it has joined, and another one joins */
        assert_string_equal(walk(f, steps), "mdecn.");
        f.other_control_planes = 0;
        f.saved = reasons[i] == LEAVE_REINSTALL;
        assert_string_equal(walk(f, steps), f.saved ? "." : "w");
    }
}

static void a_worker_waits_for_the_control_plane_that_comes_back(void **state)
{
    struct leave_facts f = {.reason = LEAVE_RELEASED, .joined = true, .returns = true};
    char steps[16];
    (void)state;
    assert_string_equal(walk(f, steps), "w");
    f.returns = false; /* it never will */
    assert_string_equal(walk(f, steps), ".");
}

/* Its Cluster was deleted, and another one has the name now. */
static void nobody_leaves_a_cluster_that_never_was(void **state)
{
    char steps[16];
    (void)state;
    for (int control_plane = 0; control_plane < 2; control_plane++) {
        const struct leave_facts f = {.reason = LEAVE_REINSTALL,
                                      .control_plane = control_plane,
                                      .other_control_planes = 2,
                                      .joined = true,
                                      .unformed = true};
        assert_string_equal(walk(f, steps), ".");
    }
}

static void kubeadm_forgets_an_api_server(void **state)
{
    static const char text[] = "apiEndpoints:\n"
                               "  cp1:\n    advertiseAddress: 10.0.0.1\n    bindPort: 6443\n"
                               "  cp2:\n    advertiseAddress: 10.0.0.2\n    bindPort: 6443\n"
                               "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n";
    char *left = NULL;
    (void)state;
    assert_int_equal(kubeadm_status_remove(text, "cp2", &left), 0);
    assert_non_null(strstr(left, "cp1:"));
    assert_non_null(strstr(left, "advertiseAddress: 10.0.0.1"));
    assert_non_null(strstr(left, "bindPort: 6443"));
    assert_non_null(strstr(left, "kind: ClusterStatus"));
    assert_null(strstr(left, "cp2"));
    char *none = NULL;
    assert_int_equal(kubeadm_status_remove(left, "cp2", &none), -ENOENT);
    assert_int_equal(kubeadm_status_remove("[]", "cp2", &none), -EBADMSG);
    assert_int_equal(kubeadm_status_remove("a: [", "cp2", &none), -EBADMSG);
    assert_int_equal(kubeadm_status_remove("", "cp2", &none), -EBADMSG);
    assert_int_equal(kubeadm_status_remove("apiEndpoints: 7", "cp2", &none), -ENOENT);
    assert_null(none);
    free(left);
}

UNIT_MAIN(cmocka_unit_test(members_leave_in_order),
          cmocka_unit_test(the_last_control_plane_just_goes),
          cmocka_unit_test(the_only_control_plane_saves_before_it_is_installed_anew),
          cmocka_unit_test(the_endpoints_machine_is_released_last),
          cmocka_unit_test(the_only_control_plane_waits_for_one_that_joins),
          cmocka_unit_test(a_worker_waits_for_the_control_plane_that_comes_back),
          cmocka_unit_test(nobody_leaves_a_cluster_that_never_was),
          cmocka_unit_test(kubeadm_forgets_an_api_server))
