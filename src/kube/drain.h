/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Empties a node: cordons it, evicts its pods with their disruption budgets respected, waits until
 * they are gone, and says what still stands in the way when the deadline comes. Pods of DaemonSets,
 * static (mirror) pods and finished pods are left. The node stays cordoned, whatever comes of it.
 */
#pragma once

#include <stdbool.h>

#include "kube/client.h"

/* ---- the decisions, pure ---- */

enum kube_drain_pod {
    KUBE_DRAIN_EVICT,
    KUBE_DRAIN_LEAVE_DAEMON_SET,
    KUBE_DRAIN_LEAVE_MIRROR,
    KUBE_DRAIN_LEAVE_FINISHED,
    KUBE_DRAIN_WAIT, /* is being deleted already */
};

/* What shall become of a pod (v1 Pod). */
enum kube_drain_pod kube_drain_classify(const json_t *pod);

/* What to do with a pod after an eviction was answered. */
enum kube_drain_next {
    KUBE_DRAIN_NEXT_WAIT,  /* accepted: wait until it is gone */
    KUBE_DRAIN_NEXT_GONE,  /* is not there (any more) */
    KUBE_DRAIN_NEXT_RETRY, /* a budget forbids it now, or the API server is away */
    KUBE_DRAIN_NEXT_FAIL,  /* will not work later either */
};

enum kube_drain_next kube_drain_decide(int error);

/*
 * How long to wait before the next try, in milliseconds: what the API asks for, else growing from
 * 1 s to 15 s with the number of tries.
 */
uint32_t kube_drain_pause_ms(unsigned tries, int retry_after_seconds);

/* "policy/v1" or "policy/v1beta1" from the discovery of /api/v1; NULL: no evictions there. */
const char *kube_drain_eviction_version(const json_t *api_v1);

/*
 * Why an eviction was refused, one line into dst: the disruption budget's words out of the Status'
 * causes, else its message. Returns dst.
 */
const char *kube_drain_reason(const json_t *status, const char *message, char *dst, size_t size);

/* ---- the driver ---- */

struct kube_drain;

/* A pod that still stands in the way. Borrowed. */
struct kube_drain_blocker {
    const char *namespace;
    const char *name;
    const char *reason; /* the budget, "is still terminating", ... */
};

struct kube_drain_result {
    int error; /* 0: empty; -ETIMEDOUT: the deadline came; -EBUSY: pods that cannot be evicted; or
                  why the API could not be used (-ENOENT: no such node) */
    const char *message; /* for people, one line */
    const struct kube_drain_blocker *blockers;
    size_t n_blockers;
    size_t n_evicted; /* pods that are gone */
};

struct kube_drain_options {
    const char *node;
    uint32_t deadline_ms; /* from now; 0: 10 minutes */
    int grace_seconds;    /* below 0: the pods' own */
    unsigned parallel;    /* evictions under way; 0: 8 */
    bool dead;            /* the node's kubelet is gone: nobody there will end a pod that is being
                             deleted, so such a pod counts as gone */
    void *user;
    /* A pod is gone, or an attempt failed: one line. May be NULL. */
    void (*progress)(void *user, const char *text);
    /* The end; the drain is freed after it. */
    void (*done)(void *user, const struct kube_drain_result *result);
};

/* Begins. 0, -EINVAL, -ENOMEM, -ESHUTDOWN; done is never called from inside. */
int kube_drain_start(struct kube_client *client, const struct kube_drain_options *options,
                     struct kube_drain **ret) _must_check_;

/*
 * What it waits for, one line into dst: "2 pods left; default/db-0: Cannot evict pod as it would
 * violate the pod's disruption budget". Returns dst.
 */
const char *kube_drain_describe(const struct kube_drain *drain, char *dst, size_t size);

/* Gives up without done(); pods that were evicted stay so. */
void kube_drain_cancel(struct kube_drain *drain);

/* Sets or clears spec.unschedulable of a node, which is all that cordoning is. */
int kube_cordon(struct kube_client *client, const char *node, bool on, struct kube_then then)
    _must_check_;
