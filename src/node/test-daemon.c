/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon against the server's own guard, in one process: no sockets but those to the kernel.
 * The unit that carries out a cluster's task is a thread here, which runs the same code.
 */
#include "node/daemon.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/test.h"
#include "net/link.h"
#include "node/cluster-store.h"
#include "node/cluster-task.h"
#include "node/state.h"
#include "node/units.h"
#include "protocol/guard.h"
#include "provision/seed.h"

enum { SAID_MAX = 32, TASKS_MAX = 4 };

/* A server that takes everything, and notes in what order. */
struct fake_server {
    struct trust_key key, machine_key;
    struct protocol_guard *guard;
    char said[SAID_MAX][400];
    size_t count;
    unsigned deaf;          /* requests to drop first */
    char *tasks[TASKS_MAX]; /* sealed; handed out one by one, each with a hello */
    size_t next_task;
    bool reboot; /* hellos are answered so */
    bool kubelet_log;
};

/* " [TASK STATE FAILURE]" of a hello, "" when it has none. */
static const char *cluster_said(const json_t *body, char dst[static 128])
{
    const json_t *cluster = json_object_get(json_object_get(body, "system"), "cluster");
    const char *failure = json_string_value(json_object_get(cluster, "failure"));
    dst[0] = '\0';
    if (cluster)
        (void)snprintf(dst, 128, " [%s %s%s%s]",
                       json_string_value(json_object_get(cluster, "task")),
                       json_string_value(json_object_get(cluster, "state")), failure ? " " : "",
                       failure ? failure : "");
    return dst;
}

static void note(struct fake_server *server, const char *path, const json_t *body)
{
    char cluster[128];
    assert_true(server->count < SAID_MAX);
    const char *step = json_string_value(json_object_get(body, "step"));
    const char *failure = json_string_value(json_object_get(body, "failure"));
    const char *message = json_string_value(json_object_get(body, "message"));
    (void)snprintf(server->said[server->count++], sizeof(server->said[0]), "%s%s%s%s%s%s%s%s", path,
                   step ? " " : "", step ? step : "", failure ? " " : "", failure ? failure : "",
                   message ? ": " : "", message ? message : "", cluster_said(body, cluster));
}

static void hand_out_next(struct fake_server *server, struct protocol_answer *answer)
{
    if (server->next_task == TASKS_MAX || !server->tasks[server->next_task])
        return;
    answer->action = PROTOCOL_TASK;
    answer->sealed_task = strdup(server->tasks[server->next_task++]);
}

static char *answer_text(struct fake_server *server, const char *path, const char *text, size_t len)
{
    struct protocol_request request = {0};
    struct protocol_answer answer = {.action = PROTOCOL_OK, .poll_seconds = 30};
    char *reply = NULL;
    int r = protocol_guard_open(server->guard, text, len, &request);
    if (r == -ESTALE) {
        reply = protocol_guard_resync(server->guard, &request);
    } else {
        assert_int_equal(r, 0);
        assert_memory_equal(&request.key, &server->machine_key.public, sizeof(request.key));
        note(server, path, request.body);
        if (str_eq(path, PROTOCOL_PATH_HELLO))
            hand_out_next(server, &answer);
        if (server->reboot && str_eq(path, PROTOCOL_PATH_HELLO))
            answer.action = PROTOCOL_REBOOT;
        answer.kubelet_log = server->kubelet_log && str_eq(path, PROTOCOL_PATH_HELLO);
        json_t *body = protocol_answer_to_json(&answer);
        reply = protocol_guard_answer(server->guard, &request, body);
        json_decref(body);
        protocol_answer_free(&answer);
    }
    protocol_request_free(&request);
    return reply;
}

static int post(void *data, const char *path, const char *text, size_t len, char **ret_text,
                size_t *ret_len, struct err *err)
{
    struct fake_server *server = data;
    if (server->deaf > 0) {
        server->deaf--;
        return err_set(err, -ECONNREFUSED, "nobody listens");
    }
    *ret_text = answer_text(server, path, text, len);
    assert_non_null(*ret_text);
    *ret_len = strlen(*ret_text);
    return 0;
}

