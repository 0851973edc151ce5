/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that values had in their file: a tree of the same shape as the JSON, with the children
 * in the same order. NULL anywhere means that nothing is known.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct where {
    int line;            /* from 1 */
    struct where *child; /* of an object's first member or a list's first item */
    struct where *next;  /* of the sibling behind */
};

void where_free(struct where *where);
DEFINE_CLEANUP(struct where *, where_free)

static inline int where_line(const struct where *where)
{
    return where ? where->line : 0;
}
