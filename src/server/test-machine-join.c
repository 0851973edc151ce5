/* SPDX-License-Identifier: Apache-2.0 */
/* A running machine becomes a member of its Cluster, by machine_step(). */
#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "server/machine-step.h"

struct fixture {
    json_t *object;
    struct trust_key key;
    struct machine_change change;
    int64_t now;
};

static void step(struct fixture *f, struct machine_event event)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    assert_int_equal(machine_decode(f->object, &machine, NULL), 0);
    struct machine_spec effective = machine_effective(machine, NULL);
    struct machine_view view = {.machine = machine,
                                .effective = &effective,
                                .image_ready = true,
                                .provisioning_deadline_ms = 60000,
                                .first_boot_deadline_ms = 120000,
                                .attempts_max = 2};
    event.now_ms = f->now += 1000;
    event.key = &f->key.public;
    machine_step(&view, &event, &f->change);
    assert_int_equal(machine_change_apply(&f->change, &view, &event, f->object), 0);
}

/* A node's hello; task and state may be NULL. */
static void hello(struct fixture *f, const char *task, const char *state, const char *failure)
{
    struct protocol_hello h = {.program = PROTOCOL_NODE, .install_generation = 1};
    json_auto_t *system = json_object();
    if (task)
        (void)json_object_set_new(system, "cluster",
                                  json_pack("{s:s, s:s, s:s, s:s*}", "task", task, "state", state,
                                            "phase", "kubelet-start", "message", failure));
    h.system = system;
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
}

static void task(struct fixture *f, const char *id)
{
    step(f, (struct machine_event){
                .type = MACHINE_EVENT_TASK, .task = id, .message = "joins Cluster demo as worker"});
}

static void node(struct fixture *f, bool ready)
{
    step(f, (struct machine_event){.type = MACHINE_EVENT_NODE,
                                   .node_ready = ready,
                                   .message = ready ? "its Node is Ready" : "kubelet is silent"});
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->now = 1700000000000;
    f->object = object_new(&kind_machine, "node1");
    assert_int_equal(
        object_set(f->object, "spec",
                   json_pack("{s:b, s:s, s:i, s:s, s:s}", "approved", 1, "image", "debian",
                             "installGeneration", 1, "cluster", "demo", "role", "worker")),
        0);
    assert_int_equal(trust_init(), 0);
    trust_key_generate(&f->key);
    struct protocol_hello h = {.program = PROTOCOL_AGENT};
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    hello(f, NULL, NULL, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    json_decref(f->object);
    free(f);
    return 0;
}

#define assert_phase(f, text) assert_string_equal(object_text((f)->object, "status.phase"), text)
#define assert_join(f, text)                                                                       \
    assert_string_equal(object_text((f)->object, "status.join.state"), text)

static void it_joins_and_is_ready(void **state)
{
    struct fixture *f = *state;
    assert_phase(f, "Running");
    task(f, "t1");
    assert_phase(f, "Joining");
    assert_join(f, "Running");
    hello(f, "t1", "done", NULL);
    assert_phase(f, "Joining");
    assert_join(f, "Done");
    node(f, true);
    assert_phase(f, "Ready");
    hello(f, "t1", "done", NULL);
    assert_phase(f, "Ready");
}

static void a_node_that_is_not_ready_any_more(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    node(f, false);
    assert_phase(f, "Joining");
    node(f, true);
    node(f, false);
    assert_phase(f, "Running");
    node(f, true);
    assert_phase(f, "Ready");
}

static void failures_are_retried_within_a_budget(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "failed", "kubelet did not start");
    assert_phase(f, "Joining");
    assert_join(f, "Failed");
    assert_string_equal(f->change.notes[0].reason, "JoinFailed");
    hello(f, "t1", "failed", "kubelet did not start");
    assert_int_equal(f->change.n_notes, 0);
    task(f, "t2");
    assert_join(f, "Running");
    assert_string_equal(f->change.notes[0].reason, "JoinRetried");
    /* it still speaks of the task before: this one did not arrive */
    hello(f, "t1", "failed", "kubelet did not start");
    assert_join(f, "Failed");
    assert_phase(f, "Failed");
    assert_string_equal(object_text(f->object, "status.failure.reason"), "JoinFailed");
}

static void what_a_node_says_is_checked(void **state)
{
    struct fixture *f = *state;
    struct protocol_hello h = {.program = PROTOCOL_NODE, .install_generation = 1};
    hello(f, "t0", "done", NULL);
    assert_null(object_text(f->object, "status.join.state"));
    task(f, "t1");
    json_auto_t *system = json_pack("{s:{s:s, s:s, s:[], s:s}}", "cluster", "task", "t1", "state",
                                    "Done", "phase", "nodeName", "node1");
    h.system = system;
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    assert_join(f, "Running");
    assert_null(object_text(f->object, "status.join.phase"));
    assert_string_equal(object_text(f->object, "status.join.nodeName"), "node1");
}

static void a_new_installation_is_no_member(void **state)
{
    struct fixture *f = *state;
    struct protocol_hello h = {.program = PROTOCOL_AGENT};
    task(f, "t1");
    node(f, true);
    assert_int_equal(object_set(f->object, "spec.installGeneration", json_integer(2)), 0);
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    assert_phase(f, "Provisioning");
    assert_null(object_get(f->object, "status.join"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(test(it_joins_and_is_ready), test(a_node_that_is_not_ready_any_more),
          test(failures_are_retried_within_a_budget), test(what_a_node_says_is_checked),
          test(a_new_installation_is_no_member))
