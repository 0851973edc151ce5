/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API discovery: which resource a kind's objects live in. Pure: the lists come from the API server
 * (GET /api/v1, /apis/GROUP/VERSION).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* A resource of an APIResourceList. */
struct kube_resource {
    const char *plural; /* borrowed from the list */
    bool namespaced;
};

/* Appends the path of the list of an apiVersion: "v1" or "apps/v1". 0, -EINVAL or -ENOMEM. */
int kube_discovery_path(const char *api_version, struct buf *ret) _must_check_;

/* The resource of a kind in an APIResourceList. 0 or -ENOENT. */
int kube_discovery_find(const json_t *list, const char *kind, struct kube_resource *ret)
    _must_check_;
