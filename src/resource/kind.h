/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that Slipway knows, and what is common to their objects. */
#pragma once

#include "resource/field.h"
#include "resource/meta.h"

#define GROUP_NAME "slipway.dev"
#define GROUP_VERSION "v1alpha1"

struct problems;

/* A column that kubectl and `slipway get` show. */
struct column {
    const char *name; /* "Phase"; NULL ends the list. The Name column comes first by itself. */
    const char *type; /* "string", "integer" or "date" */
    const char *path; /* ".status.phase" */
    const char *doc;
    int priority; /* 0: always shown; 1: only with -o wide */
};

struct kind {
    const char *group;   /* "" for the core group */
    const char *version; /* "v1alpha1" */
    const char *kind, *singular, *plural;
    const char *const *short_names; /* NULL-terminated */
    const char *const *categories;  /* NULL-terminated */
    const char *doc;
    bool namespaced;
    bool has_status;            /* status is a subresource */
    const struct field *fields; /* beside apiVersion, kind and metadata: spec and status */
    const struct column *columns;
    size_t size; /* of the C struct, which starts with struct meta */
    /* Rules between fields, checked on an otherwise valid object; NULL: none. */
    void (*check)(const void *object, struct problems *problems);
    /* What may not change from one valid object to the next beyond FIELD_IMMUTABLE; NULL: nothing.
     */
    void (*check_change)(const void *before, const void *after, struct problems *problems);
};

extern const struct kind kind_machine, kind_image, kind_network, kind_profile, kind_cluster,
    kind_event;

/* All of the above, NULL-terminated. */
extern const struct kind *const kinds[];

/* "slipway.dev/v1alpha1" or "v1"; the text lives as long as the program. */
const char *kind_api_version(const struct kind *kind);

/* By kind's name ("Machine") and apiVersion; NULL when unknown. */
const struct kind *kind_find(const char *api_version, const char *kind);
/* By plural ("machines"), as in an API path. */
const struct kind *kind_find_plural(const char *group, const char *plural);
/* As a person types it: kind, singular, plural, short name, "machines.slipway.dev"; any case. */
const struct kind *kind_find_typed(const char *name);

/* Whether field selectors may name that path ("metadata.name", "status.phase"). */
bool kind_selectable(const struct kind *kind, const char *path);

/*
 * The C struct (struct machine, ...) of a stored object, from one allocation arena. Release it with
 * object_free(). 0, -EINVAL (err names the path) or -ENOMEM.
 */
int object_decode(const struct kind *kind, const json_t *json, void **ret, struct err *err)
    _must_check_;
void object_free(void *object);

/* A new object of this kind with apiVersion, kind and metadata.name; NULL when out of memory. */
json_t *object_new(const struct kind *kind, const char *name);

/* metadata.name and friends, borrowed from json; NULL when absent or not a string. */
const char *object_name(const json_t *json);
const char *object_meta_text(const json_t *json, const char *member);
/* The value at a path of members ("status.phase"), borrowed; NULL when absent. */
json_t *object_get(const json_t *json, const char *path);
const char *object_text(const json_t *json, const char *path);
/*
 * Sets the value at a path of members, making the objects on the way; steals value, also on
 * failure. 0, -EINVAL (something on the way is no object) or -ENOMEM (also when value is NULL).
 */
int object_set(json_t *json, const char *path, json_t *value) _must_check_;
