/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a watch: lines of JSON, cut anywhere by the network, become events. Pure: bytes in,
 * values out.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Cuts a stream into lines. Zero-initialise with KUBE_LINES_INIT(max). */
struct kube_lines {
    struct buf rest; /* the start of a line whose end has not come */
    size_t max;      /* bytes of one line */
};

#define KUBE_LINES_INIT(m) ((struct kube_lines){.rest = BUF_INIT_MAX(m), .max = (m)})

void kube_lines_clear(struct kube_lines *lines);

/*
 * Takes bytes in and calls line() for each whole line (without its newline, borrowed; empty lines
 * are left out). A nonzero return of line() ends it and is returned. -EMSGSIZE: a line longer than
 * max; -ENOMEM. After a failure the stream is out of step: clear and connect again.
 */
int kube_lines_feed(struct kube_lines *lines, const void *data, size_t len,
                    int (*line)(void *user, const char *text, size_t len), void *user) _must_check_;

enum kube_event_type {
    KUBE_EVENT_ADDED,
    KUBE_EVENT_MODIFIED,
    KUBE_EVENT_DELETED,
    KUBE_EVENT_BOOKMARK, /* only metadata.resourceVersion means something */
    KUBE_EVENT_ERROR,    /* the object is a Status */
};

struct kube_event {
    enum kube_event_type type;
    json_t *object;               /* owned; json_decref() */
    const char *namespace;        /* of its metadata, borrowed from object; "" when it has none */
    const char *name;             /* "" in bookmarks and errors */
    const char *uid;              /* "" when there is none */
    const char *resource_version; /* "" in errors, else never empty */
};

/*
 * One line into *ret. 0, -EBADMSG (no JSON, no event, an object without name or version), -ENOMEM.
 * Types that are not known are -EOPNOTSUPP: to be skipped.
 */
int kube_event_parse(const char *text, size_t len, struct kube_event *ret) _must_check_;

/*
 * The metadata of an object into *ret (borrowed from object, whose reference is not taken). 0 or
 * -EBADMSG when it has no name or no resourceVersion.
 */
int kube_event_from_object(enum kube_event_type type, json_t *object, struct kube_event *ret)
    _must_check_;
