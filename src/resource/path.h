/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in an object a value is, as a chain of stack frames that costs nothing until somebody asks
 * for its text: `spec.files[2].path`.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct path {
    const struct path *parent; /* NULL: this is the object itself */
    const char *name;          /* member of the parent; NULL: item `index` of the parent */
    size_t index;
};

/* Appends the text; nothing for the object itself. Keys with '.' or other marks are quoted. */
void path_write(const struct path *path, struct buf *out);
