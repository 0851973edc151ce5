/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/start.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "sandbox/control.h"
#include "sandbox/namespace.h"
#include "sandbox/nat.h"
#include "sandbox/paths.h"

enum { STOP_TIMEOUT_MS = 20000 };

/* The ends of the two pipes between starter, keeper and supervisor. */
struct handshake {
    int ready_read, ready_write; /* a struct err: how the start went */
    int go_read, go_write;       /* one byte: the keeper has prepared the namespaces */
};

static int handshake_open(struct handshake *h, struct err *err)
{
    int ready[2], go[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return err_errno(err, -errno, "pipe");
    h->ready_read = ready[0];
    h->ready_write = ready[1];
    if (pipe2(go, O_CLOEXEC) < 0)
        return err_errno(err, -errno, "pipe");
    h->go_read = go[0];
    h->go_write = go[1];
    return 0;
}

static void handshake_close(struct handshake *h)
{
    cleanup_fd(&h->ready_read);
    cleanup_fd(&h->ready_write);
    cleanup_fd(&h->go_read);
    cleanup_fd(&h->go_write);
}

static void close_folder(DIR **folder)
{
    if (*folder)
        (void)closedir(*folder);
}

static void close_end(int *fd)
{
    cleanup_fd(fd);
    *fd = -1;
}

/* Tells the starter how it went; only the first report is read. */
static void report(const struct handshake *h, const struct err *err)
{
    (void)!fd_write_full(h->ready_write, err, sizeof(*err));
}

/* ---- the supervisor's side ---- */

static int supervisor_prepare(const struct supervisor_options *o, const struct handshake *h,
                              bool user, struct supervisor **ret, struct err *err)
{
    char go;
    int r = namespace_enter_child(err);
    if (r < 0)
        return r;
    if (read(h->go_read, &go, 1) != 1)
        return err_set(err, -ECANCELED, "the sandbox could not be prepared");
    r = namespace_make_bridge(o->network.address, err);
    if (r == 0 && o->network.nat)
        r = nat_inside_up(o->state, !user, err);
    return r < 0 ? r : supervisor_new(o, ret, err);
}

static _Noreturn void supervisor_main(const struct supervisor_options *o, struct handshake *h,
                                      bool user)
{
    struct err err = ERR_INIT;
    struct supervisor *s = NULL;
    close_end(&h->go_write);
    int r = supervisor_prepare(o, h, user, &s, &err);
    report(h, &err);
    close_end(&h->ready_write);
    if (r == 0) {
        r = supervisor_run(s, &err);
        supervisor_free(s);
    }
    if (r < 0)
        log_error("%s", err_text(&err));
    _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- the keeper's side ---- */

static int keeper_prepare(const struct supervisor_options *o, pid_t child, bool user,
                          int *ret_lifeline, struct err *err)
{
    int r = user ? namespace_map_user(child, err) : 0;
    if (r == 0 && o->network.nat)
        r = user ? nat_user_up(child, ret_lifeline, err) : nat_host_up(o->state, child, err);
    return r;
}

/* Waits for the supervisor's end, which SIGTERM to the keeper brings about. */
static void keeper_wait(pid_t child)
{
    for (;;) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        int number = 0;
        (void)sigwait(&set, &number);
        if (number != SIGCHLD)
            (void)kill(child, SIGKILL);
        if (waitpid(child, NULL, number == SIGCHLD ? WNOHANG : 0) == child)
            return;
    }
}

static int keeper_start(const struct supervisor_options *o, struct handshake *h, struct err *err)
{
    bool user = geteuid() != 0;
    (void)nat_host_down(o->state, NULL); /* what a killed keeper left behind */
    pid_t child = namespace_fork(user, err);
    if (child < 0)
        return child;
    if (child == 0)
        supervisor_main(o, h, user);
    close_end(&h->go_read);
    _autofd_ int lifeline = -1;
    int r = keeper_prepare(o, child, user, &lifeline, err);
    if (r < 0) {
        report(h, err);
        (void)kill(child, SIGKILL);
    } else {
        (void)!fd_write_full(h->go_write, "", 1);
    }
    close_end(&h->ready_write);
    keeper_wait(child);
    (void)nat_host_down(o->state, r == 0 ? err : NULL);
    return r;
}

/* Everything that a background process should not share with its starter. */
static int keeper_detach(const char *state, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, state, "supervisor.log") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", state);
    _autofd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    _autofd_ int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        return err_errno(err, -errno, "%s", path);
    (void)setsid();
    log_init(LOG_LEVEL_INFO, LOG_STYLE_PLAIN);
    /* Users who are not root often lack the folders of ip and nft. */
    _autofree_ char *search = str_format("%s:/usr/sbin:/sbin", getenv("PATH"));
    if (search)
        (void)setenv("PATH", search, 1);
    sigset_t set;
    sigfillset(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? err_errno(err, -errno, "sigprocmask") : 0;
}

/* The lock is held as long as the keeper lives; nobody else may start or clear that folder. */
static int take_lock(const char *state, int *ret_fd, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, state, "lock") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", state);
    _autofd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, -errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, errno == EWOULDBLOCK ? -EALREADY : -errno,
                       "a sandbox is up in %s already", state);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static _Noreturn void keeper_main(const struct supervisor_options *o, struct handshake *h)
{
    struct err err = ERR_INIT;
    close_end(&h->ready_read);
    int r = keeper_detach(o->state, &err);
    if (r == 0)
        r = keeper_start(o, h, &err);
    if (r < 0) {
        report(h, &err);
        log_error("%s", err_text(&err));
    }
    _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Whether the folder is there with things in it that no sandbox made: not ours to use or remove. */
static bool is_foreign(const char *state)
{
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, state, "lock") < 0 || access(path, F_OK) == 0)
        return false;
    _cleanup_(close_folder) DIR *folder = opendir(state);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            return true;
    }
    return false;
}

