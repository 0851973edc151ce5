/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

struct child {
    pid_t pid;
    int in, out, log; /* our ends; -1 when closed */
    size_t written;
    struct buf line; /* the line of standard error that is being read */
    struct buf tail; /* the end of standard error, for the error text */
};

enum { TAIL_MAX = 600, CANCEL_POLL_MS = 200, CANCEL_GRACE_MS = 30000 };

static void child_close(struct child *c)
{
    cleanup_fd(&c->in);
    cleanup_fd(&c->out);
    cleanup_fd(&c->log);
    buf_free(&c->line);
    buf_free(&c->tail);
}

static int make_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

static int spawn_with(posix_spawn_file_actions_t *actions, const char *const argv[],
                      const struct proc_options *o, pid_t *ret_pid)
{
    posix_spawnattr_t attr;
    int r = posix_spawnattr_init(&attr);
    if (r != 0)
        return -r;
    sigset_t none;
    sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attr, &defaults);
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    char *const *env = o->env ? (char *const *)(const void *)o->env : environ;
    r = posix_spawnp(ret_pid, argv[0], actions, &attr, (char *const *)(const void *)argv, env);
    (void)posix_spawnattr_destroy(&attr);
    return -r;
}

static int spawn_piped(const char *const argv[], const struct proc_options *o, int in, int out,
                       int log, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return -r;
    if (in >= 0)
        r = posix_spawn_file_actions_adddup2(&actions, in, 0);
    else
        r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0 && (out >= 0 || o->merge))
        r = posix_spawn_file_actions_adddup2(&actions, o->merge ? log : out, 1);
    else if (r == 0)
        r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, log, 2);
    if (r == 0 && o->chdir)
        r = posix_spawn_file_actions_addchdir_np(&actions, o->chdir);
    r = r == 0 ? spawn_with(&actions, argv, o, ret_pid) : -r;
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int child_start(struct child *c, const char *const argv[], const struct proc_options *o)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, log[2] = {-1, -1};
    int r = o->input ? make_pipe(in) : 0;
    if (r == 0 && o->output)
        r = make_pipe(out);
    if (r == 0)
        r = make_pipe(log);
    if (r == 0)
        r = spawn_piped(argv, o, in[0], out[1], log[1], &c->pid);
    cleanup_fd(&in[0]);
    cleanup_fd(&out[1]);
    cleanup_fd(&log[1]);
    c->in = in[1];
    c->out = out[0];
    c->log = log[0];
    if (r == 0 && c->in >= 0)
        r = fd_nonblock(c->in, true);
    return r;
}

static void feed_input(struct child *c, const struct proc_options *o)
{
    ssize_t n = write(c->in, o->input + c->written, o->input_len - c->written);
    if (n > 0)
        c->written += (size_t)n;
    bool failed = n < 0 && errno != EAGAIN && errno != EINTR;
    if (failed || c->written == o->input_len) {
        cleanup_fd(&c->in);
        c->in = -1;
    }
}

static void end_line(struct child *c, const struct proc_options *o)
{
    if (o->on_line && c->line.len)
        o->on_line(o->data, buf_str(&c->line));
    if (c->line.len) {
        buf_adds(&c->tail, c->tail.len ? " | " : "");
        buf_add(&c->tail, c->line.data, c->line.len);
        if (c->tail.len > TAIL_MAX)
            buf_consume(&c->tail, c->tail.len - TAIL_MAX);
    }
    buf_reset(&c->line);
}

static void take_log(struct child *c, const struct proc_options *o, const char *data, size_t len)
{
    if (o->log)
        buf_add(o->log, data, len);
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r' || c->line.len > PROC_LINE_MAX)
            end_line(c, o);
        if (data[i] != '\n' && data[i] != '\r')
            buf_addc(&c->line, data[i]);
    }
}

/* Reads what is there; closes the descriptor at its end. */
static void drain(struct child *c, const struct proc_options *o, int *fd)
{
    char data[16384];
    ssize_t n = read(*fd, data, sizeof(data));
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        cleanup_fd(fd);
        *fd = -1;
        return;
    }
    if (fd == &c->log)
        take_log(c, o, data, (size_t)n);
    else
        buf_add(o->output, data, (size_t)n);
}

/* Waits for the pipes until then (0: no end) and serves them. The count of poll(2), or -errno. */
static int child_serve(struct child *c, const struct proc_options *o, int64_t deadline)
{
    struct pollfd fds[3] = {
        {.fd = c->in, .events = POLLOUT},
        {.fd = c->out, .events = POLLIN},
        {.fd = c->log, .events = POLLIN},
    };
    int64_t wait = deadline ? deadline - clock_now(&clock_system) : -1;
    if (deadline && wait < 0)
        wait = 0;
    if (o->cancel && (wait < 0 || wait > CANCEL_POLL_MS))
        wait = CANCEL_POLL_MS;
    int n = poll(fds, 3, (int)wait);
    if (n < 0 && errno != EINTR)
        return -errno;
    if (n <= 0)
        return 0;
    if (fds[0].revents)
        feed_input(c, o);
    if (fds[1].revents)
        drain(c, o, &c->out);
    if (fds[2].revents)
        drain(c, o, &c->log);
    return n;
}

/* Serves the pipes until the child closed them. 0, -ETIMEDOUT or -EINTR. */
static int child_pump(struct child *c, const struct proc_options *o)
{
    int64_t deadline = o->timeout_ms ? clock_now(&clock_system) + o->timeout_ms : 0;
    int ending = 0; /* -EINTR once cancelled: it may still say something while it cleans up */
    while (c->in >= 0 || c->out >= 0 || c->log >= 0) {
        if (!ending && o->cancel && *o->cancel) {
            ending = -EINTR;
            (void)kill(-c->pid, SIGTERM);
            deadline = clock_now(&clock_system) + CANCEL_GRACE_MS;
        }
        if (deadline && clock_now(&clock_system) >= deadline)
            return ending ? ending : -ETIMEDOUT;
        int r = child_serve(c, o, deadline);
        if (r < 0)
            return r;
    }
    end_line(c, o);
    return ending;
}

static int child_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int proc_run(const char *const argv[], const struct proc_options *options, int *ret_status,
             struct err *err)
{
    static const struct proc_options none;
    const struct proc_options *o = options ? options : &none;
    struct child c = {.in = -1, .out = -1, .log = -1};
    int r = child_start(&c, argv, o);
    if (r < 0) {
        child_close(&c);
        return err_errno(err, r, "cannot run %s", argv[0]);
    }
    r = child_pump(&c, o);
    if (r < 0)
        (void)kill(-c.pid, SIGKILL);
    int status = child_wait(c.pid);
    if (ret_status)
        *ret_status = status;
    if (r == -ETIMEDOUT)
        err_set(err, r, "%s did not end within %d seconds and was killed", argv[0],
                o->timeout_ms / 1000);
    else if (r == -EINTR)
        err_set(err, r, "cancelled");
    else if (r == 0 && status != 0)
        r = err_set(err, -EIO, "%s failed with exit status %d: %s", argv[0], status,
                    buf_str(&c.tail));
    child_close(&c);
    return r;
}

bool proc_find(const char *name, char *ret_path, size_t size)
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        int len = snprintf(ret_path, size, "%.*s/%s", (int)n, p, name);
        if (len > 0 && (size_t)len < size && access(ret_path, X_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}
