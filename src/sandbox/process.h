/* SPDX-License-Identifier: Apache-2.0 */
/* A child of the supervisor: started with its output in a log file, reaped, killed by its group. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum process_state { PROCESS_NEVER, PROCESS_RUNNING, PROCESS_ENDED };

struct process {
    enum process_state state;
    pid_t pid;
    int status;         /* as wait(2) gave it, once ended */
    bool killed;        /* ended because it was told to */
    int64_t started_ms; /* monotonic */
};

/*
 * Starts argv in a session of its own, in `folder`, with both outputs appended to `log` and with
 * `env` ("NAME=value", NULL-terminated, may be NULL) on top of the inherited environment.
 */
int process_start(struct process *p, const char *const argv[], const char *const env[],
                  const char *folder, const char *log, struct err *err) _must_check_;

/* Takes over the result when `pid` is this process. True when it was. */
bool process_reaped(struct process *p, pid_t pid, int status);

/* Kills the whole session's process group and waits for the leader's end. */
void process_kill(struct process *p);

/* "exit status 1", "killed by signal 9 (Killed)" into dst. Returns dst. */
const char *process_result(const struct process *p, char *dst, size_t size);
