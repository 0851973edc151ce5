/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of a pod: holds the pod's namespaces, reaps the processes that end in them,
 * and ends when it is told to. The pause image of test clusters is made of it.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void)
{
    sigset_t signals;
    int number = 0;

    /* PID 1 of a namespace does not get signals of default action, unless they are blocked */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return 1;
    for (;;) {
        if (sigwait(&signals, &number) != 0)
            return 1;
        if (number != SIGCHLD)
            return 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
