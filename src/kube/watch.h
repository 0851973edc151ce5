/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps up with a collection: lists it, then watches it from that version, for as long as it lives.
 *
 * A stream that ends or drops is resumed from the last version seen (bookmarks count) after a
 * jittered, growing pause; when the API server no longer has that version (410 Gone, as the
 * answer's status or as an ERROR event), the collection is listed anew and what disappeared
 * meanwhile is reported as deleted. A stream on which nothing arrives for too long is given up. So
 * the callbacks see each object's latest state, though not each state between.
 *
 * Memory: of each object only names and versions, and what `keep` chooses.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/client.h"
#include "kube/path.h"

struct kube_watch;

/* An object that is there. Borrowed: valid until it is reported as deleted (and in that call). */
struct kube_object {
    const char *namespace; /* "" when its kind has none */
    const char *name;
    const char *uid;
    const char *resource_version;
    void *kept; /* what keep() made of it */
};

enum kube_change {
    KUBE_ADDED,
    KUBE_MODIFIED,
    KUBE_DELETED,
};

struct kube_watch_options {
    const struct kube_kind *kind;
    const char *namespace; /* NULL: all namespaces, or a kind without */
    const char *label_selector;
    const char *field_selector; /* "metadata.name=node1" watches one object */
    void *user;
    /*
     * What of an object shall be kept: a new value for entry->kept. May be NULL; called before
     * changed() for what is added and modified; previous is the old value (NULL at first), which
     * keep() reuses, or frees. NULL may be returned.
     */
    void *(*keep)(void *user, json_t *object, void *previous);
    /* Frees what keep() made, when the object or the watch is gone. May be NULL. */
    void (*drop)(void *user, void *kept);
    /*
     * A change. object (borrowed) is NULL when a deletion was only noticed by its absence from a
     * new list. A name whose uid changed is reported as deleted and added.
     */
    void (*changed)(void *user, enum kube_change change, const struct kube_object *entry,
                    json_t *object);
    /* A list is complete: everything was reported. Once at first, and again after each new list. */
    void (*synced)(void *user);
    /* Something failed and will be tried again. One line for people. May be NULL. */
    void (*trouble)(void *user, int error, const char *text);
    /* Limits; 0 is the default. */
    unsigned page; /* objects per list answer; 100; fewer when the answers are too long */
    unsigned timeout_seconds; /* one stream's life, up to a fifth less; 300 */
    unsigned grace_seconds;   /* nothing for timeout + grace: connect again; 30 */
    unsigned retry_min_ms;    /* first pause after a failure; 200 */
    unsigned retry_max_ms;    /* longest pause; 30 s */
    size_t line_max;          /* bytes of one event; 8 MiB */
    size_t objects_max;       /* beyond it objects are not kept or reported, but trouble; 200,000 */
};

/* Strings are copied; kind must stay. Begins at once. 0, -EINVAL, -ENOMEM, -ESHUTDOWN. */
int kube_watch_new(struct kube_client *client, const struct kube_watch_options *options,
                   struct kube_watch **ret) _must_check_;

/*
 * Ends it: no callback but drop() (inside this call) comes any more. May be called from a callback.
 * A handle of the loop is closed behind it, so the loop has to run once more. NULL allowed.
 */
void kube_watch_free(struct kube_watch *watch);

/* Whether the first list is complete. */
bool kube_watch_is_synced(const struct kube_watch *watch);

/* The object of that name, or NULL. namespace may be NULL or "" for kinds without. */
const struct kube_object *kube_watch_find(const struct kube_watch *watch, const char *namespace,
                                          const char *name);

size_t kube_watch_count(const struct kube_watch *watch);

/* Walks over all, in no order; begin with *cursor = 0. NULL at the end. */
const struct kube_object *kube_watch_next(const struct kube_watch *watch, size_t *cursor);
