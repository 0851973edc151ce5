/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task, carried out below a scratch root by a kubeadm that is a script: the real one changes the
 * machine that it runs on, and needs a container runtime, a kubelet and minutes. What the script
 * prints is what kubeadm 1.20 prints. Tests with virtual machines run the real one.
 */
#include "node/cluster-task.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/test.h"
#include "node/cluster-kubeadm.h"
#include "node/cluster-store.h"

#define TOKEN "abcdef.0123456789abcdef"
#define CONFIG PROTOCOL_TASK_DIR "/kubeadm.yaml"

struct scratch {
    char folder[64], log[96], kubeadm[96], journalctl[96];
    struct node node;
    struct cluster_tools tools;
    int runtime, log_fd;
};

/* ---- the scratch machine ---- */

static void put(const struct scratch *s, const char *path, const char *text, mode_t mode)
{
    struct err err = ERR_INIT;
    if (node_write_text(&s->node, path, text, mode, &err) < 0)
        fail_msg("%s", err_text(&err));
}

/* A script that notes its arguments and environment in the folder and goes on with `body`. */
static void put_kubeadm(const struct scratch *s, const char *body)
{
    _autofree_ char *text = str_format("#!/bin/sh\ncd %s || exit 9\necho \"$*\" >>calls\n"
                                       "env | sort >environment\n"
                                       "if [ \"$1\" = reset ]; then\n"
                                       "  echo '[reset] Stopping the kubelet service'\n"
                                       "  exit \"$(cat reset-status 2>/dev/null || echo 0)\"\n"
                                       "fi\n%s\n",
                                       s->folder, body);
    put(s, "/kubeadm", text, 0755);
}

