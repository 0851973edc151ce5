/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/suggest.h"

#include <strings.h>

enum { NAME_MAX_COMPARED = 40 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance; large when a name is too long to be looked at. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t row[NAME_MAX_COMPARED + 1];
    if (n > NAME_MAX_COMPARED || m > NAME_MAX_COMPARED)
        return NAME_MAX_COMPARED;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[m];
}

const char *suggest_field(const struct field *fields, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 1;
    for (const struct field *f = fields; f->name; f++) {
        if (strcasecmp(f->name, name) == 0)
            return f->name;
        size_t d = distance(f->name, name);
        if (d <= best_distance && (!best || d < best_distance)) {
            best = f->name;
            best_distance = d;
        }
    }
    return best;
}
