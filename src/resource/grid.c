/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/grid.h"

#include <stdbool.h>
#include <string.h>

enum { CELL_MAX = 512 };

void grid_free(struct grid *grid)
{
    for (size_t i = 0; i < grid->n; i++)
        free(grid->cells[i]);
    free(grid->cells);
    *grid = (struct grid){0};
}

/* The first line, without what would move a terminal's cursor. */
static char *clean(const char *text)
{
    size_t len = strcspn(text, "\n");
    bool shortened = len > CELL_MAX || text[len];
    if (len > CELL_MAX)
        len = CELL_MAX;
    while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    char *copy = malloc(len + 4);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < len; i++)
        copy[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    memcpy(copy + len, shortened ? "..." : "", shortened ? 4 : 1);
    return copy;
}

void grid_add(struct grid *grid, const char *text)
{
    if (grid->n == grid->size) {
        size_t size = grid->size ? grid->size * 2 : 32;
        char **cells = realloc(grid->cells, size * sizeof(char *));
        if (!cells) {
            grid->error = -ENOMEM;
            return;
        }
        grid->cells = cells;
        grid->size = size;
    }
    char *copy = clean(text);
    if (copy)
        grid->cells[grid->n++] = copy;
    else
        grid->error = -ENOMEM;
}

/* Characters, which terminals show one column wide in the languages we print. */
static size_t width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct grid *grid, size_t column)
{
    size_t max = 0;
    for (size_t i = column; i < grid->n; i += grid->columns) {
        size_t w = width(grid->cells[i]);
        max = w > max ? w : max;
    }
    return max;
}

static void write_row(const struct grid *grid, size_t first, const size_t *widths, size_t indent,
                      size_t gap, struct buf *out)
{
    size_t last = 0; /* nothing but blanks behind it */
    for (size_t c = 0; c < grid->columns && first + c < grid->n; c++) {
        if (grid->cells[first + c][0])
            last = c;
    }
    buf_printf(out, "%*s", (int)indent, "");
    for (size_t c = 0; c <= last; c++) {
        const char *cell = grid->cells[first + c];
        buf_adds(out, cell);
        if (c < last)
            buf_printf(out, "%*s", (int)(widths[c] - width(cell) + gap), "");
    }
    buf_addc(out, '\n');
}

int grid_write(const struct grid *grid, size_t indent, size_t gap, struct buf *out)
{
    _autofree_ size_t *widths = calloc(grid->columns + 1, sizeof(*widths));
    if (!widths || grid->error)
        return -ENOMEM;
    for (size_t c = 0; c < grid->columns; c++)
        widths[c] = column_width(grid, c);
    for (size_t i = 0; i < grid->n; i += grid->columns)
        write_row(grid, i, widths, indent, gap, out);
    return buf_error(out);
}
