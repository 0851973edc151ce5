/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions in an object's JSON. */
#pragma once

#include <jansson.h>

#include "resource/meta.h"

/*
 * Sets the condition of that type in status.conditions, adding it when it is not there.
 * lastTransitionTime stays while status stays. reason (CamelCase) and message may be NULL. 0,
 * -EINVAL (the status has another form) or -ENOMEM.
 */
int object_set_condition(json_t *object, const char *type, enum condition_status status,
                         const char *reason, const char *message, int64_t now_ms) _must_check_;
