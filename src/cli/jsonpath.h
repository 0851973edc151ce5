/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of kubectl's JSONPath templates that scripts use: text with expressions in braces,
 * "{.status.phase}", "{.items[*].metadata.name}", "{.spec.macAddresses[0]}", "{['a.b']}", "{"\n"}".
 * Values of one expression are joined by spaces; objects and lists are shown as JSON. Pure.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends what the template makes of value. What is not there is empty. -EINVAL: malformed. */
int jsonpath_write(const char *template, const json_t *value, struct buf *out, struct err *err)
    _must_check_;
