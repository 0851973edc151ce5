/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as a JSON value within bounds. */
#pragma once

#include <jansson.h>

struct http_request;

enum api_body_form { API_BODY_JSON, API_BODY_YAML };

/*
 * Reads the body as JSON or as one YAML document (of which JSON is a part). A new reference, or
 * NULL with a Status in *ret_failure: 400 when it is empty, malformed, has a key twice, nests too
 * deeply or has too many values.
 */
json_t *api_body_read(const struct http_request *http, enum api_body_form form,
                      json_t **ret_failure);
