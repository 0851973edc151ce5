/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of cells as aligned text. Cells are shown on one line, without control characters. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct grid {
    size_t columns;
    char **cells; /* row by row; owned */
    size_t n, size;
    int error; /* sticks: -ENOMEM */
};

#define GRID_INIT(c) ((struct grid){.columns = (c)})
#define _autogrid_ _cleanup_(grid_free)

void grid_free(struct grid *grid);
/* Adds the next cell; rows fill from left to right. */
void grid_add(struct grid *grid, const char *text);
/* Writes every row behind `indent` blanks, columns `gap` blanks apart. 0 or -ENOMEM. */
int grid_write(const struct grid *grid, size_t indent, size_t gap, struct buf *out);
