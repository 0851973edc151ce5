/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's clock. A battery that is empty starts a machine years ago, and nothing that
 * Kubernetes' certificates say is valid then; so stage2 follows the server's clock, and leaves the
 * time in the hardware's for the system that it installs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a clock that says `own` is to be set to `server` (both in milliseconds since 1970 UTC):
 * more than half a minute apart, and the server's own can be true. Pure.
 */
bool system_clock_is_wrong(int64_t own, int64_t server);

/*
 * Sets the system's clock (clock_settime(2)) and the hardware's (rtc(4)) to UTC. A machine without
 * a hardware clock has only the first. 0 or a negative errno.
 */
int system_clock_set(int64_t wall_ms);
