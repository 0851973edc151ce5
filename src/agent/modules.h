/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads kernel modules through the index in the initrd. Thread safe: several threads may load at
 * the same time, and one that needs what another is loading waits for it.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"
#include "image/module-index.h"

enum module_state { MODULE_UNTRIED, MODULE_LOADING, MODULE_TRIED };

struct modules {
    struct module_index index;
    const char *folder;  /* "/lib/modules" */
    const char *cmdline; /* module parameters are taken from there; borrowed */
    int (*insert)(const char *path, const char *parameters); /* injected; finit_module(2) */
    _Atomic uint8_t state[MODULES_MAX];                      /* enum module_state */
};

/* Maps the index of the initrd and sets the rest. 0 or a negative errno. */
int modules_open(struct modules *modules, const char *cmdline, struct err *err) _must_check_;

/* Loads a module behind those that it needs. 0, also when it was tried before; else the failure. */
int modules_load(struct modules *modules, uint16_t module);

/* Loads all that answer an alias, or the module of that name. 0 or -ENOENT. */
int modules_load_alias(struct modules *modules, const char *alias);

enum { MODULE_PARAMETERS_MAX = 512 };

/* "e1000e.IntMode=1 e1000e.EEE=0" on the command line gives "IntMode=1 EEE=0". Pure. */
void modules_parameters(const char *cmdline, const char *name,
                        char ret[static MODULE_PARAMETERS_MAX]);

/* The kernel runs "/sbin/modprobe -q -- ALIAS" when it misses something: main() of that. */
int modules_modprobe_main(int argc, char **argv);
