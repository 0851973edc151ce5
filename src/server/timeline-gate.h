/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packets show of a Machine goes into its timeline, but anybody may send packets. So they are
 * collected here and written together: what repeats is only counted, and the time between two
 * writes about one Machine doubles from one second to half a minute, until it has been calm for a
 * while. A machine in a boot loop, or a flood of forged requests, thus costs two small writes a
 * minute. Memory is bounded by the number of Machines. Pure: time is passed in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
    TIMELINE_ITEMS_MAX = 8,       /* different things that wait for one write; older ones go */
    TIMELINE_GAP_FIRST_MS = 1000, /* from the first packet to its write */
    TIMELINE_GAP_MAX_MS = 30000,  /* between two writes about a Machine that keeps talking */
    TIMELINE_CALM_MS = 5 * 60000, /* then a Machine starts with the first gap again */
    TIMELINE_WRITES_MAX = 16,     /* Machines written in one go, whoever is flooding */
};

struct timeline_item {
    char *event, *message;
    int64_t seen_ms; /* wall time of the last one */
    int64_t count;
};

struct timeline_gate;

/* NULL when out of memory. */
struct timeline_gate *timeline_gate_new(void);
void timeline_gate_free(struct timeline_gate *gate);

/* Notes what was seen of a Machine; `now` is monotonic. 0 or -ENOMEM. */
int timeline_gate_note(struct timeline_gate *gate, const char *machine, const char *event,
                       const char *message, int64_t now, int64_t wall_ms) _must_check_;

/* What is due for one Machine; the items are the callee's now (timeline_items_free()). */
typedef void (*timeline_write)(void *data, const char *machine, struct timeline_item *items,
                               size_t count);

/* Hands out what is due, for at most TIMELINE_WRITES_MAX Machines; forgets calm ones. */
void timeline_gate_flush(struct timeline_gate *gate, int64_t now, timeline_write write, void *data);

/* Whether there is anything to remember: else no timer is needed. */
bool timeline_gate_is_empty(const struct timeline_gate *gate);

/* Frees an array of items with its texts. */
void timeline_items_free(struct timeline_item *items, size_t count);
