/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-status.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/str.h"

/* Steals details (may be NULL: none). */
static json_t *make_status(unsigned code, const char *reason, const char *message, json_t *details)
{
    json_t *status =
        json_pack("{ss,ss,s{},ss,ss,ss,si}", "kind", "Status", "apiVersion", "v1", "metadata",
                  "status", "Failure", "message", message, "reason", reason, "code", (int)code);
    if (!details)
        return status;
    if (json_object_set_new(status, "details", details) < 0) {
        json_decref(status);
        return NULL;
    }
    return status;
}

json_t *api_status(unsigned code, const char *reason, const char *format, ...)
{
    _autobuf_ struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    return make_status(code, reason, buf_str(&text), NULL);
}

/* "machines.slipway.dev", or "events" in the core group. */
static void put_resource(struct buf *out, const struct kind *kind)
{
    buf_printf(out, "%s%s%s", kind->plural, *kind->group ? "." : "", kind->group);
}

static json_t *details_of(const struct kind *kind, const char *kind_name, const char *name)
{
    json_t *details = json_pack("{ss,ss}", "name", name ? name : "", "kind", kind_name);
    if (*kind->group)
        (void)json_object_set_new(details, "group", json_string(kind->group));
    return details;
}

json_t *api_status_not_found(const struct kind *kind, const char *name)
{
    _autobuf_ struct buf text = BUF_INIT;
    put_resource(&text, kind);
    buf_printf(&text, " \"%s\" not found", name);
    return make_status(404, "NotFound", buf_str(&text), details_of(kind, kind->plural, name));
}

json_t *api_status_exists(const struct kind *kind, const char *name)
{
    _autobuf_ struct buf text = BUF_INIT;
    put_resource(&text, kind);
    buf_printf(&text, " \"%s\" already exists", name);
    return make_status(409, "AlreadyExists", buf_str(&text), details_of(kind, kind->plural, name));
}

json_t *api_status_conflict(const struct kind *kind, const char *name, const char *why)
{
    _autobuf_ struct buf text = BUF_INIT;
    buf_adds(&text, "Operation cannot be fulfilled on ");
    put_resource(&text, kind);
    buf_printf(&text, " \"%s\": %s", name, why);
    return make_status(409, "Conflict", buf_str(&text), details_of(kind, kind->plural, name));
}

json_t *api_status_stopping(void)
{
    return api_status(503, "ServiceUnavailable", "the server is stopping");
}

json_t *api_status_not_acceptable(void)
{
    return api_status(406, "NotAcceptable",
                      "only the following media types are accepted: application/json");
}

json_t *api_status_unsupported_media_type(const char *what)
{
    return api_status(415, "UnsupportedMediaType", "%s", what);
}

json_t *api_status_method_not_allowed(const char *method)
{
    return api_status(405, "MethodNotAllowed",
                      "the server does not allow the method %s on the requested resource", method);
}

json_t *api_status_expired(const char *message)
{
    return make_status(410, "Expired", message, NULL);
}

static json_t *cause(const char *reason, const char *message, const char *field)
{
    return json_pack("{ss,ss,ss}", "reason", reason, "message", message, "field", field);
}

/* "spec.uuid: not a UUID: ..." for each, in brackets when there are several, as Kubernetes does. */
static void put_problems(struct buf *out, const struct problems *problems)
{
    bool several = problems->n > 1;
    if (several)
        buf_addc(out, '[');
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        buf_printf(out, "%s%s%s%s", i ? ", " : "", str_empty(p->path) ? "" : p->path,
                   str_empty(p->path) ? "" : ": ", p->text);
    }
    if (several)
        buf_addc(out, ']');
    if (problems->dropped)
        buf_printf(out, " and %zu more", problems->dropped);
}

json_t *api_status_invalid(const struct kind *kind, const char *name,
                           const struct problems *problems)
{
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "%s%s%s \"%s\" is invalid: ", kind->kind, *kind->group ? "." : "",
               kind->group, name ? name : "");
    put_problems(&text, problems);
    json_t *causes = json_array();
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        (void)json_array_append_new(
            causes, cause(problem_reason_text(p->reason), p->text, p->path ? p->path : ""));
    }
    json_t *details = details_of(kind, kind->kind, name);
    (void)json_object_set_new(details, "causes", causes);
    return make_status(422, "Invalid", buf_str(&text), details);
}

static json_t *conflict_cause(const struct kind *kind, const char *manager, const char *field)
{
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "conflict with \"%s\" using %s", manager, kind_api_version(kind));
    return cause("FieldManagerConflict", buf_str(&text), field);
}

json_t *api_status_apply_conflict(const struct kind *kind, const char *name,
                                  const json_t *conflicts)
{
    size_t count = json_array_size(conflicts), i;
    _autobuf_ struct buf text = BUF_INIT;
    buf_printf(&text, "Apply failed with %zu conflict%s:", count, count == 1 ? "" : "s");
    json_t *causes = json_array();
    const json_t *conflict;
    json_array_foreach (conflicts, i, conflict) {
        const char *manager = json_string_value(json_object_get(conflict, "manager"));
        const char *field = json_string_value(json_object_get(conflict, "field"));
        buf_printf(&text, "%s conflict with \"%s\" using %s: %s", i ? "," : "",
                   manager ? manager : "", kind_api_version(kind), field ? field : "");
        (void)json_array_append_new(
            causes, conflict_cause(kind, manager ? manager : "", field ? field : ""));
    }
    json_t *details = details_of(kind, kind->plural, name);
    (void)json_object_set_new(details, "causes", causes);
    return make_status(409, "Conflict", buf_str(&text), details);
}

json_t *api_status_deleted(const struct kind *kind, const char *name, const char *uid)
{
    json_t *details = details_of(kind, kind->plural, name);
    (void)json_object_set_new(details, "uid", json_string(uid ? uid : ""));
    return json_pack("{ss,ss,s{},ss,so,si}", "kind", "Status", "apiVersion", "v1", "metadata",
                     "status", "Success", "details", details, "code", 200);
}
