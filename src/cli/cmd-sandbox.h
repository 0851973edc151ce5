/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `slipway sandbox` share. */
#pragma once

#include <jansson.h>

#include "cli/command.h"

extern const struct command cmd_sandbox_up;
extern const struct command cmd_sandbox_down;
extern const struct command cmd_sandbox_status;
extern const struct command cmd_sandbox_console;
extern const struct command cmd_sandbox_ssh;
extern const struct command cmd_sandbox_exec;

#define SANDBOX_STATE_OPTION                                                                       \
    {                                                                                              \
        'S', "state", "FOLDER", "the sandbox's folder (default: $SLIPWAY_SANDBOX)",                \
            COMPLETE_FOLDER                                                                        \
    }

/*
 * The sandbox's folder as an absolute path: --state or the default. 0 or a negative errno; the
 * caller frees *ret.
 */
int sandbox_state(const struct args *args, char **ret, struct err *err) _must_check_;

/* Sends a request to the sandbox of --state. As control_request(). */
int sandbox_ask(const struct args *args, json_t *request, json_t **ret_answer, struct err *err)
    _must_check_;

/* The folder of a machine of that sandbox, whether it is there or not; the caller frees *ret. */
int sandbox_machine_folder(const struct args *args, const char *machine, char **ret,
                           struct err *err) _must_check_;
