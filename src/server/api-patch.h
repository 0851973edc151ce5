/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patch formats of the API as pure functions of JSON values: JSON Merge Patch (RFC 7386) and
 * JSON Patch (RFC 6902). The document is never changed; the result is a new value.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Bounds that keep a patch from costing much more than its own size. */
#define API_PATCH_OPERATIONS_MAX 1000
#define API_JSON_DEPTH_MAX 100
#define API_JSON_VALUES_MAX 200000

/*
 * Whether the value nests at most `depth` containers and holds at most `values` values in all.
 * Everything that comes from a client passes this before it is walked recursively.
 */
bool api_json_bounded(const json_t *value, size_t depth, size_t values);

/* *ret (owned by the caller) is document changed as RFC 7386 says. 0 or -ENOMEM. */
int api_merge_patch(const json_t *document, const json_t *patch, json_t **ret) _must_check_;

/*
 * *ret (owned by the caller) is document changed as RFC 6902 says: all operations or none. -EINVAL
 * when the patch is malformed; -EBADMSG when an operation cannot be applied to this document (a
 * path that is not there, a failed test); -E2BIG over the bounds; -ENOMEM.
 */
int api_json_patch(const json_t *document, const json_t *patch, json_t **ret, struct err *err)
    _must_check_;
