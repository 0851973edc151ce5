/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded, typed access to the fields of a message's JSON object, for this folder's parsers. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Each reads an optional field: absent or null leaves *ret as it is. -EBADMSG for another type. */
int field_string(json_t *object, const char *name, char **ret, struct err *err) _must_check_;
int field_u64(json_t *object, const char *name, uint64_t *ret, struct err *err) _must_check_;
int field_bool(json_t *object, const char *name, bool *ret, struct err *err) _must_check_;
/* A new reference to an object (or array) field. */
int field_object(json_t *object, const char *name, json_t **ret, struct err *err) _must_check_;
int field_array(json_t *object, const char *name, size_t max, json_t **ret, struct err *err)
    _must_check_;

/* The index of the field's string in names[count]; -EBADMSG when absent or unknown. */
int field_enum(json_t *object, const char *name, const char *const names[], size_t count,
               struct err *err) _must_check_;

/* Sets a field; NULL values and failures are dropped, which to_json's caller sees as a smaller
 * object. */
void set_string(json_t *object, const char *name, const char *value);
void set_u64(json_t *object, const char *name, uint64_t value);
