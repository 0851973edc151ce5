/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of Kubernetes as its releases are named: "v1.20.2", "v1.31.0-rc.1", "v1.30.4+build". */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

struct kube_version {
    unsigned major, minor, patch;
};

/* 0 or -EINVAL. What stands behind '-' or '+' is checked and left out. Pure. */
int kube_version_parse(const char *text, struct kube_version *ret) _must_check_;

/* Whether it is major.minor or later. */
static inline bool kube_version_at_least(struct kube_version v, unsigned major, unsigned minor)
{
    return v.major > major || (v.major == major && v.minor >= minor);
}
