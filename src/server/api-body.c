/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-body.h"

#include "base/buf.h"
#include "base/str.h"
#include "http/server.h"
#include "resource/read.h"
#include "server/api-patch.h"
#include "server/api-status.h"

static json_t *read_json(const char *text, size_t len, json_t **ret_failure)
{
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        *ret_failure = api_status(400, "BadRequest", "the request's JSON: line %d: %s", error.line,
                                  error.text);
    return value;
}

static json_t *one_document(const char *text, size_t len, struct documents *documents,
                            json_t **ret_failure)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    int r = yaml_parse(NULL, text, len, documents, &problems);
    if (r == 0 && documents->n == 1)
        return json_incref(documents->items[0].json);
    _autobuf_ struct buf said = BUF_INIT;
    problems_write(&problems, &said);
    if (r == 0)
        buf_printf(&said, "expected one document, found %zu", documents->n);
    *ret_failure = api_status(400, "BadRequest", "the request's YAML: %s", buf_str(&said));
    return NULL;
}

static json_t *read_yaml(const char *text, size_t len, json_t **ret_failure)
{
    struct documents documents = {0};
    json_t *value = one_document(text, len, &documents, ret_failure);
    documents_free(&documents);
    return value;
}

json_t *api_body_read(const struct http_request *http, enum api_body_form form,
                      json_t **ret_failure)
{
    size_t len = 0;
    const char *text = http_request_body(http, &len);
    size_t blank = strspn(text, " \t\r\n");
    bool looks_like_json = text[blank] == '{' || text[blank] == '[';
    json_auto_t *value = form == API_BODY_JSON || looks_like_json
                             ? read_json(text, len, ret_failure)
                             : read_yaml(text, len, ret_failure);
    if (!value || api_json_bounded(value, API_JSON_DEPTH_MAX, API_JSON_VALUES_MAX))
        return json_incref(value);
    *ret_failure = api_status(400, "BadRequest", "the request's body is too deep or too large");
    return NULL;
}
