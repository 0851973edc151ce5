/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-internal.h"

#include "base/str.h"
#include "server/api-table.h"

static const char no_memory[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                                "\"message\":\"out of memory\",\"reason\":\"InternalError\","
                                "\"code\":500}";

void api_send(struct http_request *http, unsigned code, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (text)
        http_reply_take(http, code, "application/json", text, strlen(text));
    else
        http_reply_text(http, 500, "application/json", no_memory);
}

void api_send_discovery(struct http_request *http, const char *version, json_t *value)
{
    /* clients tell an answer in this form from the old one only by its type */
    _autofree_ char *type = str_format("application/json;g=apidiscovery.k8s.io;v=%s;"
                                       "as=APIGroupDiscoveryList",
                                       version);
    _autofree_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (text && type)
        http_reply(http, 200, type, text, strlen(text));
    else
        http_reply_text(http, 500, "application/json", no_memory);
}

void api_send_status(struct http_request *http, json_t *status)
{
    json_int_t code = json_integer_value(json_object_get(status, "code"));
    api_send(http, code ? (unsigned)code : 500, status);
}

void api_fail(struct api_request *request, json_t *status)
{
    api_send_status(request->http, status);
    api_request_free(request);
}

void api_send_object(struct api_request *request, unsigned code, json_t *object)
{
    bool beta = request->form == API_FORM_TABLE_BETA;
    int64_t now = clock_wall(request->api->setup.clock);
    json_t *value;
    if (request->form == API_FORM_TABLE || beta)
        value = api_table_single(request->path.kind, object, &request->options, beta, now);
    else if (request->form == API_FORM_PARTIAL)
        value = api_partial_metadata(object);
    else
        value = json_incref(object);
    api_send(request->http, code, value);
    api_request_free(request);
}

void api_warn(struct http_request *http, const char *text)
{
    _autofree_ char *quoted = NULL;
    json_auto_t *string = json_string(text);
    if (string)
        quoted = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    _autofree_ char *value = quoted ? str_format("299 - %s", quoted) : NULL;
    if (value)
        (void)http_header(http, "Warning", value);
}

/* "spec.macAddresses: 52:... belongs to Machine ..." as a cause at that field. */
static json_t *not_unique(const struct api_path *path, const char *name, const struct err *err)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    char field[128];
    const char *colon = strstr(err->text, ": ");
    size_t n = colon ? (size_t)(colon - err->text) : 0;
    if (n >= sizeof(field))
        n = 0;
    memcpy(field, err->text, n);
    field[n] = '\0';
    problem_add(&problems, PROBLEM_DUPLICATE, field, "%s", n ? colon + 2 : err->text);
    return api_status_invalid(path->kind, name, &problems);
}

json_t *api_store_status(const struct api_path *path, const char *name, int rc,
                         const struct err *err)
{
    switch (rc) {
    case -ENOENT:
        return api_status_not_found(path->kind, name);
    case -EEXIST:
        /* the name is taken, or a field that must be unique, whose path err then starts with */
        return str_after(err->text, "spec.") ? not_unique(path, name, err)
                                             : api_status_exists(path->kind, name);
    case -ESTALE:
        return api_status_conflict(path->kind, name,
                                   "the object has been modified; please apply your changes to "
                                   "the latest version and try again");
    case -EINVAL:
        return api_status(422, "Invalid", "%s", err_text(err));
    case -ENOSPC:
        return api_status(507, "InsufficientStorage", "the server's disk is full: %s",
                          err_text(err));
    default:
        return api_status(500, "InternalError", "%s", err_text(err));
    }
}
