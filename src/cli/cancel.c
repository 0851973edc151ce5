/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cancel.h"

#include <stddef.h>

static volatile sig_atomic_t cancelled;

static void on_signal(int signal)
{
    (void)signal;
    cancelled = 1;
}

const volatile sig_atomic_t *cancel_on_signals(void)
{
    /* SA_RESETHAND: the next one of the same kind has its default action. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    return &cancelled;
}
