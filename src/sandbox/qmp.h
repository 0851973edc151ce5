/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders to a running QEMU over its QMP socket (one JSON object per line). Each call connects,
 * negotiates, executes one command, waits for its answer (at most 5 seconds) and disconnects.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

/*
 * Executes a command on FOLDER/qmp.sock. arguments may be NULL; the reference is taken over. 0, or
 * a negative errno: -ECONNREFUSED when nothing runs there, -ETIMEDOUT, -EPROTO, -EIO with QEMU's
 * own description in err. *ret_value (may be NULL) gets what the command returned, the caller's.
 */
int qmp_execute(const char *folder, const char *command, json_t *arguments, json_t **ret_value,
                struct err *err) _must_check_;
