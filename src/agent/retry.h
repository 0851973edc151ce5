/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often something is tried again and how long to wait before: exponential back-off with jitter,
 * so that a rack that lost its server does not come back all at once. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct retry {
    uint32_t first_ms; /* before the second try */
    uint32_t max_ms;   /* never longer than this */
    uint32_t budget;   /* tries allowed, the first included; 0: no limit */
    uint32_t tries;    /* tries that failed so far */
};

#define RETRY(first, max, tries_allowed)                                                           \
    ((struct retry){.first_ms = (first), .max_ms = (max), .budget = (tries_allowed)})

/*
 * Notes a failed try. False when the budget is used up; else *ret_wait_ms is how long to wait:
 * doubled each time, at most max_ms, of which a random part up to a quarter is taken off.
 * `random` is any random number.
 */
bool retry_failed(struct retry *retry, uint32_t random, uint32_t *ret_wait_ms);

/* Notes a success: the next failure starts from the beginning. */
static inline void retry_succeeded(struct retry *retry)
{
    retry->tries = 0;
}
