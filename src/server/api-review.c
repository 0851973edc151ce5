/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "server/api-body.h"
#include "server/api-discovery.h"
#include "server/api-internal.h"

static bool verb_reads(const char *verb)
{
    return str_eq(verb, "get") || str_eq(verb, "list") || str_eq(verb, "watch");
}

/* Whether somebody of that role may do what the attributes say. */
static bool is_allowed(enum api_role role, const json_t *attributes)
{
    const char *verb = json_string_value(json_object_get(attributes, "verb"));
    const char *group = json_string_value(json_object_get(attributes, "group"));
    const char *plural = json_string_value(json_object_get(attributes, "resource"));
    const struct kind *kind = kind_find_plural(group ? group : "", plural ? plural : "");
    if (str_eq(plural, "*") || str_eq(verb, "*"))
        return role == API_ROLE_ADMIN;
    if (!kind)
        return false;
    return verb_reads(verb) || (role == API_ROLE_ADMIN && api_kind_writable(kind));
}

void api_serve_access_review(struct http_request *http, enum api_role role)
{
    json_t *failure = NULL;
    if (!api_media_type_is(http_request_header(http, "Content-Type"), "application/json")) {
        api_send_status(http, api_status_unsupported_media_type(
                                  "access reviews are only taken as application/json"));
        return;
    }
    json_auto_t *review = api_body_read(http, API_BODY_JSON, &failure);
    if (!review) {
        api_send_status(http, failure);
        return;
    }
    const json_t *spec = json_object_get(review, "spec");
    bool allowed = is_allowed(role, json_object_get(spec, "resourceAttributes"));
    (void)json_object_set_new(review, "status", json_pack("{sb}", "allowed", allowed));
    api_send(http, 201, json_incref(review));
}
