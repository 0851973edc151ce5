/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI documents, from the field tables: kubectl explain reads the schemas, and kubectl
 * apply, diff and edit look up in the paths which query parameters a PATCH takes. Pure; each
 * returns a new reference, or NULL when out of memory.
 */
#pragma once

#include <jansson.h>

/* OpenAPI 2.0 of all groups. */
json_t *api_openapi_v2(const char *program_version);
/* OpenAPI 3.0 of one group, "" being the core group. */
json_t *api_openapi_v3(const char *group, const char *program_version);
/* /openapi/v3: where the documents of the groups are. */
json_t *api_openapi_v3_index(void);
