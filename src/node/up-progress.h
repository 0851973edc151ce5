/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far `slipway-node up` is: a line for each phase; on a terminal a bar in one line instead,
 * which says how long the present phase lasts only when it changes (nothing ticks).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "node/up-config.h"

struct up_progress {
    FILE *out;
    const struct clock *clock;
    enum up_role role;
    bool bar; /* a terminal is there to be drawn on */
    int64_t started;
    bool drawn; /* the bar stands in an open line */
};

/* Another phase has begun: "certs". */
void up_progress_phase(struct up_progress *progress, const char *phase);

/* Ends the line of the bar. */
void up_progress_end(struct up_progress *progress);

/* How much of a hundred is done when this phase begins; -1: no known phase. Pure. */
int up_progress_percent(enum up_role role, const char *phase);
