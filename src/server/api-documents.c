/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the OpenAPI documents, each made at the first request for it. */
#include "base/str.h"
#include "server/api-internal.h"
#include "server/api-openapi-pb.h"
#include "server/api-openapi.h"

static void send_protobuf(struct http_request *http, const json_t *document)
{
    _autobuf_ struct buf message = BUF_INIT;
    api_openapi_v2_protobuf(document, &message);
    if (buf_error(&message) < 0)
        api_send(http, 500, NULL);
    else
        /* with the '@' that old clients ask for, their own parser refuses the type */
        http_reply(http, 200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
                   buf_str(&message), message.len);
}

void api_serve_openapi_v2(struct api *api, struct http_request *http)
{
    if (!api->openapi_v2)
        api->openapi_v2 = api_openapi_v2(api->setup.version);
    enum api_form form =
        api_accept(http_request_header(http, "Accept"), API_FORM_JSON | API_FORM_OPENAPI_PROTOBUF);
    if (form == API_FORM_OPENAPI_PROTOBUF)
        send_protobuf(http, api->openapi_v2);
    else if (form == API_FORM_JSON)
        api_send(http, 200, json_incref(api->openapi_v2));
    else
        api_send_status(http, api_status_not_acceptable());
}

void api_serve_openapi_v3(struct api *api, struct http_request *http, const char *path)
{
    bool ours = str_eq(path, "/apis/" GROUP_NAME "/" GROUP_VERSION);
    if (api_accept(http_request_header(http, "Accept"), API_FORM_JSON) == API_FORM_NONE) {
        api_send_status(http, api_status_not_acceptable());
    } else if (!*path) {
        api_send(http, 200, api_openapi_v3_index());
    } else if (ours || str_eq(path, "/api/v1")) {
        json_t **document = &api->openapi_v3[ours];
        if (!*document)
            *document = api_openapi_v3(ours ? GROUP_NAME : "", api->setup.version);
        api_send(http, 200, json_incref(*document));
    } else {
        api_send_status(http, api_status(404, "NotFound", "no such OpenAPI document"));
    }
}