static char *get(const struct scratch *s, const char *path)
{
    char *text = NULL;
    return node_read(&s->node, path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static mode_t mode_of(const struct scratch *s, const char *path)
{
    struct stat st;
    _autofree_ char *full = node_path(&s->node, path);
    return stat(full, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void listen_as_runtime(struct scratch *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/cri.sock", s->folder);
    s->runtime = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->runtime, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->runtime, 4), 0);
}

static int setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/test-cluster-task.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    (void)snprintf(s->log, sizeof(s->log), "%s/log", s->folder);
    (void)snprintf(s->kubeadm, sizeof(s->kubeadm), "%s/kubeadm", s->folder);
    (void)snprintf(s->journalctl, sizeof(s->journalctl), "%s/journalctl", s->folder);
    s->node = (struct node){.root = s->folder, .clock = &clock_system};
    s->tools = (struct cluster_tools){.journalctl = s->journalctl, .runtime_ms = 10000};
    FILE *log = fopen(s->log, "we");
    assert_non_null(log);
    s->log_fd = dup(fileno(log));
    (void)fclose(log);
    log_init(LOG_LEVEL_INFO, LOG_STYLE_PLAIN);
    log_set_fd(s->log_fd);
    put(s, "/journalctl", "#!/bin/sh\necho 'kubelet: token " TOKEN "'\n", 0755);
    listen_as_runtime(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scratch *s = *state;
    log_set_fd(STDERR_FILENO);
    close(s->log_fd);
    cleanup_fd(&s->runtime);
    assert_int_equal(tree_remove(s->folder, NULL), 0);
    free(s);
    return 0;
}

/* ---- the task ---- */

static void add_files(struct protocol_task *task)
{
    static const struct {
        const char *path, *data;
        mode_t mode;
    } files[] = {
        {"/etc/kubernetes/pki/ca.crt", "certificate", 0644},
        {"/etc/kubernetes/pki/etcd/ca.key", "a key", 0600},
        {"/etc/cni/net.d/10-slipway.conflist", "{}", 0644},
        {CONFIG, "token: " TOKEN "\n", 0600},
        {PROTOCOL_TASK_ENVIRONMENT, "HTTP_PROXY=\"http://p:3128\"\nLD_PRELOAD=\"x\"\n", 0600},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_int_equal(protocol_task_add_file(task, files[i].path, files[i].mode, files[i].data),
                         0);
}

static void give(const struct scratch *s, const char *id, const char *kind, unsigned seconds)
{
    bool reset = str_eq(kind, "reset"), init = str_eq(kind, "init");
    _autotask_ struct protocol_task task = {.id = strdup(id),
                                            .kind = reset  ? PROTOCOL_TASK_RESET
                                                    : init ? PROTOCOL_TASK_INIT
                                                           : PROTOCOL_TASK_JOIN,
                                            .deadline_seconds = seconds,
                                            .node_name = strdup("node1"),
                                            .cri_socket = strdup("unix:///cri.sock"),
                                            .kubeadm = strdup(s->kubeadm)};
    struct err err = ERR_INIT;
    if (!reset) {
        add_files(&task);
        assert_int_equal(protocol_task_add_argument(&task, kind), 0);
        assert_int_equal(protocol_task_add_argument(&task, "--config=" CONFIG), 0);
        assert_int_equal(protocol_task_add_remove_after(&task, CONFIG), 0);
    }
    if (cluster_task_save(&s->node, &task, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void load(const struct scratch *s, struct protocol_task_state *state)
{
    assert_int_equal(cluster_state_load(&s->node, state), 0);
}

/* No secret in what stays, nor in the log. */
static void assert_secrets_are_gone(const struct scratch *s)
{
    _autofree_ char *log = get(s, "/log");
    _autofree_ char *state = get(s, CLUSTER_STATE_FILE);
    assert_non_null(log);
    assert_null(strstr(log, "56789abc"));
    assert_true(!state || !strstr(state, "56789abc"));
    assert_false(node_exists(&s->node, CONFIG));
    assert_false(node_exists(&s->node, CLUSTER_TASK_FILE));
}

static void assert_calls(const struct scratch *s, const char *expected)
{
    _autofree_ char *calls = get(s, "/calls");
    assert_string_equal(calls ? calls : "", expected);
}

#define JOIN_CALL "join --config=" CONFIG "\n"
#define RESET_CALL "reset --force --cert-dir /etc/kubernetes/pki --cri-socket unix:///cri.sock\n"

static const char join_output[] =
    "grep -q token: ./" CONFIG " || exit 8\n"
    "cp ." CLUSTER_STATE_FILE " state-before\n"
    "echo '[preflight] Running pre-flight checks'\n"
    "echo \"[preflight] FYI: token " TOKEN " in 'kubectl -n kube-system get cm kubeadm-config'\"\n"
    "echo '[kubelet-start] Starting the kubelet'\n"
    "echo '[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap...'\n"
    "echo 'W0701 klog says " TOKEN "' >&2\n"
    "echo\n"
    "echo 'This node has joined the cluster:'\n";

/* ---- tests ---- */

static void test_a_join(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotaskstate_ struct protocol_task_state after = {0};
    put_kubeadm(s, join_output);
    give(s, "t1", "join", 60);
    if (cluster_task_run(&s->node, &s->tools, &err) < 0)
        fail_msg("%s", err_text(&err));
    load(s, &after);
    assert_int_equal(after.outcome, PROTOCOL_TASK_DONE);
    assert_string_equal(after.task, "t1");
    assert_string_equal(after.node_name, "node1");
    assert_null(after.failure);
    assert_calls(s, JOIN_CALL);
    assert_secrets_are_gone(s);
    _autofree_ char *log = get(s, "/log");
    assert_non_null(strstr(log, "kubeadm: This node has joined the cluster:"));
    assert_non_null(strstr(log, "kubeadm: W0701 klog says [redacted]"));
    _autofree_ char *before = get(s, "/state-before");
    assert_non_null(strstr(before, "\"running\""));
    assert_non_null(strstr(before, "\"node1\""));
}

static void test_files_and_environment(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, join_output);
    give(s, "t1", "join", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_int_equal(mode_of(s, "/etc/kubernetes"), 0755);
    assert_int_equal(mode_of(s, "/etc/kubernetes/pki"), 0755);
    assert_int_equal(mode_of(s, "/etc/kubernetes/pki/ca.crt"), 0644);
    assert_int_equal(mode_of(s, "/etc/kubernetes/pki/etcd"), 0700);
    assert_int_equal(mode_of(s, "/etc/kubernetes/pki/etcd/ca.key"), 0600);
    assert_int_equal(mode_of(s, PROTOCOL_TASK_DIR), 0700);
    assert_int_equal(mode_of(s, CLUSTER_STATE_FILE), 0600);
    _autofree_ char *environment = get(s, "/environment");
    assert_non_null(strstr(environment, "HTTP_PROXY=http://p:3128\n"));
    assert_non_null(strstr(environment, "HOME=/root\n"));
    assert_null(strstr(environment, "LD_PRELOAD"));
    assert_null(strstr(environment, "LOGNAME"));
}

/* Runs the task that is kept; it must fail for this reason, and its message must hold `part`. */
static void assert_fails(struct scratch *s, const char *failure, const char *part)
{
    struct err err = ERR_INIT;
    _autotaskstate_ struct protocol_task_state after = {0};
    assert_true(cluster_task_run(&s->node, &s->tools, &err) < 0);
    load(s, &after);
    assert_int_equal(after.outcome, PROTOCOL_TASK_FAILED);
    assert_string_equal(after.failure, failure);
    if (!strstr(after.message, part))
        fail_msg("no \"%s\" in: %s", part, after.message);
    assert_secrets_are_gone(s);
}

static void test_a_failure_tells_the_step_and_the_last_lines(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "for i in $(seq 30); do echo \"[preflight] line $i\"; done\n"
                   "echo 'error execution phase preflight: unable to fetch the kubeadm-config "
                   "ConfigMap: failed to get config map: Unauthorized' >&2\n"
                   "echo 'To see the stack trace of this error execute with --v=5 or higher' >&2\n"
                   "exit 1\n");
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_BOOTSTRAP, "phase preflight, exit status 1)");
    _autotaskstate_ struct protocol_task_state after = {0};
    load(s, &after);
    assert_null(strstr(after.message, "line 11\n"));
    assert_non_null(strstr(after.message, "line 12\n"));
    assert_non_null(strstr(after.message, "kubelet said:\nkubelet: token [redacted]\n"));
    assert_string_equal(after.node_name, "node1");
}

/* After the first look at it, most of the shortest deadline has passed. */
struct late_clock {
    struct clock clock; /* first, so that a pointer to it is one to this */
    bool *asked;
};

static int64_t late_monotonic(const struct clock *clock)
{
    const struct late_clock *late = (const void *)clock;
    bool asked = *late->asked;
    *late->asked = true;
    return clock_now(&clock_system) + (asked ? (PROTOCOL_TASK_DEADLINE_LEAST - 3) * 1000 : 0);
}

/* A process that has ended has no command line any more, even before it is waited for. */
static bool has_ended(const char *pid)
{
    _autofree_ char *path = str_format("/proc/%d/cmdline", (int)strtol(pid, NULL, 10));
    _autofree_ char *line = NULL;
    return file_read(path, 4096, &line, NULL, NULL) < 0 || !line[0];
}

static void test_the_deadline_kills_kubeadm(void **state)
{
    struct scratch *s = *state;
    bool asked = false;
    struct late_clock late = {{late_monotonic, late_monotonic}, &asked};
    s->node.clock = &late.clock;
    put_kubeadm(s,
                "echo '[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap...'\n"
                "sleep 600 & echo $! >child\nwait\n");
    give(s, "t1", "join", PROTOCOL_TASK_DEADLINE_LEAST);
    assert_fails(s, PROTOCOL_FAILURE_CERTIFICATE, "phase tls-bootstrap, killed at the deadline)");
    _autofree_ char *child = get(s, "/child");
    while (!has_ended(child))
        clock_sleep_ms(20);
}

static void test_after_a_failure_comes_a_reset(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 1\n");
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM, "phase runtime");
    put(s, "/etc/kubernetes/kubelet.conf", "left", 0600);
    put(s, "/var/lib/kubelet/pki/kubelet.key", "left", 0600);
    put(s, "/var/lib/kubelet/pods/volume", "not ours", 0600);
    put(s, "/etc/cni/net.d/99-other.conf", "not ours", 0600);
    put_kubeadm(s, "ls etc/kubernetes var/lib/kubelet >found\n");
    give(s, "t2", "join", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, JOIN_CALL RESET_CALL JOIN_CALL);
    _autofree_ char *found = get(s, "/found");
    assert_string_equal(found, "etc/kubernetes:\npki\n\nvar/lib/kubelet:\npods\n");
    assert_true(node_exists(&s->node, "/etc/cni/net.d/99-other.conf"));
    assert_secrets_are_gone(s);
}

static void test_a_reset_that_fails_is_tried_again(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 1\n");
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM, "");
    put(s, "/reset-status", "3", 0600);
    give(s, "t2", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_UNDO, "kubeadm reset failed (status 3):\n[reset] Stopping");
    put(s, "/reset-status", "0", 0600);
    put_kubeadm(s, "exit 0\n");
    give(s, "t3", "join", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, JOIN_CALL RESET_CALL RESET_CALL JOIN_CALL);
}

/* As a power cut leaves it: the task is there, and the state says that it runs. */
static void test_an_interrupted_task_is_undone_and_not_repeated(void **state)
{
    struct scratch *s = *state;
    struct protocol_task_state running = {.task = strdup("t1"),
                                          .outcome = PROTOCOL_TASK_RUNNING,
                                          .phase = strdup("kubelet-start"),
                                          .node_name = strdup("node1")};
    put_kubeadm(s, "exit 7\n");
    give(s, "t1", "join", 60);
    put(s, CONFIG, "token: " TOKEN, 0600);
    assert_int_equal(cluster_state_save(&s->node, &running, NULL), 0);
    protocol_task_state_free(&running);
    assert_fails(s, PROTOCOL_FAILURE_INTERRUPTED, "in its phase kubelet-start, and undone");
    assert_calls(s, RESET_CALL);
    _autotaskstate_ struct protocol_task_state after = {0};
    load(s, &after);
    assert_null(after.node_name);
}

static void test_a_task_that_ended_is_not_repeated(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 0\n");
    give(s, "t1", "join", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    give(s, "t1", "join", 60);
    put(s, CONFIG, "token: " TOKEN, 0600);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, JOIN_CALL);
    assert_secrets_are_gone(s);
}

#define INIT_CALL "init --config=" CONFIG "\n"
#define RESUME_CALL                                                                                \
    "init --config=" CONFIG " --skip-phases=preflight,certs,kubeconfig,kubelet-start,"             \
    "control-plane,etcd,wait-control-plane\n"

static void test_an_init_that_is_gone_on_with(void **state)
{
    struct scratch *s = *state;
    _autotaskstate_ struct protocol_task_state after = {0};
    put_kubeadm(s, "[ \"$(wc -l <calls)\" -gt 2 ] || {\n"
                   "  echo 'error execution phase addon/kube-proxy: Client.Timeout exceeded'\n"
                   "  exit 1\n"
                   "}\n");
    give(s, "t1", "init", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, INIT_CALL RESUME_CALL RESUME_CALL);
    load(s, &after);
    assert_int_equal(after.outcome, PROTOCOL_TASK_DONE);
    assert_secrets_are_gone(s);
}

static void test_an_init_that_never_ends_well(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "echo 'error execution phase mark-control-plane: connection refused'\nexit 1\n");
    give(s, "t1", "init", 60);
    assert_fails(s, PROTOCOL_FAILURE_API, "the API server cannot be reached");
    assert_calls(s, INIT_CALL RESUME_CALL RESUME_CALL RESUME_CALL RESUME_CALL RESUME_CALL);
}

/* Without a control plane there is nothing to go on with; a join may have used up its token. */
static void test_what_is_not_gone_on_with(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "echo '[wait-control-plane] Waiting'\n"
                   "echo 'error execution phase wait-control-plane: timeout'\nexit 1\n");
    give(s, "t1", "init", 60);
    assert_fails(s, PROTOCOL_FAILURE_CONTROL_PLANE, "");
    assert_calls(s, INIT_CALL);
    assert_int_equal(cluster_reset_by_hand(&s->node, &s->tools, NULL), 0);
    put(s, "/calls", "", 0600);
    put_kubeadm(s, "echo 'error execution phase mark-control-plane: timeout'\nexit 1\n");
    give(s, "t2", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM, "kubeadm failed");
    assert_calls(s, JOIN_CALL);
}

