/* SPDX-License-Identifier: Apache-2.0 */
/* Content negotiation (RFC 9110 section 12.5.1) as far as Kubernetes' clients use it. Pure. */
#pragma once

#include <stdbool.h>

/* Forms in which something can be answered. A handler offers several as a mask. */
enum api_form {
    API_FORM_NONE = 0,
    API_FORM_JSON = 1 << 0,
    API_FORM_TABLE = 1 << 1,            /* as=Table;g=meta.k8s.io;v=v1 */
    API_FORM_TABLE_BETA = 1 << 2,       /* v=v1beta1 */
    API_FORM_PARTIAL = 1 << 3,          /* as=PartialObjectMetadata[List];g=meta.k8s.io;v=v1 */
    API_FORM_DISCOVERY = 1 << 4,        /* as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2 */
    API_FORM_DISCOVERY_BETA = 1 << 5,   /* v=v2beta1 */
    API_FORM_OPENAPI_PROTOBUF = 1 << 6, /* application/com.github.proto-openapi.spec.v2... */
    API_FORM_TEXT = 1 << 7,             /* text/plain */
};

/*
 * The offered form that the Accept header (NULL: anything) asks for first; weights are not looked
 * at, since these clients list forms in the order they want them. API_FORM_NONE when none fits.
 */
enum api_form api_accept(const char *header, unsigned offered);

/* Whether a Content-Type is this media type; parameters do not count. */
bool api_media_type_is(const char *content_type, const char *media_type);
