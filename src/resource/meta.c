/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/meta.h"

#include "base/str.h"
#include "resource/format.h"

const char *const condition_status_values[] = {"True", "False", "Unknown", NULL};

#define S struct meta
const struct field meta_fields[] = {
    F_STRING(S, name, "name", .format = &format_name, .max_length = 253,
             .flags = FIELD_IMMUTABLE | FIELD_SELECTABLE, .doc = "Name, unique within the kind."),
    F_STRING(S, generate_name, "generateName", .max_length = 247,
             .doc = "Prefix from which the server makes a name when none is given."),
    F_STRING(S, namespace, "namespace", .format = &format_name, .max_length = 63,
             .flags = FIELD_IMMUTABLE | FIELD_SELECTABLE,
             .doc = "Namespace; only Events have one."),
    F_STRING(S, uid, "uid", .doc = "Unique in time and space."),
    F_STRING(S, resource_version, "resourceVersion", .format = &format_number,
             .doc = "Changes with every change of the object."),
    F_INT(S, generation, "generation", .doc = "Counts changes of the specification."),
    F_TIME(S, creation_timestamp, "creationTimestamp", .doc = "When the object was created."),
    F_TIME(S, deletion_timestamp, "deletionTimestamp",
           .doc = "When deletion was asked for; the object goes once it has no finalizers."),
    F_INT(S, deletion_grace_period_seconds, "deletionGracePeriodSeconds", .doc = "Always 0 here."),
    F_MAP(S, labels, "labels", .format = &format_label_value, .max_items = 128,
          .doc = "Labels for selectors."),
    F_MAP(S, annotations, "annotations", .format = &format_text, .max_length = 262144,
          .max_items = 128, .doc = "Notes that tools keep on the object."),
    F_STRINGS(S, finalizers, "finalizers", FIELD_UNIQUE, .max_items = 32,
              .format = &format_label_key, .doc = "What must be done before the object goes away."),
    {0}};
#undef S

#define S struct condition
const struct field condition_fields[] = {
    F_STRING(S, type, "type", .format = &format_reason, .flags = FIELD_REQUIRED,
             .doc = "What the condition is about."),
    F_ENUM(S, status, "status", condition_status_values, .flags = FIELD_REQUIRED,
           .doc = "Whether it holds."),
    F_STRING(S, reason, "reason", .format = &format_reason, .doc = "Why, in one CamelCase word."),
    F_STRING(S, message, "message", .format = &format_text, .max_length = 32768,
             .doc = "Why, for people."),
    F_TIME(S, last_transition_time, "lastTransitionTime", .doc = "When status last changed."),
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this is about."),
    {0}};
#undef S

const char *meta_label(const struct meta *meta, const char *key)
{
    for (size_t i = 0; i < meta->n_labels; i++) {
        if (str_eq(meta->labels[i].key, key))
            return meta->labels[i].value;
    }
    return NULL;
}

const struct condition *condition_find(const struct condition *conditions, size_t n,
                                       const char *type)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(conditions[i].type, type))
            return &conditions[i];
    }
    return NULL;
}
