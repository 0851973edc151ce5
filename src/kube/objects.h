/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a watch knows of a collection: names and versions by name, and which of them the latest list
 * held. Pure. Private to this folder.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "kube/line.h"
#include "kube/watch.h"

struct kube_entry {
    struct kube_object object; /* texts are owned */
    uint32_t listed;           /* the list that held it last */
};

struct kube_objects {
    struct map *map; /* "NAMESPACE/NAME" to struct kube_entry */
    uint32_t list;   /* the number of the latest list */
};

/* 0 or -ENOMEM. */
int kube_objects_init(struct kube_objects *objects) _must_check_;
/* The entries must be gone. */
void kube_objects_clear(struct kube_objects *objects);

struct kube_entry *kube_objects_find(const struct kube_objects *objects, const char *namespace,
                                     const char *name);

/* A new one from an event's metadata. 0 or -ENOMEM. */
int kube_objects_add(struct kube_objects *objects, const struct kube_event *event,
                     struct kube_entry **ret) _must_check_;

/* Takes it out; it is the caller's then. */
void kube_objects_take(struct kube_objects *objects, struct kube_entry *entry);

/* Any entry that the latest list did not hold, or NULL. *cursor as for map_next(). */
struct kube_entry *kube_objects_next_unlisted(const struct kube_objects *objects, size_t *cursor);

/* Any entry; NULL when there is none left. */
struct kube_entry *kube_objects_next(const struct kube_objects *objects, size_t *cursor);

void kube_entry_free(struct kube_entry *entry);
int kube_entry_set_version(struct kube_entry *entry, const char *version) _must_check_;