static int make_folders(const char *state, struct err *err)
{
    static const char *const names[] = {"machines", "logs"};
    if (is_foreign(state))
        return err_set(err, -EEXIST, "%s holds other things than a sandbox", state);
    int r = dir_make(state, 0700, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
        char path[SANDBOX_PATH_MAX];
        r = sandbox_path(path, state, "%s", names[i]);
        if (r == 0)
            r = dir_make(path, 0700, err);
    }
    return r;
}

int sandbox_start(const struct supervisor_options *options, struct err *err)
{
    _cleanup_(handshake_close) struct handshake h = {-1, -1, -1, -1};
    _autofd_ int lock = -1;
    int r = make_folders(options->state, err);
    if (r == 0)
        r = take_lock(options->state, &lock, err);
    if (r == 0)
        r = handshake_open(&h, err);
    if (r < 0)
        return r;
    pid_t keeper = fork();
    if (keeper < 0)
        return err_errno(err, -errno, "fork");
    if (keeper == 0)
        keeper_main(options, &h);
    close_end(&h.ready_write);
    close_end(&h.go_write);
    struct err result;
    if (fd_read_full(h.ready_read, &result, sizeof(result)) != (ssize_t)sizeof(result))
        return err_set(err, -EIO, "the sandbox did not start; see %s/supervisor.log",
                       options->state);
    if (result.code < 0 && err)
        *err = result;
    return result.code;
}

/* ---- down ---- */

static int await_end(const char *state, struct err *err)
{
    int64_t deadline = clock_now(&clock_system) + STOP_TIMEOUT_MS;
    for (;;) {
        _autofd_ int lock = -1;
        int r = take_lock(state, &lock, NULL);
        if (r != -EALREADY)
            return r == 0 || r == -ENOENT ? 0 : err_errno(err, r, "%s/lock", state);
        if (clock_now(&clock_system) > deadline)
            return err_set(err, -ETIMEDOUT, "the sandbox in %s does not end", state);
        clock_sleep_ms(20);
    }
}

int sandbox_stop(const char *state, bool keep, struct err *err)
{
    if (access(state, F_OK) < 0 && errno == ENOENT)
        return 0;
    if (is_foreign(state))
        return err_set(err, -EEXIST, "%s holds other things than a sandbox", state);
    struct err failure = ERR_INIT;
    int r = control_request(state, json_pack("{s:s}", "command", "down"), NULL, &failure);
    if (r < 0 && r != -ENOENT && r != -ECONNREFUSED)
        return err_set(err, r, "%s", failure.text);
    r = await_end(state, err);
    if (r == 0)
        r = nat_host_down(state, err);
    if (r == 0 && !keep)
        r = tree_remove(state, err);
    return r;
}
