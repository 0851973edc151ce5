/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of fields in the form of Kubernetes' FieldsV1: an object whose members are "f:NAME", a leaf
 * being {}: {"f:spec": {"f:role": {}, "f:rootDisk": {"f:serial": {}}}}. Scalars, lists and empty
 * objects are leaves. Functions that return json_t return a new reference or NULL when out of
 * memory.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"

/* A copy of the object with only what managers own: no apiVersion, kind, system metadata. */
json_t *api_fields_view(const json_t *object);

/* All fields of an object. */
json_t *api_fields_of(const json_t *object);
/* The fields of after whose values before does not have. */
json_t *api_fields_changed(const json_t *before, const json_t *after);
/* The fields of before that are not in after: the topmost of each tree that is gone, as a leaf. */
json_t *api_fields_removed(const json_t *before, const json_t *after);
/* The fields of `wanted` that are in `owned` too and whose value differs between the objects. */
json_t *api_fields_contested(const json_t *wanted, const json_t *owned, const json_t *applied,
                             const json_t *live);

/* set = set + other. 0 or -ENOMEM. */
int api_fields_add(json_t *set, const json_t *other) _must_check_;
/* set = set - other; a leaf of other takes everything below it along. */
void api_fields_subtract(json_t *set, const json_t *other);
/* As api_fields_subtract(), but a leaf of set also goes when other has something below it. */
void api_fields_uncover(json_t *set, const json_t *other);

/* Writes the values of `applied` over object. 0 or -ENOMEM. */
int api_fields_overlay(json_t *object, const json_t *applied) _must_check_;
/* Deletes the fields of set from object, and objects that become empty by that. */
void api_fields_delete(json_t *object, const json_t *set);

/* Calls visit with the path (".spec.role") of each leaf. */
void api_fields_each(const json_t *set, void (*visit)(void *data, const char *path), void *data);
