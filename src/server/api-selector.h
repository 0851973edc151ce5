/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label selectors and field selectors as Kubernetes writes them: "a=b,c!=d,e in (x,y),f notin (z),
 * g,!h" for labels, "metadata.name=x,status.phase!=Ready" for fields. Pure functions.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct api_selector;

/* -EINVAL with err when the text is malformed or too long; -ENOMEM. "" selects everything. */
int api_label_selector_parse(const char *text, struct api_selector **ret, struct err *err)
    _must_check_;
int api_field_selector_parse(const char *text, struct api_selector **ret, struct err *err)
    _must_check_;
void api_selector_free(struct api_selector *selector);
DEFINE_CLEANUP(struct api_selector *, api_selector_free)

/* Whether an object's metadata.labels match. A NULL selector matches everything. */
bool api_labels_match(const struct api_selector *selector, const json_t *object);
/* Whether an object's fields, named by dotted paths, match. A field that is not there is "". */
bool api_fields_match(const struct api_selector *selector, const json_t *object);

/* The key of requirement i, NULL behind the last: to check that fields are known. */
const char *api_selector_key(const struct api_selector *selector, size_t i);
/*
 * The value that a field must equal for any object to match ("metadata.name=x"); NULL when the
 * selector does not demand one.
 */
const char *api_selector_exact(const struct api_selector *selector, const char *key);
