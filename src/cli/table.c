/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define GAP 3

void table_printer_clear(struct table_printer *printer)
{
    json_decref(printer->columns);
    printer->columns = NULL;
}

static bool is_shown(const struct table_printer *p, size_t column)
{
    const json_t *definition = json_array_get(p->columns, column);
    return p->wide || json_integer_value(json_object_get(definition, "priority")) == 0;
}

static void add_clean(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

/* What a cell shows, appended to out. */
static void write_cell(const struct table_printer *p, const json_t *cell, size_t column,
                       struct buf *out)
{
    if (column == 0 && p->prefix)
        buf_adds(out, p->prefix);
    if (json_is_string(cell) && *json_string_value(cell))
        add_clean(out, json_string_value(cell));
    else if (json_is_integer(cell))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
    else if (json_is_boolean(cell))
        buf_adds(out, json_is_true(cell) ? "true" : "false");
    else
        buf_addc(out, '-');
}

/* Columns, not bytes: continuation bytes of UTF-8 take no room. */
static size_t text_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t column_count(const struct table_printer *p)
{
    size_t n = json_array_size(p->columns), max = ARRAY_SIZE(p->widths);
    return n < max ? n : max;
}

static const char *heading(const struct table_printer *p, size_t column)
{
    const char *name =
        json_string_value(json_object_get(json_array_get(p->columns, column), "name"));
    return name ? name : "";
}

static void measure(struct table_printer *p, const json_t *rows)
{
    for (size_t c = 0; c < column_count(p); c++) {
        size_t i;
        const json_t *row;
        if (p->widths[c] < text_width(heading(p, c)))
            p->widths[c] = text_width(heading(p, c));
        json_array_foreach (rows, i, row) {
            _autobuf_ struct buf text = BUF_INIT;
            write_cell(p, json_array_get(json_object_get(row, "cells"), c), c, &text);
            if (p->widths[c] < text_width(buf_str(&text)))
                p->widths[c] = text_width(buf_str(&text));
        }
    }
}

static bool is_last(const struct table_printer *p, size_t column)
{
    for (size_t c = column + 1; c < column_count(p); c++)
        if (is_shown(p, c))
            return false;
    return true;
}

/* The colour of a phase, "" for anything else. */
static const char *colour_of(const struct table_printer *p, size_t column, const char *text)
{
    static const char *const good[] = {"Running", "Ready", NULL};
    static const char *const bad[] = {"Failed", "Rejected", NULL};
    static const char *const busy[] = {"Discovered", "Provisioning", "Installed", "Joining", NULL};
    if (!p->colour || !str_eq(heading(p, column), "Phase"))
        return "";
    for (size_t i = 0; good[i]; i++)
        if (str_eq(text, good[i]))
            return "\033[32m";
    for (size_t i = 0; bad[i]; i++)
        if (str_eq(text, bad[i]))
            return "\033[31m";
    for (size_t i = 0; busy[i]; i++)
        if (str_eq(text, busy[i]))
            return "\033[33m";
    return "";
}

static void print_cell(const struct table_printer *p, size_t column, const char *text)
{
    const char *colour = colour_of(p, column, text);
    size_t width = text_width(text);
    size_t pad = p->widths[column] > width ? p->widths[column] - width : 0;
    (void)fprintf(p->out, "%s%s%s", colour, text, *colour ? "\033[0m" : "");
    if (!is_last(p, column))
        (void)fprintf(p->out, "%*s", (int)(pad + GAP), "");
}

static void print_headings(const struct table_printer *p)
{
    for (size_t c = 0; c < column_count(p); c++) {
        _autobuf_ struct buf text = BUF_INIT;
        for (const char *s = heading(p, c); *s; s++)
            buf_addc(&text, (char)toupper((unsigned char)*s));
        if (is_shown(p, c))
            print_cell(p, c, buf_str(&text));
    }
    (void)fputc('\n', p->out);
}

static void print_row(const struct table_printer *p, const json_t *row)
{
    for (size_t c = 0; c < column_count(p); c++) {
        _autobuf_ struct buf text = BUF_INIT;
        write_cell(p, json_array_get(json_object_get(row, "cells"), c), c, &text);
        if (is_shown(p, c))
            print_cell(p, c, buf_str(&text));
    }
    (void)fputc('\n', p->out);
}

void table_print(struct table_printer *printer, const json_t *table)
{
    const json_t *rows = json_object_get(table, "rows");
    if (!printer->columns)
        printer->columns = json_incref(json_object_get(table, "columnDefinitions"));
    if (json_array_size(rows) == 0)
        return;
    measure(printer, rows);
    if (printer->headings)
        print_headings(printer);
    printer->headings = false;
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row)
        print_row(printer, row);
    (void)fflush(printer->out);
}
