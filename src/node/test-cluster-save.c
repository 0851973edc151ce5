/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd's data goes to a server and comes back. The server is an array here, etcd is a process that
 * holds the lock of its file until its manifest is gone; tests/kube has the real ones.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/test.h"
#include "node/cluster-run.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define MANIFEST "/etc/kubernetes/manifests/etcd.yaml"
#define DB "/var/lib/etcd/member/snap/db"

enum { CHUNKS = 8, BIG = 1200 * 1024 };

struct scratch {
    char folder[64];
    struct node node;
    struct cluster_tools tools;
    char *kept[CHUNKS];
    size_t count, calls;
    size_t failures; /* calls that fail before one goes well */
    bool full, refuses, damages, spoils, dies;
};

/* ---- the server ---- */

/* Before anything is stopped. */
static int ask_for_room(const struct scratch *s, const struct protocol_chunk *chunk,
                        struct err *err)
{
    assert_true(chunk->index == 0 && chunk->size >= BIG && chunk->size < 2 * BIG);
    assert_true(node_exists(&s->node, MANIFEST));
    return s->full ? err_set(err, -EPERM, "the server: its disk is full") : 0;
}

static bool etcd_could_start(const struct scratch *s)
{
    _autofree_ char *path = node_path(&s->node, DB);
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* A folder cannot be removed as a file is. */
static void spoil(const struct scratch *s)
{
    _autofree_ char *path = node_path(&s->node, CLUSTER_SAVED_FILE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int put_chunk(struct scratch *s, const struct protocol_chunk *chunk)
{
    assert_true(chunk->index == s->count && chunk->index < CHUNKS);
    assert_true(chunk->index > 0 || (chunk->size > 0 && chunk->size <= BIG + 65536));
    assert_false(etcd_could_start(s));
    if (s->spoils && chunk->last)
        spoil(s);
    s->kept[s->count++] = strdup(chunk->sealed);
    return 0;
}

static int get_chunk(struct scratch *s, struct protocol_chunk *chunk)
{
    assert_true(chunk->index < s->count);
    chunk->sealed = strdup(s->kept[chunk->index]);
    chunk->last = chunk->index + 1 == s->count;
    if (s->damages)
        chunk->sealed[5] = chunk->sealed[5] == 'A' ? 'B' : 'A';
    return 0;
}

static int exchange(void *server, const char *path, struct protocol_chunk *chunk, struct err *err)
{
    struct scratch *s = server;
    assert_string_equal(chunk->id, "save-1");
    s->calls++;
    if (s->refuses && chunk->index > 0)
        return err_set(err, -EPERM, "the server: its disk is full");
    if (s->failures && s->failures--)
        return err_set(err, -ECONNREFUSED, "nobody is there");
    if (s->dies && chunk->index > 0)
        (void)raise(SIGKILL);
    if (str_eq(path, PROTOCOL_PATH_SAVED))
        return get_chunk(s, chunk);
    return chunk->sealed ? put_chunk(s, chunk) : ask_for_room(s, chunk, err);
}

/* ---- the machine ---- */

static void put(const struct scratch *s, const char *path, const char *text)
{
    struct err err = ERR_INIT;
    if (node_write_text(&s->node, path, text, 0600, &err) < 0)
        fail_msg("%s", err_text(&err));
}

/* Bytes that cannot be made much smaller. */
static void put_data(const struct scratch *s)
{
    _autofree_ char *data = malloc(BIG + 1);
    uint32_t x = 1;
    for (size_t i = 0; i < BIG; i++) {
        x = x * 1664525U + 1013904223U;
        data[i] = (char)(x >> 24 | 1);
    }
    data[BIG] = '\0';
    put(s, DB, data);
}

static void give_resume(const struct scratch *s)
{
    struct err err = ERR_INIT;
    _autotask_ struct protocol_task task = {.id = strdup("resume-1"),
                                            .kind = PROTOCOL_TASK_RESUME,
                                            .deadline_seconds = 60,
                                            .node_name = strdup("node1"),
                                            .cri_socket = strdup("unix:///cri.sock")};
    if (cluster_task_save(&s->node, &task, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void give(const struct scratch *s, unsigned seconds)
{
    struct err err = ERR_INIT;
    _autotask_ struct protocol_task task = {.id = strdup("save-1"),
                                            .kind = PROTOCOL_TASK_SAVE,
                                            .deadline_seconds = seconds,
                                            .node_name = strdup("node1"),
                                            .cri_socket = strdup("unix:///cri.sock"),
                                            .saved = strdup("save-1"),
                                            .saved_key = strdup(KEY)};
    if (cluster_task_save(&s->node, &task, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static int setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/test-cluster-save.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->node = (struct node){.root = s->folder, .clock = &clock_system};
    s->tools = (struct cluster_tools){.chunk = exchange, .server = s};
    log_init(LOG_LEVEL_ERROR, LOG_STYLE_PLAIN);
    put(s, MANIFEST, "etcd");
    put(s, "/etc/kubernetes/manifests/kube-apiserver.yaml", "API server");
    put_data(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scratch *s = *state;
    for (size_t i = 0; i < s->count; i++)
        free(s->kept[i]);
    assert_int_equal(tree_remove(s->folder, NULL), 0);
    free(s);
    return 0;
}

/* As etcd: it writes until kubelet, who sees that its manifest is gone, has stopped it. */
static pid_t start_etcd(const struct scratch *s, int left_ms)
{
    _autofree_ char *path = node_path(&s->node, DB);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        while (node_exists(&s->node, MANIFEST))
            clock_sleep_ms(10);
        clock_sleep_ms((uint32_t)left_ms);
        _exit(write(fd, "the end", 7) == 7 ? 0 : 1);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void stop_etcd(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void assert_ended(const struct scratch *s, enum protocol_task_outcome outcome,
                         const char *failure, const char *says)
{
    _autotaskstate_ struct protocol_task_state after = {0};
    assert_int_equal(cluster_state_load(&s->node, &after), 0);
    assert_int_equal(after.outcome, outcome);
    if (failure)
        assert_string_equal(after.failure, failure);
    if (says && !strstr(after.message, says))
        fail_msg("no \"%s\" in: %s", says, after.message);
    assert_false(node_exists(&s->node, CLUSTER_SAVED_FILE));
    assert_false(node_exists(&s->node, CLUSTER_TASK_FILE));
}

/* ---- tests ---- */

static void restore(struct scratch *s, int expected)
{
    struct cluster_run run = {.node = &s->node,
                              .tools = &s->tools,
                              .task = {.saved = strdup("save-1"), .saved_key = strdup(KEY)},
                              .deadline = clock_now(&clock_system) + 5000};
    assert_int_equal(cluster_restore(&run), expected);
    if (expected < 0)
        assert_string_equal(run.state.failure, PROTOCOL_FAILURE_RESTORE);
    assert_false(node_exists(&s->node, CLUSTER_SAVED_FILE));
    protocol_task_free(&run.task);
    protocol_task_state_free(&run.state);
}

static void test_there_and_back(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    size_t len = 0, back_len = 0;
    _autofree_ char *data = NULL, *back = NULL;
    pid_t etcd = start_etcd(s, 300);
    s->failures = 1;
    give(s, 60);
    if (cluster_task_run(&s->node, &s->tools, &err) < 0)
        fail_msg("%s", err_text(&err));
    stop_etcd(etcd);
    assert_ended(s, PROTOCOL_TASK_DONE, NULL, NULL);
    assert_true(s->count >= 2);
    assert_int_equal(s->calls, s->count + 2);
    assert_true(etcd_could_start(s));
    assert_false(node_exists(&s->node, MANIFEST));
    /* what it wrote last is there */
    assert_int_equal(node_read(&s->node, DB, 2 * BIG, &data, &len, NULL), 0);
    assert_int_equal(len, BIG + 7);
    put(s, DB, "another disk");
    put(s, "/var/lib/etcd/member/wal/old", "of another etcd");
    restore(s, 0);
    assert_int_equal(node_read(&s->node, DB, 2 * BIG, &back, &back_len, NULL), 0);
    assert_int_equal(back_len, len);
    assert_memory_equal(back, data, len);
    assert_false(node_exists(&s->node, "/var/lib/etcd/member/wal/old"));
}

static void test_a_changed_chunk_is_refused(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    put(s, DB, "untouched");
    s->damages = true;
    restore(s, -EBADMSG);
    _autofree_ char *data = NULL;
    assert_int_equal(node_read(&s->node, DB, 100, &data, NULL, NULL), 0);
    assert_string_equal(data, "untouched");
}

static void test_when_it_fails_the_control_plane_starts_again(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    s->refuses = true;
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), -EPERM);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_SAVE, "its disk is full");
    assert_true(node_exists(&s->node, MANIFEST));
    assert_true(node_exists(&s->node, "/etc/kubernetes/manifests/kube-apiserver.yaml"));
}

static void test_nothing_stops_when_there_is_no_room(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    s->full = true;
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), -EPERM);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_SAVE, "its disk is full");
    assert_false(node_exists(&s->node, CLUSTER_STOPPED));
}

static void test_what_stays_here_is_no_failure(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotaskstate_ struct protocol_task_state after = {0};
    s->spoils = true;
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    assert_int_equal(cluster_state_load(&s->node, &after), 0);
    assert_int_equal(after.outcome, PROTOCOL_TASK_DONE);
    assert_false(node_exists(&s->node, MANIFEST));
}

static void test_an_etcd_that_does_not_stop(void **state)
{
    struct scratch *s = *state;
    pid_t etcd = start_etcd(s, 60000);
    struct cluster_run run = {.node = &s->node,
                              .tools = &s->tools,
                              .task = {.saved = strdup("save-1")},
                              .deadline = clock_now(&clock_system) + 500};
    assert_int_equal(cluster_save(&run), -ETIMEDOUT);
    assert_non_null(strstr(run.state.message, "did not stop in time"));
    assert_true(node_exists(&s->node, MANIFEST));
    protocol_task_free(&run.task);
    protocol_task_state_free(&run.state);
    stop_etcd(etcd);
}

static void test_an_interrupted_one_leaves_no_cluster(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    struct protocol_task_state before = {.task = strdup("save-1"),
                                         .outcome = PROTOCOL_TASK_RUNNING,
                                         .phase = strdup("upload"),
                                         .node_name = strdup("node1")};
    give(s, 60);
    assert_int_equal(cluster_state_save(&s->node, &before, &err), 0);
    protocol_task_state_free(&before);
    put(s, CLUSTER_STOPPED "/etcd.yaml", "etcd");
    put(s, CLUSTER_SAVED_FILE, "half of it");
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), -EINTR);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_INTERRUPTED, "upload");
    assert_true(node_exists(&s->node, MANIFEST));
    assert_true(node_exists(&s->node, DB));
    assert_int_equal(s->calls, 0);
}

static void test_a_save_that_was_for_nothing(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotaskstate_ struct protocol_task_state saved = {0}, after = {0};
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    assert_int_equal(cluster_state_load(&s->node, &saved), 0);
    assert_string_equal(saved.phase, PROTOCOL_PHASE_SAVED);
    assert_true(cluster_is_stopped(&s->node));
    /* nothing but the server's word starts it again */
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    assert_false(node_exists(&s->node, MANIFEST));
    give_resume(s);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    assert_ended(s, PROTOCOL_TASK_DONE, NULL, NULL);
    assert_int_equal(cluster_state_load(&s->node, &after), 0);
    assert_null(after.phase);
    assert_true(node_exists(&s->node, MANIFEST));
    assert_false(cluster_is_stopped(&s->node));
}

/* The daemon has given up on the task, which was killed again and again. */
static void test_what_was_given_up_runs_again(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    struct protocol_task_state before = {.task = strdup("save-1"),
                                         .outcome = PROTOCOL_TASK_FAILED,
                                         .failure = strdup(PROTOCOL_FAILURE_INTERRUPTED),
                                         .node_name = strdup("node1")};
    assert_int_equal(cluster_state_save(&s->node, &before, &err), 0);
    protocol_task_state_free(&before);
    put(s, CLUSTER_STOPPED "/other.yaml", "etcd");
    put(s, CLUSTER_SAVED_FILE, "half of it");
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_INTERRUPTED, NULL);
    assert_true(node_exists(&s->node, "/etc/kubernetes/manifests/other.yaml"));
}

/* By a kill, while it fetched or unpacked. */
static void test_an_interrupted_restore_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotaskstate_ struct protocol_task_state during = {0};
    _autotask_ struct protocol_task task = {.id = strdup("init-1"),
                                            .kind = PROTOCOL_TASK_INIT,
                                            .deadline_seconds = 60,
                                            .node_name = strdup("node1"),
                                            .cri_socket = strdup("unix:///cri.sock"),
                                            .kubeadm = strdup("/nonexistent/kubeadm"),
                                            .saved = strdup("save-1"),
                                            .saved_key = strdup(KEY)};
    assert_int_equal(protocol_task_add_argument(&task, "init"), 0);
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), 0);
    s->dies = true;
    if (cluster_task_save(&s->node, &task, &err) < 0)
        fail_msg("%s", err_text(&err));
    pid_t pid = fork();
    if (pid == 0)
        _exit(cluster_task_run(&s->node, &s->tools, &err) < 0 ? 2 : 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(cluster_state_load(&s->node, &during), 0);
    assert_string_equal(during.node_name, "node1");
    put(s, DB, "half of it");
    assert_true(node_exists(&s->node, CLUSTER_SAVED_FILE));
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), -EINTR);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_INTERRUPTED, "etcd-restore");
    assert_false(node_exists(&s->node, DB));
}

