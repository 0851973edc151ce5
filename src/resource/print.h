/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as text for people: YAML, tables and descriptions. Pure; thread safe. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "resource/kind.h"

/*
 * Block-style YAML with sorted keys, as kubectl prints it: strings that would be read as something
 * else are quoted. yaml_parse() gives back an equal value. 0, -EINVAL (no YAML form) or -ENOMEM.
 */
int yaml_write(const json_t *json, struct buf *out) _must_check_;

/*
 * What a column shows for an object: a new reference (string, number or null), NULL when out of
 * memory. Times of columns of type "date" are shown as ages, as kubectl shows them.
 */
json_t *column_value(const struct column *column, const json_t *object, int64_t now_ms);

/*
 * meta.k8s.io/v1 Table's columnDefinitions (Name first) and the cells of one row; new references or
 * NULL when out of memory.
 */
json_t *table_columns(const struct kind *kind);
json_t *table_cells(const struct kind *kind, const json_t *object, int64_t now_ms);

/* The table as aligned text, with a line of headings. wide: the columns of priority 1 too. */
struct table_text {
    bool wide;
    bool headings;
    bool kind_prefix; /* "machine.slipway.dev/NAME" */
};
int table_write(const struct kind *kind, json_t *const *objects, size_t n,
                const struct table_text *options, int64_t now_ms, struct buf *out) _must_check_;

/*
 * A description in kubectl's style: metadata, spec and status as indented "Name:  value" lines, and
 * the Events (JSON array; NULL: none) as a table.
 */
int describe_write(const struct kind *kind, const json_t *object, const json_t *events,
                   int64_t now_ms, struct buf *out) _must_check_;
