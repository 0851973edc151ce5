/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM or emulation? A /dev/kvm that opens proves little: on some hosts (nested virtualisation that
 * lacks something) a stock kernel never gets past its first instructions. So the answer comes from
 * booting a real kernel with KVM under a deadline, and is remembered until the host reboots.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "sandbox/config.h"

struct accel {
    bool kvm;
    char reason[160]; /* one sentence for people */
};

/*
 * Decides for this host. `kernel` is a bzImage to try (NULL: none at hand, then emulation is used
 * because KVM cannot be tried); `cache` is the folder where the answer is kept (NULL: not kept).
 * want TCG or KVM is obeyed without a trial. Takes up to 10 seconds when a trial is needed.
 */
int accel_choose(enum sandbox_accel want, const char *kernel, const char *cache, struct accel *ret,
                 struct err *err) _must_check_;

/*
 * Whether what a kernel without a root file system printed shows that it came all the way up:
 * its drivers are initialised and it looks for its first program. Pure.
 */
bool accel_kernel_came_up(const char *console);
