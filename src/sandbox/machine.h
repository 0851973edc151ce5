/* SPDX-License-Identifier: Apache-2.0 */
/* A machine of the sandbox while the supervisor runs: its folder, its interfaces, its QEMU. */
#pragma once

#include <jansson.h>

#include "base/list.h"
#include "sandbox/config.h"
#include "sandbox/process.h"

struct machine {
    struct list list;
    struct sandbox_machine spec;
    unsigned index; /* names its interfaces; unique while the sandbox is up */
    char *folder;
    const char *ovmf_code;
    struct process qemu;
};

/*
 * Makes the machine's folder, blank disks that are not there yet, and interfaces. Does not power it
 * on. The caller owns *ret and ends it with machine_remove() or machine_free().
 */
int machine_new(const struct sandbox_machine *spec, unsigned index, const char *state,
                struct machine **ret, struct err *err) _must_check_;

/* Forgets the machine; what runs and lies on disk stays. NULL allowed. */
void machine_free(struct machine *m);
DEFINE_CLEANUP(struct machine *, machine_free)

/* Cuts the power, removes interfaces and folder, and frees it. */
int machine_remove(struct machine *m, struct err *err);

/* Starts QEMU and waits until it answers. 0 also when it runs already. */
int machine_power_on(struct machine *m, bool kvm, struct err *err) _must_check_;

/* The power button: asks the guest to shut down. */
int machine_power_off(struct machine *m, struct err *err) _must_check_;

/* The plug: kills QEMU. */
void machine_power_cut(struct machine *m);

/* The reset button. */
int machine_reset(struct machine *m, struct err *err) _must_check_;

/* Cuts the power and makes disks and firmware variables new. */
int machine_blank(struct machine *m, struct err *err) _must_check_;

/* Carrier of NIC i on or off while it runs. */
int machine_set_link(struct machine *m, size_t i, bool up, struct err *err) _must_check_;

/* What `slipway sandbox status` shows; NULL when out of memory. */
json_t *machine_status(const struct machine *m, int64_t now_ms);
