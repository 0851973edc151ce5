/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the Kubernetes API. Paths, objects and options are copied (or written out) before a
 * function returns. All return 0, or a negative errno and then done is not called: -EINVAL (a path
 * that cannot be), -ENOMEM, -ESHUTDOWN, -ENOBUFS. For answers see struct kube_answer.
 */
#pragma once

#include <stdbool.h>

#include "kube/client.h"
#include "kube/path.h"

int kube_get(struct kube_client *client, const struct kube_path *path, struct kube_then then)
    _must_check_;

struct kube_list_options {
    const char *label_selector; /* NULL: all */
    const char *field_selector;
    unsigned page; /* objects per answer; 0: 100; KUBE_PAGE_ALL: all in one */
};

#define KUBE_PAGE_ALL (~0u)

struct kube_list_then {
    /*
     * Each object, page by page (borrowed). The API leaves out apiVersion and kind in lists.
     * Nonzero ends the list: done is not called then.
     */
    int (*item)(void *user, json_t *object);
    /*
     * After the last object, or after a failure (items may have come before it; -EIDRM: the list
     * took so long that its continuation expired). resource_version is that of the whole list,
     * where a watch may begin; NULL after a failure.
     */
    void (*done)(void *user, const struct kube_answer *answer, const char *resource_version);
    void *user;
    struct kube_request **slot; /* as kube_then's; holds whichever page is under way */
};

int kube_list(struct kube_client *client, const struct kube_path *path,
              const struct kube_list_options *options, struct kube_list_then then) _must_check_;

struct kube_write_options {
    const char *field_manager; /* NULL: "slipway" */
    bool force;                /* server-side apply: take fields over from other managers */
    bool dry_run;
};

/*
 * POST to the collection (path->name NULL), or to a subresource such as "eviction". options may be
 * NULL.
 */
int kube_create(struct kube_client *client, const struct kube_path *path, const json_t *object,
                const struct kube_write_options *options, struct kube_then then) _must_check_;

/* PUT: the whole object; its metadata.resourceVersion makes it fail with -ESTALE when changed. */
int kube_update(struct kube_client *client, const struct kube_path *path, const json_t *object,
                const struct kube_write_options *options, struct kube_then then) _must_check_;

enum kube_patch {
    KUBE_PATCH_MERGE,     /* RFC 7386 */
    KUBE_PATCH_STRATEGIC, /* Kubernetes' own; not for custom resources */
    KUBE_PATCH_JSON,      /* RFC 6902; the patch is an array */
    KUBE_PATCH_APPLY,     /* server-side apply: creates what is missing. -ESTALE: a conflict with
                             another field manager, whose fields the Status' causes name */
};

int kube_patch(struct kube_client *client, const struct kube_path *path, enum kube_patch type,
               const json_t *patch, const struct kube_write_options *options, struct kube_then then)
    _must_check_;

enum kube_propagation {
    KUBE_PROPAGATION_DEFAULT,
    KUBE_PROPAGATION_BACKGROUND,
    KUBE_PROPAGATION_FOREGROUND,
    KUBE_PROPAGATION_ORPHAN,
};

struct kube_delete_options {
    const char *uid;              /* only this very object, else -ESTALE; NULL: any */
    const char *resource_version; /* only this version of it */
    int grace_seconds;            /* below 0: the object's own. Set it! 0 kills at once */
    enum kube_propagation propagation;
};

/* options may be NULL: no precondition, the object's grace. */
int kube_delete(struct kube_client *client, const struct kube_path *path,
                const struct kube_delete_options *options, struct kube_then then) _must_check_;

/*
 * Evicts a pod by its eviction subresource: -EAGAIN while a PodDisruptionBudget forbids it, -ENOENT
 * when it is gone. api_version is "policy/v1" or "policy/v1beta1"; uid may be NULL, grace_seconds
 * below 0 is the pod's own.
 */
int kube_evict(struct kube_client *client, const char *namespace, const char *pod,
               const char *api_version, const char *uid, int grace_seconds, struct kube_then then)
    _must_check_;
