/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the Kubernetes REST API from plain values: pure text, nothing is sent. Names are checked
 * as the API server checks them (no "/", "%", "." or ".."), so a name can never reach another
 * object; everything else is percent-encoded (RFC 3986).
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Where a kind's objects live. */
struct kube_kind {
    const char *group;   /* "" is the core group */
    const char *version; /* "v1" */
    const char *plural;  /* "nodes" */
};

extern const struct kube_kind kube_nodes;
extern const struct kube_kind kube_pods;
extern const struct kube_kind kube_secrets;
extern const struct kube_kind kube_config_maps;
extern const struct kube_kind kube_namespaces;
extern const struct kube_kind kube_csrs; /* certificates.k8s.io/v1 */
extern const struct kube_kind kube_cluster_roles;
extern const struct kube_kind kube_cluster_role_bindings;
extern const struct kube_kind kube_roles;
extern const struct kube_kind kube_role_bindings;
extern const struct kube_kind kube_crds; /* apiextensions.k8s.io/v1 */
extern const struct kube_kind kube_leases;
extern const struct kube_kind kube_daemon_sets;
extern const struct kube_kind kube_deployments;

/* One object, one of its subresources, or a collection. Everything is borrowed. */
struct kube_path {
    const struct kube_kind *kind;
    const char *namespace;   /* NULL: the kind has none, or a collection over all namespaces */
    const char *name;        /* NULL: the collection */
    const char *subresource; /* NULL: the object itself; "status", "approval", "eviction", ... */
};

/*
 * Appends "/api/v1/nodes/node1/status", "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME". 0, -EINVAL
 * (no kind, a part that no object can have, a subresource without a name) or -ENOMEM.
 */
int kube_path_write(const struct kube_path *path, struct buf *ret) _must_check_;

/*
 * Appends "?name=value" to a path, or "&name=value" when it has a query already. A NULL value adds
 * nothing. Failures stick in the buffer.
 */
void kube_query_add(struct buf *path, const char *name, const char *value);
void kube_query_add_number(struct buf *path, const char *name, int64_t value);
