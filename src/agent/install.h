/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out an installation plan on this machine, from choosing the disk to starting the system.
 */
#pragma once

#include "agent/cmdline.h"
#include "agent/inventory.h"
#include "agent/reporter.h"
#include "agent/storage.h"

struct install {
    const struct cmdline *cmdline;
    const struct trust_key *key;
    const char *machine; /* the Machine's name; "": not known */
    struct inventory *inventory;
    struct storage *storage;
    struct reporter *reporter;
    struct rng *rng;
    int64_t started; /* clock when the agent started, for the figures that it logs */
};

/* What went wrong, as it is reported. */
struct install_failure {
    const char *step, *reason; /* constant texts */
    bool by_rule;              /* a decision about the disks: trying again is cheap and harmless */
};

/*
 * Does everything up to the report "installed" and the loading of the new kernel, then starts it or
 * reboots: returns only on failure, a negative errno with *ret_failure and err set.
 */
int install_run(const struct install *install, const struct protocol_plan *plan,
                struct install_failure *ret_failure, struct err *err) _must_check_;
