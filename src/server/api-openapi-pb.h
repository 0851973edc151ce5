/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI 2.0 document in the protobuf form of gnostic's openapi.v2.Document, which kubectl
 * before 1.24 asks for and newer ones fall back to
 * ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"). Pure.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/*
 * Appends the message to out. Members of the JSON document that the converter's tables do not name
 * are left out. Failures stick in the buffer: see buf_error().
 */
void api_openapi_v2_protobuf(const json_t *document, struct buf *out);
