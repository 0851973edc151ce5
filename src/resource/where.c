/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/where.h"

/* Depth is bounded by the parser, which is what builds these trees; siblings are walked. */
void where_free(struct where *where)
{
    while (where) {
        struct where *next = where->next;
        where_free(where->child);
        free(where);
        where = next;
    }
}
