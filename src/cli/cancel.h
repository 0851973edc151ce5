/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and termination as a flag that long work looks at, so that it can clean up. */
#pragma once

#include <signal.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP set the returned flag; a second SIGINT ends the process as
 * usual. The one piece of state of the process that this needs lives behind this function.
 */
const volatile sig_atomic_t *cancel_on_signals(void);
