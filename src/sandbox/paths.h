/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox's state folder. Everything a sandbox leaves on the host lies in it:
 *
 *     control.sock        the supervisor's control socket (see control.h)
 *     supervisor.log      what the supervisor had to say
 *     host-changes.json   what was changed on the host for --nat, until it is undone
 *     ssh/id_ed25519      key pair for `slipway sandbox ssh`
 *     logs/NAME.log       output of services that run beside the machines
 *     machines/NAME/      disk0.raw..., vars.fd, console.log, console.sock, qmp.sock, qemu.log
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define SANDBOX_PATH_MAX 4096

/* "STATE/FORMAT..." into dst; -ENAMETOOLONG when it does not fit. */
int sandbox_path(char dst[static SANDBOX_PATH_MAX], const char *state, const char *format, ...)
    _printf_(3, 4) _must_check_;

/*
 * The folder to use when none is named: $SLIPWAY_SANDBOX, else $XDG_STATE_HOME/slipway-sandbox,
 * else $HOME/.local/state/slipway-sandbox. malloc'd; NULL when none of them is set.
 */
char *sandbox_default_state(void);

/*
 * Connects to the stream socket FOLDER/NAME, however long the folder's path is (the address of a
 * Unix socket holds 107 bytes only). The descriptor, or a negative errno.
 */
int sandbox_connect(const char *folder, const char *name) _must_check_;
