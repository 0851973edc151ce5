/* SPDX-License-Identifier: Apache-2.0 */
/* A machine of the sandbox while the supervisor runs: its folder, its interfaces, its QEMU. */
#pragma once

#include <jansson.h>

#include "base/list.h"
#include "sandbox/config.h"
#include "sandbox/process.h"

struct vm {
    struct list list;
    struct sandbox_machine spec;
    unsigned index; /* names its interfaces; unique while the sandbox is up */
    char *folder;
    const char *ovmf_code;
    struct process qemu;
};

/*
 * Makes the machine's folder, blank disks that are not there yet, and interfaces. Does not power it
 * on. The caller owns *ret and ends it with vm_remove() or vm_free().
 */
int vm_new(const struct sandbox_machine *spec, unsigned index, const char *state, struct vm **ret,
           struct err *err) _must_check_;

/* Forgets the machine; what runs and lies on disk stays. NULL allowed. */
void vm_free(struct vm *m);
DEFINE_CLEANUP(struct vm *, vm_free)

/* Cuts the power, removes interfaces and folder, and frees it. */
int vm_remove(struct vm *m, struct err *err);

/* Starts QEMU and waits until it answers. 0 also when it runs already. */
int vm_power_on(struct vm *m, bool kvm, struct err *err) _must_check_;

/* The power button: asks the guest to shut down. */
int vm_power_off(struct vm *m, struct err *err) _must_check_;

/* The plug: kills QEMU. */
void vm_power_cut(struct vm *m);

/* The reset button. */
int vm_reset(struct vm *m, struct err *err) _must_check_;

/* Cuts the power and makes disks and firmware variables new. */
int vm_blank(struct vm *m, struct err *err) _must_check_;

/* Carrier of NIC i on or off while it runs. */
int vm_set_link(struct vm *m, size_t i, bool up, struct err *err) _must_check_;

/* What `slipway sandbox status` shows; NULL when out of memory. */
json_t *vm_status(const struct vm *m, int64_t now_ms);
