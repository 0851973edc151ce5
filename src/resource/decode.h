/* SPDX-License-Identifier: Apache-2.0 */
/* Between JSON and C structs, both ways, for any table of fields. Pure; thread safe. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "resource/arena.h"
#include "resource/field.h"

/*
 * Fills the struct at dst (zeroed by the caller) from a JSON object; what it points to comes from
 * the arena. Unknown members are skipped; stored defaults (field.def) apply to absent ones; a null
 * is absent. A value of the wrong form is an error that names its path: -EINVAL; -ENOMEM.
 */
int fields_decode(const struct field *fields, const json_t *json, struct arena *arena, void *dst,
                  struct err *err) _must_check_;

/*
 * The JSON object of a struct: absent values (NULL, 0, empty lists, objects without members) are
 * left out. A new reference, or NULL when out of memory or when a text is not UTF-8.
 */
json_t *fields_encode(const struct field *fields, const void *src) _must_check_;
