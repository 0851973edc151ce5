/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/retry.h"
#include "base/clock.h"
#include "base/log.h"

enum { LINE_SIZE = 2048, RESTART_FIRST_MS = 500, RESTART_MAX_MS = 30000 };

struct lines {
    char data[LINE_SIZE];
    size_t len;
};

static void say(const struct console *console, const char *format, ...) _printf_(2, 3);
static void say(const struct console *console, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n > 0)
        console_line(console, line, strnlen(line, sizeof(line)));
}

static void show_lines(const struct console *console, struct lines *lines, bool all)
{
    for (char *end; (end = memchr(lines->data, '\n', lines->len));) {
        size_t n = (size_t)(end - lines->data);
        console_line(console, lines->data, n);
        lines->len -= n + 1;
        memmove(lines->data, end + 1, lines->len);
    }
    if (lines->len && (all || lines->len == sizeof(lines->data))) {
        console_line(console, lines->data, lines->len);
        lines->len = 0;
    }
}

static bool read_lines(const struct console *console, int fd, struct lines *lines)
{
    ssize_t n = read(fd, lines->data + lines->len, sizeof(lines->data) - lines->len);
    if (n > 0)
        lines->len += (size_t)n;
    show_lines(console, lines, n <= 0);
    return n > 0;
}

static _Noreturn void run_worker(int fd, int (*work)(void *data), void *data)
{
    (void)setsid();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    log_set_fd(STDERR_FILENO);
    exit(work(data));
}

static pid_t start(int (*work)(void *data), void *data, int *ret_fd)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    /* The worker never waits for a screen: what does not fit into the pipe is not shown. */
    (void)fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK);
    (void)fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0)
        run_worker(pipe_fds[1], work, data);
    (void)close(pipe_fds[1]);
    if (pid < 0) {
        int r = -errno;
        (void)close(pipe_fds[0]);
        return r;
    }
    *ret_fd = pipe_fds[0];
    return pid;
}

/* Reaps everybody; true when the worker was among them. */
static bool reap(pid_t worker, int *ret_status)
{
    bool ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == worker) {
            *ret_status = status;
            ended = true;
        }
    }
    return ended;
}

static void watch(const struct console *console, pid_t worker, int fd, int signals, int *ret_status)
{
    struct lines lines = {.len = 0};
    bool open = true;
    for (;;) {
        struct pollfd polls[2] = {{.fd = signals, .events = POLLIN},
                                  {.fd = open ? fd : -1, .events = POLLIN}};
        (void)poll(polls, 2, -1);
        if (polls[1].revents & (POLLIN | POLLHUP))
            open = read_lines(console, fd, &lines);
        if (!(polls[0].revents & POLLIN))
            continue;
        struct signalfd_siginfo info;
        (void)!read(signals, &info, sizeof(info));
        if (reap(worker, ret_status))
            break;
    }
    while (open && read_lines(console, fd, &lines))
        ;
}

_Noreturn void supervise(const struct console *console, int (*work)(void *data), void *data)
{
    sigset_t mask, old;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, &old);
    int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    struct retry retry = RETRY(RESTART_FIRST_MS, RESTART_MAX_MS, 0);
    for (;;) {
        int fd = -1, status = 0;
        pid_t worker = start(work, data, &fd);
        if (worker > 0) {
            watch(console, worker, fd, signals, &status);
            (void)close(fd);
        }
        uint32_t wait_ms = RESTART_FIRST_MS;
        (void)retry_failed(&retry, 0, &wait_ms);
        if (worker < 0)
            say(console, "<3>slipway-agent: cannot start: %s", strerror((int)-worker));
        else if (WIFSIGNALED(status))
            say(console, "<3>slipway-agent: ended by signal %d (%s), starts again in %u ms",
                WTERMSIG(status), strsignal(WTERMSIG(status)), wait_ms);
        else
            say(console, "<4>slipway-agent: ended with status %d, starts again in %u ms",
                WEXITSTATUS(status), wait_ms);
        clock_sleep_ms(wait_ms);
    }
}
