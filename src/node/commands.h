/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Machine's own commands: each runs once by /bin/sh -c, in order; what is done is recorded
 * before the next starts. One that fails stops the row and is tried again at the next start.
 */
#pragma once

#include "node/state.h"

/*
 * Runs what state->commands_done has not counted yet. Output goes to the log. 0 or a negative errno
 * with state->command_failure and err saying which and why.
 */
int commands_run(const struct node *node, const struct texts *commands, struct node_state *state,
                 struct err *err) _must_check_;
