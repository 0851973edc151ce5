/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that strangers cause: a flood of packets must not fill the journal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_LINES = 100, LOG_LIMIT_PERIOD_MS = 10000 };

/* All zero at the start. */
struct log_limit {
    int64_t since_ms; /* start of the period */
    unsigned lines;   /* let through in it */
    unsigned left_out;
};

/*
 * Whether one more line is let through at `now` (monotonic). *ret_left_out is how many were left
 * out in the period that ended just now, to be told once; else 0.
 */
static inline bool log_limit_allows(struct log_limit *limit, int64_t now, unsigned *ret_left_out)
{
    *ret_left_out = 0;
    if (limit->lines == 0 || now - limit->since_ms >= LOG_LIMIT_PERIOD_MS) {
        *ret_left_out = limit->left_out;
        *limit = (struct log_limit){.since_ms = now};
    }
    if (limit->lines >= LOG_LIMIT_LINES) {
        limit->left_out++;
        return false;
    }
    limit->lines++;
    return true;
}
