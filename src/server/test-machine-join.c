/* SPDX-License-Identifier: Apache-2.0 */
/* A running machine becomes a member of its Cluster, by machine_step(). */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "resource/validate.h"
#include "server/machine-step.h"

enum { NODE_MS = 120000, ANSWER_MS = 30000, LOG_AGAIN_MS = 600000 };

struct fixture {
    json_t *object;
    struct trust_key key, other;
    bool other_key; /* the next event is the other one's */
    struct machine_change change;
    int64_t now;
    const char *hold; /* why it may not be installed yet; NULL: it may */
};

/* Else nobody could approve, reject or release it any more. */
static void assert_valid(const json_t *object)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    struct err err = ERR_INIT;
    object_validate(&kind_machine, object, NULL, &problems);
    if (problems_err(&problems, &err) < 0)
        fail_msg("%s", err_text(&err));
}

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
                                .node_deadline_ms = NODE_MS,
                                .attempts_max = 2};
    if (f->hold)
        (void)snprintf(view.hold, sizeof(view.hold), "%s", f->hold);
    event.now_ms = f->now += 1000;
    event.key = f->other_key ? &f->other.public : &f->key.public;
    machine_step(&view, &event, &f->change);
    assert_int_equal(machine_change_apply(&f->change, &view, &event, f->object), 0);
    assert_valid(f->object);
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
    step(f, (struct machine_event){.type = MACHINE_EVENT_TASK,
                                   .task = id,
                                   .cluster = "demo",
                                   .role = ROLE_WORKER,
                                   .message = "joins Cluster demo as worker"});
}

static void node(struct fixture *f, bool ready)
{
    step(f, (struct machine_event){.type = MACHINE_EVENT_NODE,
                                   .node_ready = ready,
                                   .reason = ready ? "NodeReady" : "KubeletNotReady",
                                   .message = ready ? "its Node is Ready" : "kubelet is silent"});
}

static void node_says(struct fixture *f, const char *message)
{
    step(f, (struct machine_event){
                .type = MACHINE_EVENT_NODE, .reason = "KubeletNotReady", .message = message});
}

/* What kubelet's log tells, as the machine reports it. */
static void kubelet(struct fixture *f, const char *failure, const char *message)
{
    struct protocol_report r = {.program = PROTOCOL_NODE, .step = strdup(PROTOCOL_STEP_KUBELET)};
    r.failure = strdup(failure);
    r.message = strdup(message);
    step(f, (struct machine_event){.type = MACHINE_EVENT_REPORT, .report = &r});
    protocol_report_free(&r);
}

static void tick(struct fixture *f)
{
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
}

static void waits(struct fixture *f, const char *message)
{
    step(f, (struct machine_event){.type = MACHINE_EVENT_WAITS, .message = message});
}