static void test_a_reset_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "echo x >etc/kubernetes/admin.conf\n");
    give(s, "t1", "init", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    give(s, "t2", "reset", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, "init --config=" CONFIG "\n" RESET_CALL);
    assert_false(node_exists(&s->node, "/etc/kubernetes/pki"));
    assert_false(node_exists(&s->node, "/etc/kubernetes/admin.conf"));
    assert_false(node_exists(&s->node, "/etc/cni/net.d/10-slipway.conflist"));
    _autotaskstate_ struct protocol_task_state after = {0};
    load(s, &after);
    assert_int_equal(after.outcome, PROTOCOL_TASK_DONE);
    assert_null(after.node_name);
}

/* kubeadm's own default is not where this Cluster's certificates are. */
static void test_certificates_elsewhere_go_too(void **state)
{
    struct scratch *s = *state;
    _autotask_ struct protocol_task task = {0};
    struct err err = ERR_INIT;
    put_kubeadm(s, "mkdir -p etc/kubernetes/certificates\n"
                   "echo x >etc/kubernetes/certificates/ca.crt\nexit 1\n");
    give(s, "t1", "join", 60);
    assert_int_equal(cluster_task_load(&s->node, &task, &err), 0);
    task.certificates_dir = strdup("/etc/kubernetes/certificates");
    assert_int_equal(cluster_task_save(&s->node, &task, &err), 0);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM, "");
    assert_true(node_exists(&s->node, "/etc/kubernetes/certificates/ca.crt"));
    assert_int_equal(cluster_reset_by_hand(&s->node, &s->tools, NULL), 0);
    assert_calls(s, JOIN_CALL "reset --force --cert-dir /etc/kubernetes/certificates --cri-socket "
                              "unix:///cri.sock\n");
    assert_false(node_exists(&s->node, "/etc/kubernetes/certificates"));
}

