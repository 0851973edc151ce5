/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the server's Tables as aligned text. A printer keeps its columns' widths, so that rows of
 * a watch stand under the headings of the first table. Control characters in cells, which may come
 * from a stranger's machine, are replaced.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct table_printer {
    FILE *out;
    bool wide;          /* columns of priority 1 too */
    bool headings;      /* still to be printed; off after the first table */
    bool colour;        /* phases in colour */
    const char *prefix; /* before names: "machine.slipway.dev/"; NULL: none */
    json_t *columns;    /* of the first table */
    size_t widths[32];
};

/* Prints a table's rows (and the headings before the first). */
void table_print(struct table_printer *printer, const json_t *table);
void table_printer_clear(struct table_printer *printer);
