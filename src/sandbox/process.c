/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"

/* The supervisor's blocked signals must not be inherited. */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
}

static _Noreturn void child_exec(const char *const argv[], const char *const env[],
                                 const char *folder, int log, int null)
{
    reset_signals();
    (void)setsid();
    for (size_t i = 0; env && env[i]; i++)
        (void)putenv((char *)(uintptr_t)env[i]);
    if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    if (chdir(folder) == 0)
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int process_start(struct process *p, const char *const argv[], const char *const env[],
                  const char *folder, const char *log, struct err *err)
{
    if (!argv)
        return err_set(err, -ENOMEM, "out of memory");
    _autofd_ int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (out < 0)
        return err_errno(err, -errno, "%s", log);
    _autofd_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return err_errno(err, -errno, "/dev/null");
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(err, -errno, "fork");
    if (pid == 0)
        child_exec(argv, env, folder, out, null);
    *p = (struct process){
        .state = PROCESS_RUNNING, .pid = pid, .started_ms = clock_now(&clock_system)};
    return 0;
}

bool process_reaped(struct process *p, pid_t pid, int status)
{
    if (p->state != PROCESS_RUNNING || p->pid != pid)
        return false;
    p->state = PROCESS_ENDED;
    p->status = status;
    return true;
}

void process_kill(struct process *p)
{
    if (p->state != PROCESS_RUNNING)
        return;
    p->killed = true;
    (void)kill(-p->pid, SIGKILL);
    /* The group exists only once the child has come as far as setsid(). */
    (void)kill(p->pid, SIGKILL);
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)process_reaped(p, p->pid, status);
}

const char *process_result(const struct process *p, char *dst, size_t size)
{
    if (WIFSIGNALED(p->status))
        (void)snprintf(dst, size, "killed by signal %d (%s)", WTERMSIG(p->status),
                       strsignal(WTERMSIG(p->status)));
    else
        (void)snprintf(dst, size, "exit status %d", WEXITSTATUS(p->status));
    return dst;
}