static void test_a_reset_of_what_nobody_remembers(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 7\n");
    put(s, "/etc/kubernetes/kubelet.conf", "left", 0600);
    give(s, "t1", "reset", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_calls(s, RESET_CALL);
    assert_false(node_exists(&s->node, "/etc/kubernetes/kubelet.conf"));
}

static void test_a_reset_by_hand(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 0\n");
    give(s, "t1", "join", 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), 0);
    assert_int_equal(cluster_reset_by_hand(&s->node, &s->tools, NULL), 0);
    assert_calls(s, JOIN_CALL RESET_CALL);
    assert_false(node_exists(&s->node, "/etc/kubernetes/pki/ca.crt"));
    _autotaskstate_ struct protocol_task_state after = {0};
    load(s, &after);
    assert_int_equal(after.outcome, PROTOCOL_TASK_FAILED);
    assert_string_equal(after.failure, PROTOCOL_FAILURE_RESET);
    assert_string_equal(after.task, "t1");
    assert_null(after.node_name);
}

static void test_only_one_at_a_time(void **state)
{
    struct scratch *s = *state;
    _autofd_ int lock = -1;
    put_kubeadm(s, "exit 0\n");
    give(s, "t1", "join", 60);
    assert_false(cluster_is_locked(&s->node));
    assert_int_equal(cluster_lock(&s->node, &lock, NULL), 0);
    assert_true(cluster_is_locked(&s->node));
    assert_int_equal(cluster_task_run(&s->node, &s->tools, NULL), -EBUSY);
    assert_int_equal(cluster_reset_by_hand(&s->node, &s->tools, NULL), -EBUSY);
    close(TAKE_FD(lock));
    assert_false(cluster_is_locked(&s->node));
    assert_calls(s, "");
}

