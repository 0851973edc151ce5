/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to a running sandbox's supervisor: one JSON object there, one back, per connection. The
 * socket lies in a folder that only its user may enter.
 *
 *     {"command":"status"}
 *     {"command":"add","machine":{...},"power":true}
 *     {"command":"remove","machine":"node1"}
 *     {"command":"power","machine":"node1","action":"on|off|cut|reset|blank"}
 *     {"command":"link","machine":"node1","nic":0,"up":false}
 *     {"command":"run","service":"server","argv":[...],"env":["NAME=value"],"folder":"/..."}
 *     {"command":"signal","service":"server","signal":9}
 *     {"command":"down"}
 *
 * Answers are {"ok":true,...} or {"ok":false,"code":-2,"error":"..."}.
 */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Sends a request (the reference is taken over) and waits for the answer. 0, or a negative errno
 * with the supervisor's text; -ECONNREFUSED or -ENOENT when no sandbox runs there. *ret_answer (may
 * be NULL) is the caller's.
 */
int control_request(const char *state, json_t *request, json_t **ret_answer, struct err *err)
    _must_check_;

/* The PID of the running supervisor as seen from here; 0 when no sandbox runs in that folder. */
pid_t control_supervisor(const char *state);

/* One request or answer from / to a connection; the limit is 1 MiB. Used by both sides. */
int control_receive(int fd, json_t **ret) _must_check_;
int control_send(int fd, const json_t *object) _must_check_;
