/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an object is what its kind's table says, all problems at once; and what the table adds to
 * and takes from objects on their way into the store. Pure; thread safe.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "resource/kind.h"
#include "resource/problem.h"
#include "resource/where.h"

struct validate_options {
    const char *file;          /* for messages; NULL: none */
    const struct where *where; /* lines of the values; NULL: unknown */
    bool allow_unknown;        /* unknown fields are no problem (they will be pruned) */
    bool need_name;            /* metadata.name is required (generateName does as well) */
};

/*
 * Checks an object: apiVersion and kind, metadata, then every field by the table, and last the
 * kind's rules between fields. options may be NULL.
 */
void object_validate(const struct kind *kind, const json_t *object,
                     const struct validate_options *options, struct problems *problems);

/* As object_validate() for a part, such as an inventory: its own table, path "" being the part. */
void fields_validate(const struct field *fields, const json_t *part, struct problems *problems);

/* What may not change does not change between two valid objects. */
void object_validate_update(const struct kind *kind, const json_t *before, const json_t *after,
                            struct problems *problems);

/*
 * Makes a valid object ready to be stored: unknown fields and nulls go, stored defaults come. What
 * only the server may set (uid, ...) is left for the store. 0 or -ENOMEM.
 */
int object_normalize(const struct kind *kind, json_t *object) _must_check_;

/*
 * Reads the part as the table says and writes it anew, leaving out whatever is not valid: for
 * reports from machines, of which the good half is better than nothing. A new reference, or NULL
 * when out of memory.
 */
json_t *fields_salvage(const struct field *fields, const json_t *part) _must_check_;