/* "STATUS REASON: MESSAGE" of a condition; "none". */
static const char *shown(const struct fixture *f, const char *type, char text[static 600])
{
    size_t i;
    json_t *c;
    (void)snprintf(text, 600, "none");
    json_array_foreach (object_get(f->object, "status.conditions"), i, c) {
        if (str_eq(object_text(c, "type"), type))
            (void)snprintf(text, 600, "%s %s: %s", object_text(c, "status"),
                           object_text(c, "reason"), object_text(c, "message"));
    }
    return text;
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
    trust_key_generate(&f->other);
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

#define assert_shown(f, type, text) assert_string_equal(shown(f, type, (char[600]){0}), text)
#define assert_failure(f, member, text)                                                            \
    assert_string_equal(object_text((f)->object, "status.failure." member), text)
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

static void what_changed_meanwhile_takes_the_task_away(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *path;
        json_t *value, *before;
        const char *why;
    } changes[] = {
        {"spec.approved", json_false(), json_true(), "it is not approved any more"},
        {"spec.role", json_string("controlPlane"), json_string("worker"),
         "it has another role or another Cluster now"},
        {"spec.cluster", json_string("other"), json_string("demo"),
         "it has another role or another Cluster now"},
        {"spec.installGeneration", json_integer(2), json_integer(1),
         "it is about to be released or installed anew"},
        {"spec.release", json_pack("{s:i}", "generation", 1), json_object(),
         "it is about to be released or installed anew"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(object_set(f->object, changes[i].path, changes[i].value), 0);
        task(f, "t1");
        assert_false(f->change.task);
        assert_string_equal(f->change.reason, changes[i].why);
        assert_null(object_get(f->object, "status.join"));
        assert_int_equal(object_set(f->object, changes[i].path, changes[i].before), 0);
    }
    f->other_key = true;
    task(f, "t1");
    assert_string_equal(f->change.reason, "its key is not the approved one any more");
    f->other_key = false;
    task(f, "t1");
    assert_true(f->change.task);
}

static void failures_are_retried_for_ever_and_shown(void **state)
{
    struct fixture *f = *state;
    char id[8];
    task(f, "t1");
    struct protocol_report r = {.program = PROTOCOL_NODE, .step = strdup(PROTOCOL_STEP_JOINING)};
    r.failure = strdup("KubeletFailed");
    r.message = str_format("kubelet did not start\nkubelet said:\n%2000s\n", "one");
    step(f, (struct machine_event){.type = MACHINE_EVENT_REPORT, .report = &r});
    protocol_report_free(&r);
    hello(f, "t1", "failed", "kubelet did not start\nkubelet said:\none\n");
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
    assert_phase(f, "Joining");
    for (int i = 3; i <= 5; i++) {
        (void)snprintf(id, sizeof(id), "t%d", i);
        task(f, id);
        assert_phase(f, "Joining");
        hello(f, id, "failed", "kubelet did not start");
    }
    assert_phase(f, "Failed");
    assert_string_equal(object_text(f->object, "status.failure.reason"), "JoinFailed");
    assert_string_equal(object_text(f->object, "status.failure.message"), "kubelet did not start");
    /* as long as it does not succeed, it is Failed */
    hello(f, "t5", "failed", "kubelet did not start");
    assert_phase(f, "Failed");
    task(f, "t6");
    hello(f, "t6", "running", NULL);
    assert_phase(f, "Failed");
    assert_non_null(object_get(f->object, "status.failure"));
    hello(f, "t6", "done", NULL);
    assert_phase(f, "Joining");
    assert_null(object_get(f->object, "status.failure"));
    node(f, true);
    assert_phase(f, "Ready");
}

static void who_falls_silent_is_seen(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    f->now += 115000;
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
    assert_phase(f, "Joining");
    f->now += 5000;
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
    assert_phase(f, "Failed");
    assert_string_equal(object_text(f->object, "status.failure.reason"), "JoinSilent");
    hello(f, "t1", "running", NULL);
    assert_phase(f, "Running");
    assert_null(object_get(f->object, "status.failure"));
}

static void a_clock_that_was_set_back_is_noticed(void **state)
{
    struct fixture *f = *state;
    char now[CLOCK_TEXT_SIZE];
    task(f, "t1");
    hello(f, "t1", "failed", "kubelet did not start");
    f->now -= 86400000;
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
    (void)clock_text(f->now, now);
    assert_string_equal(object_text(f->object, "status.join.startedAt"), now);
    assert_string_equal(object_text(f->object, "status.join.endedAt"), now);
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
    assert_false(f->change.join_times);
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

#define NO_CNI                                                                                     \
    "runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network "  \
    "plugin returns error: cni plugin not initialized"

static void what_its_node_says_is_shown(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    step(f, (struct machine_event){.type = MACHINE_EVENT_NODE,
                                   .node_unknown = true,
                                   .reason = "APIServerUnreachable",
                                   .message = "nobody answers"});
    assert_shown(f, "NodeReady", "Unknown APIServerUnreachable: nobody answers");
    node_says(f, NO_CNI);
    assert_shown(f, "NodeReady", "False KubeletNotReady: " NO_CNI);
    node_says(f, NO_CNI);
    assert_false(machine_change_writes(&f->change));
    node(f, true);
    assert_shown(f, "NodeReady", "True NodeReady: its Node is Ready");
    node_says(f, NO_CNI);
    assert_shown(f, "NodeReady", "False KubeletNotReady: " NO_CNI);
    assert_shown(f, "Healthy", "False NodeNotReady: its Node is not Ready: " NO_CNI);
    hello(f, "t1", "done", NULL);
    assert_shown(f, "Healthy", "False NodeNotReady: its Node is not Ready: " NO_CNI);
    step(f, (struct machine_event){.type = MACHINE_EVENT_LEFT});
    assert_shown(f, "NodeReady", "False Left: it is a member of its Cluster no more");
    hello(f, NULL, NULL, NULL);
    assert_shown(f, "Healthy", "True Reported: the installed system reported in");
}

/* kubelet counts up in its message, every ten seconds. */
static void a_duration_that_grows_is_not_written(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    node_says(f, "PLEG is not healthy: pleg was last seen active 3m0.5s ago; threshold is 3m0s");
    node_says(f,
              "PLEG is not healthy: pleg was last seen active 1h12m7.25s ago; threshold is 3m0s");
    assert_false(machine_change_writes(&f->change));
    node_says(f, "PLEG is healthy");
    assert_true(machine_change_writes(&f->change));
    static const char *const others[] = {"cp2 is first",   "cp3 is first", "v1.20.2",   "v1.21.0",
                                         "3 Nodes",        "4 Nodes",      "3 seconds", "4 seconds",
                                         "3 s of silence", "3 ss",         "3",         ""};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        node_says(f, others[i]);
        assert_true(machine_change_writes(&f->change));
    }
    node_says(f, "tries again in 35 s");
    node_says(f, "tries again in 9 s");
    assert_false(machine_change_writes(&f->change));
}

static void kubelet_log_is_asked_for(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    node_says(f, NO_CNI);
    kubelet(f, "ImageMissing", "nobody asked");
    assert_null(object_get(f->object, "status.failure"));
    hello(f, "t1", "done", NULL);
    assert_false(f->change.kubelet_log);
    f->now += NODE_MS;
    tick(f);
    assert_false(machine_change_writes(&f->change));
    hello(f, "t1", "done", NULL);
    assert_true(f->change.kubelet_log);
    kubelet(f, "ImageMissing", "an image is missing\nkubelet said:\none\ntwo\n");
    assert_failure(f, "step", "CNI");
    assert_failure(f, "reason", "NetworkPluginNotReady");
    assert_failure(f, "message", "an image is missing\nkubelet said:\none\ntwo\n");
    assert_int_equal(f->change.n_notes, 1);
    assert_true(f->change.notes[0].warning);
    assert_string_equal(f->change.notes[0].reason, "NetworkPluginNotReady");
    assert_string_equal(f->change.notes[0].message,
                        "CNI: its Node is not Ready: " NO_CNI
                        "; an image is missing\nkubelet said:\none\ntwo\n");
    assert_shown(f, "Healthy", "False NetworkPluginNotReady: CNI: its Node is not Ready: " NO_CNI);
    assert_phase(f, "Joining");
    /* Once is enough. */
    hello(f, "t1", "done", NULL);
    assert_false(f->change.kubelet_log);
    f->now += ANSWER_MS;
    tick(f);
    assert_int_equal(f->change.n_notes, 0);
    /* It is fetched anew after a while, and told only when it is another step. */
    f->now += LOG_AGAIN_MS;
    hello(f, "t1", "done", NULL);
    assert_true(f->change.kubelet_log);
    kubelet(f, "ImageMissing", "an image is missing\nkubelet said:\nthree\n");
    assert_int_equal(f->change.n_notes, 0);
    assert_failure(f, "message", "an image is missing\nkubelet said:\nthree\n");
    node(f, true);
    assert_null(object_get(f->object, "status.failure"));
    assert_shown(f, "Healthy", "True NodeReady: its Node is Ready");
    /* Another time begins anew. */
    node_says(f, "Kubelet stopped posting node status.");
    assert_phase(f, "Running");
    hello(f, "t1", "done", NULL);
    assert_false(f->change.kubelet_log);
    f->now += NODE_MS;
    hello(f, "t1", "done", NULL);
    assert_true(f->change.kubelet_log);
    kubelet(f, "KubeletFailed", "the kubelet does not run\nkubelet said:\nfour\n");
    assert_failure(f, "step", "kubelet");
    assert_failure(f, "reason", "KubeletFailed");
    hello(f, "t1", "done", NULL);
    assert_failure(f, "reason", "KubeletFailed");
}

/* The step is what kubelet says of the Node, else what its log tells. */
static void the_step_is_named(void **state)
{
    static const struct {
        const char *node, *said, *step, *reason;
    } cases[] = {
        {NO_CNI, "NodeNotReady", "CNI", "NetworkPluginNotReady"},
        {"runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
         "message:docker: network plugin is not ready: cni config uninitialized",
         "KubeletFailed", "CNI", "NetworkPluginNotReady"},
        {"[container runtime is down, PLEG is not healthy]", "NodeNotReady", "container runtime",
         "ContainerRuntimeNotReady"},
        {"there is no Node of that name", "ImageMissing", "image", "ImageMissing"},
        {"there is no Node of that name", "CertificateNotIssued", "certificate request",
         "CertificateNotIssued"},
        {"there is no Node of that name", "TLSBootstrapFailed", "TLS bootstrap",
         "TLSBootstrapFailed"},
        {"there is no Node of that name", "Anything <else>", "kubelet", "NodeNotReady"},
        {"there is no Node of that name", "NodeNotReady", "kubelet", "NodeNotReady"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        task(f, "t1");
        hello(f, "t1", "done", NULL);
        node_says(f, cases[i].node);
        f->now += NODE_MS;
        kubelet(f, cases[i].said, "a sentence\nkubelet said:\nline\n");
        assert_failure(f, "step", cases[i].step);
        assert_failure(f, "reason", cases[i].reason);
        node(f, true);
        f->now += 1000;
    }
}

/* A machine that is away says nothing, nor does an old slipway-node. */
static void without_a_log_it_is_told_too(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    node_says(f, "Kubelet stopped posting node status.");
    f->now += NODE_MS + ANSWER_MS;
    tick(f);
    assert_string_equal(f->change.notes[0].reason, "NodeNotReady");
    assert_string_equal(f->change.notes[0].message,
                        "kubelet: its Node is not Ready: Kubelet stopped posting node status.; the "
                        "machine does not say what its kubelet does");
    assert_failure(f, "step", "kubelet");
    tick(f);
    assert_false(machine_change_writes(&f->change));
    /* It is back, and something else is missing. */
    node_says(f, NO_CNI);
    hello(f, "t1", "done", NULL);
    assert_false(f->change.kubelet_log);
    f->now += NODE_MS;
    hello(f, "t1", "done", NULL);
    assert_true(f->change.kubelet_log);
    kubelet(f, "NetworkPluginNotReady", "no network\nkubelet said:\none\n");
    assert_int_equal(f->change.n_notes, 1);
    assert_failure(f, "step", "CNI");
    f->now += NODE_MS;
    hello(f, "t1", "done", NULL);
    assert_false(f->change.kubelet_log);
}

/* The API server never answered: the condition before is of an earlier membership. */
static void a_membership_before_does_not_count(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    node_says(f, "there is no Node of that name");
    step(f, (struct machine_event){.type = MACHINE_EVENT_LEFT});
    f->now += NODE_MS;
    hello(f, NULL, NULL, NULL);
    assert_false(f->change.kubelet_log);
    task(f, "t2");
    hello(f, "t2", "done", NULL);
    node_says(f, "there is no Node of that name");
    hello(f, "t2", "done", NULL);
    assert_false(f->change.kubelet_log);
    f->now += NODE_MS;
    hello(f, "t2", "done", NULL);
    assert_true(f->change.kubelet_log);
}

/* The event holds the last lines, the status all that was said. */
static void long_logs_end_in_the_event(void **state)
{
    struct fixture *f = *state;
    char message[2048] = "the kubelet does not run\nkubelet said:\n";
    for (unsigned i = 0; i < 40; i++)
        (void)snprintf(message + strlen(message), 40, "a line with the number %u\n", i);
    task(f, "t1");
    hello(f, "t1", "done", NULL);
    node_says(f, "there is no Node of that name");
    f->now += NODE_MS;
    kubelet(f, "KubeletFailed", message);
    assert_failure(f, "message", message);
    const char *note = f->change.notes[0].message;
    assert_non_null(str_after(note, "kubelet: its Node is not Ready: there is no Node of that "
                                    "name; the kubelet does not run\na line with the number "));
    assert_non_null(strstr(note, "\na line with the number 39\n"));
    assert_null(strstr(note, "number 0\n"));
    assert_in_range(strlen(note), MACHINE_NOTE_SIZE - 40, MACHINE_NOTE_SIZE - 1);
}

static void why_it_waits_is_shown(void **state)
{
    struct fixture *f = *state;
    waits(f, "waits until cp1 has initialised the cluster");
    assert_shown(f, "Joined", "False Waiting: waits until cp1 has initialised the cluster");
    waits(f, "waits until cp1 has initialised the cluster");
    assert_false(machine_change_writes(&f->change));
    waits(f, "waits until control plane cp2 has joined");
    assert_shown(f, "Joined", "False Waiting: waits until control plane cp2 has joined");
    task(f, "t1");
    assert_shown(f, "Joined", "False Joining: joins Cluster demo as worker");
    hello(f, "t1", "done", NULL);
    waits(f, "has joined; its Node is not Ready");
    assert_shown(f, "Joined", "False Joining: joins Cluster demo as worker");
    node(f, true);
    waits(f, "late");
    assert_shown(f, "Joined", "True NodeReady: its Node is Ready");
}

/* What it says of its task decides how it leaves. */
static void it_is_heard_while_it_leaves(void **state)
{
    struct fixture *f = *state;
    task(f, "t1");
    task(f, "t2");
    f->hold = "leaves Cluster demo first";
    assert_int_equal(object_set(f->object, "spec.installGeneration", json_integer(2)), 0);
    hello(f, "t2", "running", NULL);
    assert_string_equal(object_text(f->object, "status.join.state"), "Running");
    hello(f, "t2", "failed", "kubelet did not start");
    assert_string_equal(object_text(f->object, "status.join.state"), "Failed");
    assert_false(f->change.failure); /* it is installed anew all the same */
    hello(f, "t2", "done", NULL);
    assert_string_equal(object_text(f->object, "status.join.state"), "Done");
    assert_int_equal(f->change.action, PROTOCOL_WAIT);
    f->hold = NULL;
    hello(f, "t2", "done", NULL);
    assert_int_equal(f->change.action, PROTOCOL_REBOOT);
    assert_null(object_get(f->object, "status.join"));
}

static void who_speaks_for_it(void **state)
{
    struct fixture *f = *state;
    _cleanup_(machine_freep) struct machine *machine = NULL;
    struct trust_key other;
    char text[TRUST_PUBLIC_TEXT_SIZE];
    trust_key_generate(&other);
    assert_int_equal(machine_decode(f->object, &machine, NULL), 0);
    struct machine_spec spec = machine_effective(machine, NULL);
    assert_true(machine_is_spoken_for(machine, &spec, &f->key.public));
    assert_false(machine_is_spoken_for(machine, &spec, &other.public));
    spec.approved = TRI_FALSE;
    assert_false(machine_is_spoken_for(machine, &spec, &f->key.public));
    spec.approved = TRI_TRUE;
    (void)trust_public_text(&other.public, text);
    spec.approved_key = text;
    assert_false(machine_is_spoken_for(machine, &spec, &f->key.public));
    spec.approved_key = NULL;
    (void)trust_public_text(&f->key.public, text);
    machine->status.revoked_key = text;
    assert_false(machine_is_spoken_for(machine, &spec, &f->key.public));
    machine->status.revoked_key = NULL;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(test(it_joins_and_is_ready), test(a_node_that_is_not_ready_any_more),
          test(what_changed_meanwhile_takes_the_task_away),
          test(failures_are_retried_for_ever_and_shown), test(who_falls_silent_is_seen),
          test(a_clock_that_was_set_back_is_noticed), test(what_a_node_says_is_checked),
          test(a_new_installation_is_no_member), test(what_its_node_says_is_shown),
          test(a_duration_that_grows_is_not_written), test(kubelet_log_is_asked_for),
          test(the_step_is_named), test(without_a_log_it_is_told_too),
          test(a_membership_before_does_not_count), test(long_logs_end_in_the_event),
          test(why_it_waits_is_shown), test(it_is_heard_while_it_leaves), test(who_speaks_for_it))
