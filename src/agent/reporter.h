/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the server what this machine is doing, without holding up what it does: a thread sends the
 * milestones in order, and between them the progress, at most once a second.
 */
#pragma once

#include <stdint.h>

#include "agent/talk.h"

struct reporter;

/* talk is borrowed for the reporter's life. NULL when out of memory or without threads. */
struct reporter *reporter_new(struct talk *talk);

/* What is being carried out from now on; goes into every report. */
void reporter_set_generation(struct reporter *reporter, uint64_t generation);

/* Queues a milestone; all are copied. reason NULL: no failure. final: no further try follows. */
void reporter_say(struct reporter *reporter, const char *step, const char *reason, bool final,
                  const char *message);

/* Sets the progress of the step; the thread sends the latest. */
void reporter_progress(struct reporter *reporter, const char *step, uint64_t done, uint64_t total);

/* Waits until the server has taken note of all milestones. 0 or -ETIMEDOUT. */
int reporter_flush(struct reporter *reporter, int timeout_ms) _must_check_;
