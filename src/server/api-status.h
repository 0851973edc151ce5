/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes' Status objects: how the API says what went wrong, in the words and with the reasons
 * that kubectl prints. Each function returns a new reference, or NULL when out of memory. Pure.
 */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"
#include "resource/kind.h"
#include "resource/problem.h"

/* A failure without details; reason is "BadRequest", "Forbidden", ...; code the HTTP status. */
json_t *api_status(unsigned code, const char *reason, const char *format, ...) _printf_(3, 4);

/* The API is closing. */
json_t *api_status_stopping(void);

/* `machines.slipway.dev "x" not found` and friends. */
json_t *api_status_not_found(const struct kind *kind, const char *name);
json_t *api_status_exists(const struct kind *kind, const char *name);
/* Of an update or delete whose resourceVersion or uid is not the object's. */
json_t *api_status_conflict(const struct kind *kind, const char *name, const char *why);
json_t *api_status_not_acceptable(void);
json_t *api_status_unsupported_media_type(const char *what);
json_t *api_status_method_not_allowed(const char *method);
/* Of a watch or a continued list from before what is remembered. */
json_t *api_status_expired(const char *message);
/* `Machine.slipway.dev "x" is invalid: ...` with one cause per problem. */
json_t *api_status_invalid(const struct kind *kind, const char *name,
                           const struct problems *problems);
/* Server-side apply: one cause per {"manager", "field"} of conflicts. */
json_t *api_status_apply_conflict(const struct kind *kind, const char *name,
                                  const json_t *conflicts);
/* Status: Success of a deletion. */
json_t *api_status_deleted(const struct kind *kind, const char *name, const char *uid);