static void test_a_reset_by_hand_leaves_nothing(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    put(s, CLUSTER_SAVED_FILE, "half of it");
    s->tools.systemctl = NULL;
    assert_int_equal(setenv("PATH", "/nonexistent", 1), 0); /* no kubeadm of this host */
    if (cluster_reset_by_hand(&s->node, &s->tools, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_false(node_exists(&s->node, CLUSTER_SAVED_FILE));
    assert_false(node_exists(&s->node, DB));
}

static void test_only_where_an_etcd_is(void **state)
{
    struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autofree_ char *path = node_path(&s->node, DB);
    assert_int_equal(unlink(path), 0);
    give(s, 60);
    assert_int_equal(cluster_task_run(&s->node, &s->tools, &err), -ENOENT);
    assert_ended(s, PROTOCOL_TASK_FAILED, PROTOCOL_FAILURE_SAVE, DB);
    assert_true(node_exists(&s->node, MANIFEST));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(TEST(test_there_and_back), TEST(test_a_changed_chunk_is_refused),
          TEST(test_when_it_fails_the_control_plane_starts_again),
          TEST(test_nothing_stops_when_there_is_no_room), TEST(test_what_stays_here_is_no_failure),
          TEST(test_an_etcd_that_does_not_stop), TEST(test_an_interrupted_one_leaves_no_cluster),
          TEST(test_a_save_that_was_for_nothing), TEST(test_what_was_given_up_runs_again),
          TEST(test_only_where_an_etcd_is), TEST(test_an_interrupted_restore_leaves_nothing),
          TEST(test_a_reset_by_hand_leaves_nothing))
