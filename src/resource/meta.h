/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every object carries: Kubernetes' ObjectMeta as far as Slipway uses it, conditions, and the
 * decoding of any kind into its C struct.
 */
#pragma once

#include "base/err.h"
#include "resource/arena.h"
#include "resource/field.h"

/* The first member of every kind's struct. Strings are NULL when absent. */
struct meta {
    struct arena *arena; /* everything the object points to; NULL in structs made by hand */
    const char *name;
    const char *generate_name;
    const char *namespace; /* only Events have one */
    const char *uid;
    const char *resource_version;
    int64_t generation;
    int64_t creation_timestamp; /* wall milliseconds */
    int64_t deletion_timestamp; /* 0: not being deleted */
    int64_t deletion_grace_period_seconds;
    const struct pair *labels;
    size_t n_labels;
    const struct pair *annotations;
    size_t n_annotations;
    const char *const *finalizers;
    size_t n_finalizers;
};

extern const struct field meta_fields[];

enum condition_status { CONDITION_UNSET, CONDITION_TRUE, CONDITION_FALSE, CONDITION_UNKNOWN };

/* Kubernetes' metav1.Condition. */
struct condition {
    const char *type;
    enum condition_status status;
    const char *reason;
    const char *message;
    int64_t last_transition_time;
    int64_t observed_generation;
};

extern const struct field condition_fields[];
extern const char *const condition_status_values[];

/* The condition of that type among n; NULL when there is none. */
const struct condition *condition_find(const struct condition *conditions, size_t n,
                                       const char *type);

/* The value of a label; NULL when the object has none of that key. */
const char *meta_label(const struct meta *meta, const char *key);
