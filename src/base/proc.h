/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes for command-line work (the server uses libuv's). Arguments are passed as a
 * vector, never through a shell; descriptors other than 0, 1 and 2 are closed on exec by O_CLOEXEC.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum { PROC_LINE_MAX = 4000 };

struct proc_options {
    const char *input; /* written to its standard input; NULL: /dev/null */
    size_t input_len;
    struct buf *output;     /* collects standard output; NULL: discarded */
    struct buf *log;        /* collects standard error too; NULL: its last lines go into err */
    bool merge;             /* standard output goes where standard error goes; output is NULL */
    const char *const *env; /* "NAME=value", NULL-terminated; NULL: inherited */
    const char *chdir;      /* working folder; NULL: inherited */
    int timeout_ms;         /* 0: none; on expiry the child's process group is killed: -ETIMEDOUT */
    /* Once not 0 (set by a signal handler): the group gets SIGTERM, time to clean up, then SIGKILL:
       -EINTR. May be NULL. */
    const volatile sig_atomic_t *cancel;
    /* Called with each line (without newline) of standard error as it comes; may be NULL. A line
       that is longer than PROC_LINE_MAX comes in pieces, each but the last longer than that. */
    void (*on_line)(void *data, const char *line);
    void *data;
};

/*
 * Runs argv (argv[0] looked up in PATH) and waits. 0 when it exits with 0. Otherwise a negative
 * errno (-ENOENT: no such program; -EIO: it failed) and err says the command, its status and the
 * end of what it wrote to standard error. *ret_status (may be NULL) gets the exit status, or
 * 128+signal.
 */
int proc_run(const char *const argv[], const struct proc_options *options, int *ret_status,
             struct err *err) _must_check_;

/* True when a program of this name is found in PATH and may be executed. */
bool proc_find(const char *name, char *ret_path, size_t size);
