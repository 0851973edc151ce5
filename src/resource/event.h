/* SPDX-License-Identifier: Apache-2.0 */
/* Event: core/v1's Event as far as kubectl shows it, so that `kubectl describe` lists them. */
#pragma once

#include "resource/kind.h"

#define EVENT_NAMESPACE "default"

struct event_object {
    const char *api_version;
    const char *kind;
    const char *name;
    const char *namespace;
    const char *uid;
};

enum event_type { EVENT_UNSET, EVENT_NORMAL, EVENT_WARNING };

struct event_source {
    const char *component;
    const char *host;
};

struct event {
    struct meta meta;
    struct event_object involved_object;
    enum event_type type;
    const char *reason;
    const char *message;
    int64_t count;
    int64_t first_timestamp;
    int64_t last_timestamp;
    struct event_source source;
};

int event_decode(const json_t *json, struct event **ret, struct err *err) _must_check_;
void event_free(struct event *event);
DEFINE_CLEANUP(struct event *, event_free)

/*
 * An Event about an object (its apiVersion, kind, name and uid are taken from the JSON). The name
 * depends only on the object, type, reason and message, so that a repetition finds its
 * predecessor. warning: type "Warning" instead of "Normal". NULL when out of memory.
 */
json_t *event_new(const json_t *object, bool warning, const char *reason, const char *message,
                  const char *component, int64_t now_ms);

/* Counts a repetition into an earlier Event's JSON: count + 1, lastTimestamp. 0 or -ENOMEM. */
int event_repeat(json_t *event, int64_t now_ms) _must_check_;
