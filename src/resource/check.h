/* SPDX-License-Identifier: Apache-2.0 */
/* Checking values against a table: the engine that validation and salvage share. */
#pragma once

#include <jansson.h>

#include "resource/path.h"
#include "resource/problem.h"
#include "resource/where.h"
#include "resource/field.h"

struct checking {
    struct problems *problems;
    const char *file;
    bool allow_unknown;
    bool secret; /* the value is not shown in messages */
};

/* An object's members against a table. `where` is the object's own. */
void check_fields(const struct checking *c, const struct field *fields, const json_t *object,
                  const struct where *where, const struct path *path);
/* The value of a field: the whole list or map where it is one. */
void check_field(const struct checking *c, const struct field *field, const json_t *json,
                 const struct where *where, const struct path *path);
/* One value of a field: an item where the field is a list. */
void check_value(const struct checking *c, const struct field *field, const json_t *json,
                 const struct where *where, const struct path *path);

/* Adds a problem about the value at a path. */
void check_problem(const struct checking *c, enum problem_reason reason, const struct where *where,
                   const struct path *path, const char *format, ...) _printf_(5, 6);

/* Appends the value for a message: JSON on one line, shortened. */
void check_quote(const json_t *json, struct buf *out);
