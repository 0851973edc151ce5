/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1: starts the worker, shows what it says, and starts it again when it ends, whatever the
 * reason. It does nothing else, so it has no reason to end itself.
 */
#pragma once

#include "agent/console.h"

/*
 * Runs `work` in a child process for ever. The child's log and standard output are a pipe to here.
 * Never returns.
 */
_Noreturn void supervise(const struct console *console, int (*work)(void *data), void *data);
