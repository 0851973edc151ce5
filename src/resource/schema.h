/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the field tables say, for other programs: OpenAPI schemas, CRDs and the reference page.
 * Pure; each returns a new reference, or NULL when out of memory.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "resource/kind.h"

/* Structural OpenAPI v3 schema of a whole object, as it stands in a CRD. */
json_t *schema_v3(const struct kind *kind);

/*
 * OpenAPI v2 definition of a whole object (without v3's words; metadata is a reference to
 * io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta), with x-kubernetes-group-version-kind.
 */
json_t *schema_v2(const struct kind *kind);

/* "dev.slipway.v1alpha1.Machine": the key of the definition. "io.k8s.api.core.v1.Event". */
int schema_v2_name(const struct kind *kind, char *dst, size_t size) _must_check_;

/* The apiextensions.k8s.io/v1 CustomResourceDefinition; NULL also for kinds that are none (Event).
 */
json_t *kind_crd(const struct kind *kind);

/* The kind's reference page in Markdown. 0 or -ENOMEM. */
int kind_reference(const struct kind *kind, struct buf *out) _must_check_;
