/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who set which field: Kubernetes' metadata.managedFields and server-side apply, as pure functions
 * of JSON objects. The model is that of a custom resource without list types: objects merge member
 * by member, lists are owned and replaced whole.
 *
 * An object is tracked from its first server-side apply on: until then it carries no managedFields,
 * and that apply lists what was there before under the manager "before-first-apply". What Slipway's
 * own controllers write is not tracked.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct api_manager {
    const char *name;        /* ?fieldManager=, or the start of User-Agent */
    const char *subresource; /* "" or "status" */
    const char *api_version; /* "slipway.dev/v1alpha1" */
    const char *now;         /* RFC 3339 */
};

/*
 * Sets after's metadata.managedFields to what before's become by a create, update or patch that
 * turned before into after: changed fields go to the manager (operation Update), from everybody
 * else. Nothing happens while before is not tracked; an empty list in `after` ends the tracking.
 * before may be NULL (create: not tracked). 0 or -ENOMEM.
 */
int api_managed_update(const json_t *before, json_t *after, const struct api_manager *manager)
    _must_check_;

/*
 * Server-side apply of the fields in `applied` on `live` (NULL: nothing there yet). *ret is the new
 * object with its managedFields; equal to live when nothing changes. Fields that this manager had
 * applied before and now leaves out are removed unless somebody else set them too.
 *
 * A field that another manager set to another value is a conflict unless force: then the result is
 * -EEXIST and *ret_conflicts a list of {"manager": text, "field": ".spec.role"}. 0, -EEXIST,
 * -ENOMEM. Both results are owned by the caller.
 */
int api_managed_apply(const json_t *live, const json_t *applied, const struct api_manager *manager,
                      bool force, json_t **ret, json_t **ret_conflicts) _must_check_;
