/* SPDX-License-Identifier: Apache-2.0 */
/* How the parts of apply say what they did. */
#pragma once

#include "podnet/apply.h"

void outcome_changed(struct podnet_outcome *outcome, const char *format, ...) _printf_(2, 3);

/* Adds a line with the errno's description; returns code. */
int outcome_trouble(struct podnet_outcome *outcome, int code, const char *format, ...)
    _printf_(3, 4);

/* The first failure stays. */
static inline void outcome_first(int *first, int r)
{
    if (*first == 0 && r < 0)
        *first = r;
}