static void test_what_is_missing_is_named(void **state)
{
    struct scratch *s = *state;
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM_MISSING, "there is no ");
    close(s->runtime);
    s->runtime = -1;
    s->tools.runtime_ms = 1;
    give(s, "t2", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_RUNTIME, "does not answer at unix:///cri.sock: Connection");
}

static void test_a_file_that_cannot_be_written(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s, "exit 0\n");
    put(s, "/etc/cni/net.d", "a file where a folder should be", 0600);
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_FILES, "/etc/cni/net.d");
    assert_calls(s, "");
}

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

/* kubeadm's parent gets what systemd sends to stop the unit. */
static void test_stopping_ends_kubeadm_and_is_written_down(void **state)
{
    struct scratch *s = *state;
    struct sigaction action = {.sa_handler = on_signal}, before;
    stopped = 0;
    s->tools.cancel = &stopped;
    assert_int_equal(sigaction(SIGTERM, &action, &before), 0);
    put_kubeadm(s, "kill -TERM $PPID\nsleep 600 & wait\n");
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_INTERRUPTED, "kubeadm was stopped");
    assert_int_equal(sigaction(SIGTERM, &before, NULL), 0);
}

/* A secret that stands where a too long line is cut in two. */
static void test_long_lines_hide_nothing(void **state)
{
    struct scratch *s = *state;
    put_kubeadm(s,
                "printf '%0*d " TOKEN "\\n' 3992 0\nprintf '%0*d " TOKEN "\\n' 9000 0\nexit 1\n");
    give(s, "t1", "join", 60);
    assert_fails(s, PROTOCOL_FAILURE_KUBEADM, "exit status 1");
}

