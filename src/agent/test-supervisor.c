/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/supervisor.h"
#include "base/buf.h"
#include "base/log.h"

/* A worker that speaks and dies, as `data` says. */
static int work(void *data)
{
    log_init(LOG_LEVEL_INFO, LOG_STYLE_KERNEL);
    log_info("working %s", (const char *)data);
    (void)dprintf(STDERR_FILENO, "unfinished \033 line");
    if (strcmp(data, "crash") == 0) {
        (void)raise(SIGKILL);
    }
    return 7;
}

/* What a supervisor shows until it has shown `until` twice. */
static void run(const char *how, const char *until, struct buf *shown)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct console console = {.fds = {fds[1]}, .count = 1, .kmsg = -1};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        supervise(&console, work, (void *)(uintptr_t)how);
    (void)close(fds[1]);
    for (int seen = 0; seen < 2;) {
        char *room = buf_room(shown, 4096);
        ssize_t n = read(fds[0], room, 4096);
        assert_true(n > 0);
        buf_commit(shown, (size_t)n);
        const char *first = strstr(buf_str(shown), until);
        seen = first ? 1 + (strstr(first + 1, until) != NULL) : 0;
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(fds[0]);
}

static void test_worker_that_crashes_is_started_again(void **state)
{
    (void)state;
    struct buf shown _autobuf_ = BUF_INIT;
    run("crash", "ended by signal 9", &shown);
    assert_non_null(strstr(buf_str(&shown), "working crash\n"));
    /* What it said last is not lost, and cannot play tricks with the screen. */
    assert_non_null(strstr(buf_str(&shown), "unfinished ? line\n"));
}

static void test_worker_that_returns_is_started_again(void **state)
{
    (void)state;
    struct buf shown _autobuf_ = BUF_INIT;
    run("return", "ended with status 7", &shown);
    assert_non_null(strstr(buf_str(&shown), "working return\n"));
}

UNIT_MAIN(cmocka_unit_test(test_worker_that_crashes_is_started_again),
          cmocka_unit_test(test_worker_that_returns_is_started_again))
