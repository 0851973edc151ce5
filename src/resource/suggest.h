/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody may have meant who typed a name that does not exist. */
#pragma once

#include "resource/field.h"

/* The most similar field's name when it is similar enough, else NULL. */
const char *suggest_field(const struct field *fields, const char *name);
