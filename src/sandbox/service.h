/* SPDX-License-Identifier: Apache-2.0 */
/* A program that runs beside the machines on the sandbox's network: the server, for one. */
#pragma once

#include <jansson.h>

#include "base/list.h"
#include "sandbox/process.h"

struct service {
    struct list list;
    char *name;
    char *log; /* path of what it prints */
    struct process process;
};

/*
 * Starts the program that a "run" request describes (see control.h), its output going to
 * STATE/logs/NAME.log. `services` is the ring it joins; one of that name that ended is replaced,
 * one that runs is -EEXIST.
 */
int service_run(struct list *services, const char *state, const json_t *request, struct err *err)
    _must_check_;

/* Sends a signal to the program's process group. -ESRCH when it does not run. */
int service_signal(struct list *services, const char *name, int signal, struct err *err)
    _must_check_;

/* Asks all to end, gives them `grace_ms`, kills the rest, and frees the ring's members. */
void services_end(struct list *services, int grace_ms);

/* For `slipway sandbox status`; NULL when out of memory. */
json_t *service_status(const struct service *service, int64_t now_ms);
