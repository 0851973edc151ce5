/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live progress for people on standard error: on a terminal one line that is redrawn, with a bar,
 * the amount and the rate where the total is known; otherwise one plain line per step, and for long
 * steps one more every ten percent. Not thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct progress;

/*
 * out: where to draw; live: redraw one line (a terminal). The clock is borrowed. NULL when out of
 * memory; all functions take NULL as "no progress".
 */
struct progress *progress_new(FILE *out, bool live, const struct clock *clock);
/* Ends the line that is being drawn and frees. */
void progress_free(struct progress *p);
DEFINE_CLEANUP(struct progress *, progress_free)

/*
 * Shows where the work is. A new step ends the line of the one before, with its duration. done and
 * total are bytes; total 0: not known.
 */
void progress_step(struct progress *p, const char *step, uint64_t done, uint64_t total);

/* Clears the line that is being drawn, so that something else can be printed; the step goes on. */
void progress_pause(struct progress *p);
