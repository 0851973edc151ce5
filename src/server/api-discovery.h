/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API offers, in the documents by which clients find out: legacy discovery (/api, /apis,
 * /apis/GROUP, resource lists) and aggregated discovery (apidiscovery.k8s.io). Pure; each returns a
 * new reference, or NULL when out of memory.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "resource/kind.h"

/* /api; address is where the client reached the server ("127.0.0.1:6780"). */
json_t *api_discovery_core_versions(const char *address);
/* /apis */
json_t *api_discovery_groups(void);
/* /apis/GROUP; NULL also when there is no such group. */
json_t *api_discovery_group(const char *group);
/* /api/v1 and /apis/GROUP/VERSION: the resources of one group. */
json_t *api_discovery_resources(const char *group);
/* /api and /apis as APIGroupDiscoveryList, version "v2" or "v2beta1". */
json_t *api_discovery_aggregated(bool core, const char *version);
/* /version */
json_t *api_discovery_version(const char *program_version);

/* Whether clients may write objects of this kind; others can only be read. */
bool api_kind_writable(const struct kind *kind);
/* The version of a group ("v1", "v1alpha1"); NULL when no kind is in it. */
const char *api_group_version(const char *group);
