/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of a drain: pure. */
#include "base/str.h"
#include "kube/drain.h"

enum { PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 15000, DOUBLINGS_MAX = 4 };

#define MIRROR_ANNOTATION "kubernetes.io/config.mirror"

static bool belongs_to_daemon_set(const json_t *metadata)
{
    size_t i;
    const json_t *owner;
    json_array_foreach (json_object_get(metadata, "ownerReferences"), i, owner) {
        if (json_is_true(json_object_get(owner, "controller")) &&
            str_eq(json_string_value(json_object_get(owner, "kind")), "DaemonSet"))
            return true;
    }
    return false;
}

enum kube_drain_pod kube_drain_classify(const json_t *pod)
{
    const json_t *metadata = json_object_get(pod, "metadata");
    const char *phase = json_string_value(json_object_get(json_object_get(pod, "status"), "phase"));
    if (json_object_get(json_object_get(metadata, "annotations"), MIRROR_ANNOTATION))
        return KUBE_DRAIN_LEAVE_MIRROR;
    if (belongs_to_daemon_set(metadata))
        return KUBE_DRAIN_LEAVE_DAEMON_SET;
    if (str_eq(phase, "Succeeded") || str_eq(phase, "Failed"))
        return KUBE_DRAIN_LEAVE_FINISHED;
    if (json_is_string(json_object_get(metadata, "deletionTimestamp")))
        return KUBE_DRAIN_WAIT;
    return KUBE_DRAIN_EVICT;
}

enum kube_drain_next kube_drain_decide(int error)
{
    switch (error) {
    case 0:
        return KUBE_DRAIN_NEXT_WAIT;
    case -ENOENT:
    case -ESTALE: /* its uid is another's: that very pod is gone */
        return KUBE_DRAIN_NEXT_GONE;
    case -EPERM:
    case -EINVAL:
    case -EOPNOTSUPP:
        return KUBE_DRAIN_NEXT_FAIL;
    default:
        return KUBE_DRAIN_NEXT_RETRY;
    }
}

uint32_t kube_drain_pause_ms(unsigned tries, int retry_after_seconds)
{
    unsigned doublings = tries < 1 ? 0 : tries - 1;
    uint32_t ms = (uint32_t)PAUSE_MIN_MS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    uint32_t asked = retry_after_seconds > 0 ? (uint32_t)retry_after_seconds : 0;
    if (asked > PAUSE_MAX_MS / 1000)
        asked = PAUSE_MAX_MS / 1000;
    if (asked * 1000 > ms)
        ms = asked * 1000;
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

const char *kube_drain_eviction_version(const json_t *api_v1)
{
    size_t i;
    const json_t *resource;
    json_array_foreach (json_object_get(api_v1, "resources"), i, resource) {
        if (!str_eq(json_string_value(json_object_get(resource, "name")), "pods/eviction"))
            continue;
        const char *version = json_string_value(json_object_get(resource, "version"));
        return str_eq(version, "v1") ? "policy/v1" : "policy/v1beta1";
    }
    return NULL;
}

const char *kube_drain_reason(const json_t *status, const char *message, char *dst, size_t size)
{
    const json_t *causes = json_object_get(json_object_get(status, "details"), "causes"), *cause;
    size_t i;
    json_array_foreach (causes, i, cause) {
        const char *reason = json_string_value(json_object_get(cause, "reason"));
        const char *text = json_string_value(json_object_get(cause, "message"));
        if (str_eq(reason, "DisruptionBudget") && !str_empty(text))
            return kube_copy_line(dst, size, text);
    }
    return kube_copy_line(dst, size, str_empty(message) ? "the eviction was refused" : message);
}
