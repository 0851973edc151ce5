/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a write makes of an object: the pure part of create, update, patch and apply. The same
 * function decides a dry run and the real thing.
 */
#pragma once

#include <jansson.h>

#include "resource/problem.h"
#include "server/api-path.h"

enum api_change_type {
    API_CHANGE_CREATE,
    API_CHANGE_REPLACE,
    API_CHANGE_MERGE_PATCH,
    API_CHANGE_JSON_PATCH,
    API_CHANGE_APPLY,
};

struct api_change {
    enum api_change_type type;
    const struct api_path *path;
    const struct api_options *options; /* manager, force, field_validation */
    const json_t *body;
    int64_t now_ms;
    /* As in struct api_setup; NULL: nothing but the object itself is looked at. */
    void (*admit)(void *data, const struct kind *kind, const json_t *live, const json_t *candidate,
                  struct problems *problems);
    void *admit_data;
};

/*
 * The object that the change makes of live (NULL: there is none yet; only create and apply take
 * that): patched, checked, with unknown fields removed and defaults filled in. Returns a new
 * reference, or NULL and a Status in *ret_failure (NULL there too: out of memory). Texts for
 * Warning headers are appended to the array warnings (may be NULL).
 */
json_t *api_decide(const struct api_change *change, const json_t *live, json_t *warnings,
                   json_t **ret_failure);