static void test_environment(void **state)
{
    (void)state;
    char **list = cluster_environment("# a comment\nhttps_proxy=\"http://a:1/\\\"x\\\\\"\r\n"
                                      "NO_PROXY=10.0.0.0/8,.svc\nPATH=\"/evil\"\nNO_PROXY\n=\n");
    assert_string_equal(list[2], "https_proxy=http://a:1/\"x\\");
    assert_string_equal(list[3], "NO_PROXY=10.0.0.0/8,.svc");
    assert_null(list[4]);
    cluster_environment_free(list);
    list = cluster_environment(NULL);
    assert_null(list[2]);
    cluster_environment_free(list);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(TEST(test_a_join), TEST(test_files_and_environment),
          TEST(test_a_failure_tells_the_step_and_the_last_lines),
          TEST(test_the_deadline_kills_kubeadm), TEST(test_after_a_failure_comes_a_reset),
          TEST(test_a_reset_that_fails_is_tried_again),
          TEST(test_an_interrupted_task_is_undone_and_not_repeated),
          TEST(test_a_task_that_ended_is_not_repeated), TEST(test_an_init_that_is_gone_on_with),
          TEST(test_an_init_that_never_ends_well), TEST(test_what_is_not_gone_on_with),
          TEST(test_a_reset_leaves_nothing), TEST(test_certificates_elsewhere_go_too),
          TEST(test_a_reset_of_what_nobody_remembers), TEST(test_a_reset_by_hand),
          TEST(test_only_one_at_a_time), TEST(test_what_is_missing_is_named),
          TEST(test_a_file_that_cannot_be_written),
          TEST(test_stopping_ends_kubeadm_and_is_written_down), TEST(test_long_lines_hide_nothing),
          cmocka_unit_test(test_environment))
