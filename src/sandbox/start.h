/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a sandbox up and down. Two processes hold it: the keeper, on the host, which sets up
 * outbound access and undoes it; and the supervisor, the first process inside. The supervisor dies
 * with its keeper and everything inside dies with the supervisor, so that killing either one leaves
 * no process behind.
 */
#pragma once

#include "base/err.h"
#include "sandbox/supervisor.h"

/*
 * Starts keeper and supervisor in the background and returns once the control socket answers.
 * -EALREADY when a sandbox is up in that folder.
 */
int sandbox_start(const struct supervisor_options *options, struct err *err) _must_check_;

/*
 * Ends the sandbox in that folder, undoes what it changed on the host, and removes the folder
 * unless `keep`. 0 also when none was up.
 */
int sandbox_stop(const char *state, bool keep, struct err *err) _must_check_;
