/* SPDX-License-Identifier: Apache-2.0 */
/* Forms in which meta.k8s.io shows any object: Tables, whose cells kubectl prints, and metadata. */
#pragma once

#include <jansson.h>

#include "resource/kind.h"
#include "server/api-path.h"

/* "meta.k8s.io/v1" or "meta.k8s.io/v1beta1" */
const char *api_table_version(bool beta);

/*
 * One row: cells, and of the object what options.include_object says. now_ms is for ages. A new
 * reference, NULL when out of memory.
 */
json_t *api_table_row(const struct kind *kind, json_t *object, const struct api_options *options,
                      bool beta, int64_t now_ms);

/* A whole table of one row, as a get of a single object or a watch event has it. */
json_t *api_table_single(const struct kind *kind, json_t *object, const struct api_options *options,
                         bool beta, int64_t now_ms);

/* The object as PartialObjectMetadata. */
json_t *api_partial_metadata(const json_t *object);