/* The system's clock, counting how often it is asked: a daemon that spins asks all the time. */
struct counting_clock {
    struct clock clock; /* first, so that a pointer to it is one to this */
    unsigned *asked;
};

static int64_t count_monotonic(const struct clock *clock)
{
    const struct counting_clock *c = (const void *)clock;
    ++*c->asked;
    return clock_now(&clock_system);
}

static int64_t count_wall(const struct clock *clock)
{
    (void)clock;
    return clock_wall(&clock_system);
}

struct scratch {
    char folder[64];
    struct node node;
    struct counting_clock clock;
    unsigned asked;
    struct fake_server server;
    struct node_daemon_options options;
    pthread_t unit; /* that carries out the task */
    bool unit_started, unit_dies;
    unsigned starts;
};

static void put(const struct scratch *s, const char *path, const char *text)
{
    struct err err = ERR_INIT;
    if (node_write_text(&s->node, path, text, 0600, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void put_identity(const struct scratch *s, const struct trust_public *server_key)
{
    char key_text[TRUST_PUBLIC_TEXT_SIZE];
    char *text = NULL, *private = trust_key_to_text(&s->server.machine_key);
    struct provision_identity identity = {
        .machine = (char *)(uintptr_t) "node1",
        .server = (char *)(uintptr_t) "http://10.0.0.1:8080",
        .server_key = (char *)(uintptr_t)trust_public_text(server_key, key_text),
        .private_key = private,
    };
    assert_int_equal(provision_identity_build(&identity, &text, NULL), 0);
    put(s, NODE_IDENTITY_FILE, text);
    seed_text_free(text);
    free(private);
}

static int setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    log_init(LOG_LEVEL_ERROR - 1, LOG_STYLE_PLAIN);
    assert_int_equal(trust_init(), 0);
    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/test-node-daemon.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->clock = (struct counting_clock){{count_monotonic, count_wall}, &s->asked};
    s->node = (struct node){.root = s->folder, .clock = &s->clock.clock};
    trust_key_generate(&s->server.key);
    trust_key_generate(&s->server.machine_key);
    s->server.guard = protocol_guard_new(&s->server.key, &rng_system, 16);
    s->options = (struct node_daemon_options){
        .sys = "/sys", .transport = {post, &s->server}, .rng = &rng_system, .once = true};
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(tree_remove(s->folder, NULL), 0);
    protocol_guard_free(s->server.guard);
    for (size_t i = 0; i < TASKS_MAX; i++)
        free(s->server.tasks[i]);
    free(s);
    return 0;
}

static void put_state(const struct scratch *s, bool configured, unsigned commands_done)
{
    _autofree_ char *text =
        str_format("{\"instance\":\"node1-1\",\"configured\":%s,\"commandsDone\":%u,"
                   "\"steps\":[{\"name\":\"hostname\"},{\"name\":\"users\"%s}]}",
                   configured ? "true" : "false", commands_done,
                   configured ? "" : ",\"failure\":\"no group x\"");
    put(s, NODE_STATE_FILE, text);
}

static void run(struct scratch *s)
{
    struct err err = ERR_INIT;
    if (node_daemon_run(&s->node, &s->options, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void assert_said(const struct scratch *s, const char *const expected[], size_t count)
{
    for (size_t i = 0; i < count && i < s->server.count; i++)
        assert_string_equal(s->server.said[i], expected[i]);
    assert_int_equal(s->server.count, count);
}

static void add_address(void)
{
    struct cidr address;
    int fd = -1;
    assert_int_equal(cidr_parse("10.0.0.5/24", &address), 0);
    assert_int_equal(net_open(&fd), 0);
    assert_int_equal(net_link_set_up(fd, 1, true), 0);
    assert_int_equal(net_address_add(fd, 1, address, UINT32_MAX), 0);
    close(fd);
}

/* A network namespace of our own, where loopback gets an address that counts. */
static void enter_network(bool with_address)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        skip();
    if (with_address)
        add_address();
}

static void test_reports_in(void **state)
{
    struct scratch *s = *state;
    enter_network(true);
    put_identity(s, &s->server.key.public);
    put(s, NODE_PROVISION_FILE, "{\"machine\":\"node1\",\"generation\":1}");
    put_state(s, true, 0);
    s->server.deaf = 2;
    run(s);
    assert_said(s, (const char *const[]){"/v1/hello"}, 1);
    assert_in_range(s->asked, 1, 50);
}

static void *add_address_later(void *data)
{
    (void)data;
    clock_sleep_ms(50);
    add_address();
    return NULL;
}

/* Nothing can be said before there is an address, and its coming is what wakes the daemon. */
static void test_an_address_that_comes_late(void **state)
{
    struct scratch *s = *state;
    enter_network(false);
    put_identity(s, &s->server.key.public);
    put(s, NODE_PROVISION_FILE, "{\"machine\":\"node1\",\"generation\":1}");
    put_state(s, true, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_address_later, NULL), 0);
    run(s);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_said(s, (const char *const[]){"/v1/hello"}, 1);
    assert_in_range(s->asked, 1, 50);
}

/* Whoever answers with another key is not believed. */
static void test_an_impostor_is_not_the_server(void **state)
{
    struct scratch *s = *state;
    enter_network(true);
    struct trust_key other;
    trust_key_generate(&other);
    struct conversation talk;
    struct protocol_hello hello = {.program = PROTOCOL_NODE};
    struct protocol_answer answer = {0};
    char key_text[TRUST_PUBLIC_TEXT_SIZE];
    _autofree_ char *private = trust_key_to_text(&s->server.machine_key);
    struct provision_identity identity = {
        .server_key = (char *)(uintptr_t)trust_public_text(&other.public, key_text),
        .private_key = private,
    };
    struct err err = ERR_INIT;
    assert_int_equal(
        conversation_init(&talk, &identity, 1, &s->options.transport, &rng_system, &err), 0);
    assert_int_equal(conversation_hello(&talk, &hello, &answer, &err), -EKEYREJECTED);
    assert_string_equal(err_text(&err), "the answer is not signed by our server");
    conversation_free(&talk);
    protocol_hello_free(&hello);
}

static void test_failures_of_first_boot_are_reported(void **state)
{
    struct scratch *s = *state;
    enter_network(true);
    put_identity(s, &s->server.key.public);
    put(s, NODE_PROVISION_FILE,
        "{\"machine\":\"node1\",\"generation\":1,\"commands\":[\"exit 1\"]}");
    put_state(s, false, 0);
    run(s);
    assert_said(s,
                (const char *const[]){"/v1/hello", "/v1/report firstBoot ConfigurationFailed: "
                                                   "users: no group x"},
                2);
}

static void test_nothing_is_said_without_an_identity(void **state)
{
    struct scratch *s = *state;
    put(s, NODE_PROVISION_FILE, "{\"machine\":\"node1\",\"generation\":1}");
    put_state(s, true, 0);
    run(s);
    assert_int_equal(s->server.count, 0);
}

/* Commands run below the root folder, so a shell is needed there; false when it cannot be had. */
static bool copy_shell(const struct scratch *s)
{
    static const char *const files[][2] = {
        {"/bin/dash", "/bin/sh"},
        {"/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"},
        {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _autofree_ char *data = NULL;
        size_t len = 0;
        if (file_read(files[i][0], 16 << 20, &data, &len, NULL) < 0)
            return false;
        assert_int_equal(node_write(&s->node, files[i][1], data, len, 0755, 0, 0, NULL), 0);
    }
    return true;
}

static void test_commands_run_once_and_in_order(void **state)
{
    struct scratch *s = *state;
    if (geteuid() != 0 || !copy_shell(s))
        skip();
    enter_network(true);
    put_identity(s, &s->server.key.public);
    put(s, NODE_PROVISION_FILE,
        "{\"machine\":\"node1\",\"generation\":1,\"commands\":[\"echo not again >> /log\","
        "\"echo two >> /log\",\"echo trouble >&2; exit 3\",\"echo four >> /log\"]}");
    put_state(s, true, 1);
    run(s);
    _autofree_ char *log = NULL;
    assert_int_equal(node_read(&s->node, "/log", 4096, &log, NULL, NULL), 0);
    assert_string_equal(log, "two\n");
    assert_said(
        s,
        (const char *const[]){"/v1/report firstBoot: running 4 commands", "/v1/hello",
                              "/v1/report firstBoot CommandFailed: command 3 of 4 failed with "
                              "exit status 3: trouble"},
        3);
    _autostate_ struct node_state kept = {0};
    assert_int_equal(node_state_load(&s->node, &kept), 0);
    assert_int_equal(kept.commands_done, 2);
    assert_non_null(kept.command_failure);
}

/* ---- tasks of a cluster ---- */

/* As slipway-node-cluster.service; one that dies lets go of the lock and writes nothing down. */
static void *run_unit(void *data)
{
    const struct scratch *s = data;
    struct node node = {.root = s->folder, .clock = &clock_system};
    struct cluster_tools tools = {.runtime_ms = 1};
    _autofd_ int lock = -1;
    if (s->unit_dies && cluster_lock(&node, &lock, NULL) == 0)
        return NULL;
    (void)!cluster_task_run(&node, &tools, NULL);
    return NULL;
}

static void join_unit(struct scratch *s)
{
    if (s->unit_started)
        assert_int_equal(pthread_join(s->unit, NULL), 0);
    s->unit_started = false;
}

static int start_unit(void *data, struct err *err)
{
    struct scratch *s = data;
    s->starts++;
    join_unit(s);
    if (pthread_create(&s->unit, NULL, run_unit, s) != 0)
        return err_set(err, -EAGAIN, "no thread");
    s->unit_started = true;
    return 0;
}

/* Resets end well without any kubeadm; joins fail, for there is no container runtime. */
static struct protocol_task make_task(const char *id, enum protocol_task_kind kind)
{
    struct protocol_task task = {.id = strdup(id),
                                 .kind = kind,
                                 .deadline_seconds = 60,
                                 .node_name = strdup("node1"),
                                 .kubeadm = strdup("/no/kubeadm"),
                                 .cri_socket = strdup("unix:///no/socket")};
    if (kind == PROTOCOL_TASK_JOIN)
        assert_int_equal(protocol_task_add_argument(&task, "join"), 0);
    return task;
}

static void hand_out(struct scratch *s, size_t at, const char *id, enum protocol_task_kind kind)
{
    _autotask_ struct protocol_task task = make_task(id, kind);
    char **place = &s->server.tasks[at];
    assert_int_equal(protocol_task_seal(&task, &s->server.machine_key.public, place, NULL), 0);
}

static void keep_state(struct scratch *s, const char *task, enum protocol_task_outcome outcome)
{
    _autotaskstate_ struct protocol_task_state state = {
        .task = strdup(task), .outcome = outcome, .node_name = strdup("node1")};
    assert_int_equal(cluster_state_save(&s->node, &state, NULL), 0);
}

static void start_member(struct scratch *s)
{
    enter_network(true);
    put_identity(s, &s->server.key.public);
    put(s, NODE_PROVISION_FILE, "{\"machine\":\"node1\",\"generation\":1}");
    put_state(s, true, 0);
    s->options.start_task = start_unit;
    s->options.start_data = s;
}

static void assert_was_said(const struct scratch *s, const char *what)
{
    for (size_t i = 0; i < s->server.count; i++) {
        if (str_after(s->server.said[i], what))
            return;
    }
    fail_msg("nobody said: %s", what);
}

static void assert_last_said(const struct scratch *s, const char *what)
{
    assert_string_equal(s->server.said[s->server.count - 1], what);
}

static void test_a_task_that_ends_well(void **state)
{
    struct scratch *s = *state;
    start_member(s);
    hand_out(s, 0, "t1", PROTOCOL_TASK_RESET);
    run(s);
    join_unit(s);
    assert_int_equal(s->starts, 1);
    assert_string_equal(s->server.said[0], "/v1/hello");
    assert_last_said(s, "/v1/hello [t1 done]");
    assert_in_range(s->asked, 1, 300);
}

/* Each failure is reported, told in the hello, and the server may try again with another task. */
static void test_tasks_that_fail(void **state)
{
    struct scratch *s = *state;
    start_member(s);
    hand_out(s, 0, "t1", PROTOCOL_TASK_JOIN);
    hand_out(s, 1, "t1", PROTOCOL_TASK_JOIN);
    run(s);
    assert_was_said(s, "/v1/report joining ContainerRuntimeNotReady: the container runtime does "
                       "not answer at unix:///no/socket: ");
    assert_last_said(s, "/v1/hello [t1 failed ContainerRuntimeNotReady]");
    /* The same one again is not done again. */
    assert_int_equal(s->starts, 1);
    hand_out(s, 2, "t2", PROTOCOL_TASK_JOIN);
    run(s);
    join_unit(s);
    assert_int_equal(s->starts, 2);
    assert_last_said(s, "/v1/hello [t2 failed ContainerRuntimeNotReady]");
}

static void test_tasks_that_are_refused(void **state)
{
    struct scratch *s = *state;
    struct trust_key other;
    start_member(s);
    keep_state(s, "t0", PROTOCOL_TASK_DONE);
    trust_key_generate(&other);
    assert_int_equal(trust_seal(&other.public, "{}", 2, &s->server.tasks[0]), 0);
    run(s);
    assert_said(s,
                (const char *const[]){"/v1/hello [t0 done]",
                                      "/v1/report joining TaskInvalid: the task is not sealed to "
                                      "this machine's key"},
                2);
    hand_out(s, 1, "t1", PROTOCOL_TASK_JOIN);
    run(s);
    assert_last_said(s, "/v1/hello [t1 failed AlreadyMember]");
    assert_int_equal(s->starts, 0);
}

/* The unit dies without a word, again and again. */
static void test_a_unit_that_dies(void **state)
{
    struct scratch *s = *state;
    start_member(s);
    s->unit_dies = true;
    hand_out(s, 0, "t1", PROTOCOL_TASK_JOIN);
    run(s);
    join_unit(s);
    assert_int_equal(s->starts, 3);
    assert_was_said(s, "/v1/report joining Interrupted: the task ended without saying how");
    assert_last_said(s, "/v1/hello [t1 failed Interrupted]");
    assert_false(node_exists(&s->node, CLUSTER_TASK_FILE));
}

/* This daemon comes after a power cut in the middle of a task. */
static void test_a_task_that_was_interrupted(void **state)
{
    struct scratch *s = *state;
    _autotask_ struct protocol_task task = make_task("t1", PROTOCOL_TASK_JOIN);
    start_member(s);
    keep_state(s, "t1", PROTOCOL_TASK_RUNNING);
    assert_int_equal(cluster_task_save(&s->node, &task, NULL), 0);
    run(s);
    join_unit(s);
    assert_int_equal(s->starts, 1);
    assert_was_said(s, "/v1/report joining Interrupted: the task was interrupted in its phase "
                       "start, and undone");
    assert_last_said(s, "/v1/hello [t1 failed Interrupted]");
}

static int restart_system(void *data, struct err *err)
{
    struct scratch *s = data;
    s->starts++;
    return s->unit_dies ? err_set(err, -EIO, "systemd is away") : 0;
}

static void test_a_restart(void **state)
{
    struct scratch *s = *state;
    start_member(s);
    s->options.start_task = NULL;
    s->server.reboot = true;
    run(s); /* a daemon that only reports does not restart anything */
    assert_said(s, (const char *const[]){"/v1/hello"}, 1);
    s->options.restart = restart_system;
    s->server.count = 0;
    run(s);
    assert_int_equal(s->starts, 1);
    assert_said(s, (const char *const[]){"/v1/hello", "/v1/report restarting"}, 2);
    s->unit_dies = true;
    s->server.count = 0;
    run(s);
    assert_last_said(s, "/v1/report restarting RestartFailed: systemd is away");
}

static void put_journalctl(struct scratch *s, char path[static 128], const char *script)
{
    assert_int_equal(node_write_text(&s->node, "/journalctl", script, 0755, NULL), 0);
    (void)snprintf(path, 128, "%s/journalctl", s->folder);
    s->options.journalctl = path;
    s->server.count = 0;
}

/* Asked for what its kubelet said last, it says that once, and without secrets. */
static void test_kubelet_log(void **state)
{
    struct scratch *s = *state;
    char path[128];
    start_member(s);
    keep_state(s, "t1", PROTOCOL_TASK_DONE);
    put_journalctl(s, path, "#!/bin/sh\nexit 1\n");
    run(s); /* nobody asks */
    assert_said(s, (const char *const[]){"/v1/hello [t1 done]"}, 1);
    s->server.kubelet_log = true;
    s->options.journalctl = NULL;
    s->server.count = 0;
    run(s); /* there is no journal below a folder */
    assert_said(s, (const char *const[]){"/v1/hello [t1 done]"}, 1);
    put_journalctl(s, path, "#!/bin/sh\nexit 1\n");
    run(s);
    assert_said(s,
                (const char *const[]){"/v1/hello [t1 done]",
                                      "/v1/report kubelet NodeNotReady: kubelet's log is empty, or "
                                      "cannot be read"},
                2);
    put_journalctl(s, path,
                   "#!/bin/sh\n"
                   "for argument; do [ \"$argument\" = --unit=kubelet ] && echo of kubelet; done\n"
                   "echo 'Container runtime network not ready: NetworkReady=false'\n"
                   "echo 'reason:NetworkPluginNotReady'\n"
                   "echo 'token abcdef.0123456789abcdef'\n");
    run(s);
    assert_said(s,
                (const char *const[]){"/v1/hello [t1 done]",
                                      "/v1/report kubelet NetworkPluginNotReady: the network "
                                      "plugin is not ready\nkubelet said:\nof kubelet\nContainer "
                                      "runtime network not ready: NetworkReady=false\n"
                                      "reason:NetworkPluginNotReady\ntoken [redacted]\n"},
                2);
}

static void test_failed_units(void **state)
{
    (void)state;
    json_t *units = units_parse("ssh.service loaded failed failed OpenBSD\n\n  a.mount x\n");
    assert_int_equal(json_array_size(units), 2);
    assert_string_equal(json_string_value(json_array_get(units, 0)), "ssh.service");
    assert_string_equal(json_string_value(json_array_get(units, 1)), "a.mount");
    json_decref(units);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(TEST(test_reports_in), TEST(test_an_address_that_comes_late),
          TEST(test_an_impostor_is_not_the_server), TEST(test_failures_of_first_boot_are_reported),
          TEST(test_nothing_is_said_without_an_identity), TEST(test_commands_run_once_and_in_order),
          TEST(test_a_task_that_ends_well), TEST(test_tasks_that_fail),
          TEST(test_tasks_that_are_refused), TEST(test_a_unit_that_dies),
          TEST(test_a_task_that_was_interrupted), TEST(test_a_restart), TEST(test_kubelet_log),
          cmocka_unit_test(test_failed_units))
