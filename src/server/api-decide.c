/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-decide.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "resource/validate.h"
#include "server/api-managed.h"
#include "server/api-patch.h"
#include "server/api-status.h"

struct deciding {
    const struct api_change *change;
    const json_t *live;
    json_t *warnings;
    json_t *failure;
};

static const struct kind *kind_of(const struct deciding *d)
{
    return d->change->path->kind;
}

static bool for_status(const struct deciding *d)
{
    return *d->change->path->subresource != '\0';
}

/* Notes the failure (steals it); -1, for `return fail(...)`. */
static int fail(struct deciding *d, json_t *status)
{
    json_decref(d->failure);
    d->failure = status;
    return -1;
}

static const char *name_of(const struct deciding *d, const json_t *object)
{
    const char *name = object_name(object);
    return *d->change->path->name ? d->change->path->name : name ? name : "";
}

/* ---- making the candidate ---- */

/* What is applied is about status or about all but status, as the path says. */
static json_t *applied_part(const struct deciding *d)
{
    json_t *part = json_copy((json_t *)(uintptr_t)d->change->body);
    if (!part)
        return NULL;
    (void)json_object_del(part, for_status(d) ? "spec" : "status");
    return part;
}

static int apply(struct deciding *d, json_t **ret)
{
    char now[CLOCK_TEXT_SIZE];
    const struct api_manager manager = {d->change->options->manager, d->change->path->subresource,
                                        kind_api_version(kind_of(d)),
                                        clock_text(d->change->now_ms, now)};
    if (json_object_get(json_object_get(d->change->body, "metadata"), "managedFields"))
        return fail(d, api_status(400, "BadRequest", "metadata.managedFields must be nil"));
    json_auto_t *part = applied_part(d);
    json_t *conflicts = NULL;
    int r = part ? api_managed_apply(d->live, part, &manager, d->change->options->force, ret,
                                     &conflicts)
                 : -ENOMEM;
    if (r == -EEXIST)
        (void)fail(d, api_status_apply_conflict(kind_of(d), d->change->path->name, conflicts));
    json_decref(conflicts);
    return r;
}

static int json_patch(struct deciding *d, json_t **ret)
{
    struct err err = ERR_INIT;
    int r = api_json_patch(d->live, d->change->body, ret, &err);
    if (r == -EBADMSG)
        return fail(d, api_status(422, "Invalid",
                                  "the server rejected our request due to an error in our "
                                  "request: %s",
                                  err_text(&err)));
    if (r == -E2BIG)
        return fail(d, api_status(413, "RequestEntityTooLarge", "%s", err_text(&err)));
    if (r == -EINVAL)
        return fail(d, api_status(400, "BadRequest", "%s", err_text(&err)));
    return r;
}

static int make_candidate(struct deciding *d, json_t **ret)
{
    switch (d->change->type) {
    case API_CHANGE_CREATE:
    case API_CHANGE_REPLACE:
        *ret = json_deep_copy(d->change->body);
        return *ret ? 0 : -ENOMEM;
    case API_CHANGE_MERGE_PATCH:
        return api_merge_patch(d->live, d->change->body, ret);
    case API_CHANGE_JSON_PATCH:
        return json_patch(d, ret);
    case API_CHANGE_APPLY:
        return apply(d, ret);
    }
    return -EINVAL;
}

/* ---- checking what it is ---- */

static int check_type(struct deciding *d, const json_t *candidate)
{
    const struct kind *kind = kind_of(d);
    const char *found_kind = json_string_value(json_object_get(candidate, "kind"));
    const char *found_version = json_string_value(json_object_get(candidate, "apiVersion"));
    if (!json_is_object(candidate))
        return fail(d, api_status(400, "BadRequest", "expected an object"));
    if (str_eq(found_kind, kind->kind) && str_eq(found_version, kind_api_version(kind)))
        return 0;
    return fail(d,
                api_status(400, "BadRequest",
                           "the object provided is unrecognized: expected %s of %s, found %s "
                           "of %s",
                           kind->kind, kind_api_version(kind), found_kind ? found_kind : "no kind",
                           found_version ? found_version : "no apiVersion"));
}

static int check_name(struct deciding *d, const json_t *candidate)
{
    const char *wanted = d->change->path->name, *name = object_name(candidate);
    if (!json_is_object(json_object_get(candidate, "metadata")))
        return fail(d, api_status(400, "BadRequest", "the object has no metadata"));
    if (!*wanted || str_eq(name, wanted))
        return 0;
    return fail(d, api_status(400, "BadRequest",
                              "the name of the object (%s) does not match the name on the URL (%s)",
                              name ? name : "none", wanted));
}

static bool same_text(const json_t *a, const json_t *b, const char *member)
{
    const char *wanted = object_meta_text(a, member);
    return str_empty(wanted) || str_eq(wanted, object_meta_text(b, member));
}

/* resourceVersion and uid in what was sent are conditions. */
static int check_conditions(struct deciding *d, const json_t *candidate)
{
    if (!d->live)
        return 0;
    if (!same_text(candidate, d->live, "uid"))
        return fail(d, api_status_conflict(kind_of(d), name_of(d, candidate),
                                           "the uid is not that of the object"));
    if (!same_text(candidate, d->live, "resourceVersion"))
        return fail(d, api_status_conflict(kind_of(d), name_of(d, candidate),
                                           "the object has been modified; please apply your "
                                           "changes to the latest version and try again"));
    return 0;
}

/* ---- the part that may change ---- */

static int keep_member(json_t *object, const char *member, const json_t *from)
{
    json_t *value = json_object_get(from, member);
    if (!value)
        (void)json_object_del(object, member);
    else if (json_object_set(object, member, value) < 0)
        return -ENOMEM;
    return 0;
}

/* Through /status only the status changes, through the object itself all but the status. */
static int keep_other_part(const struct deciding *d, json_t **candidate)
{
    if (!for_status(d))
        return kind_of(d)->has_status ? keep_member(*candidate, "status", d->live) : 0;
    json_auto_t *result = json_deep_copy(d->live);
    json_t *metadata = json_object_get(result, "metadata");
    if (!result || keep_member(result, "status", *candidate) < 0 ||
        keep_member(metadata, "managedFields", json_object_get(*candidate, "metadata")) < 0)
        return -ENOMEM;
    json_decref(*candidate);
    *candidate = json_incref(result);
    return 0;
}

/* ---- validation ---- */

/* metadata that the server keeps for clients without having fields for it */
static const char *const opaque[] = {"managedFields", "ownerReferences"};

static int take_opaque(json_t *candidate, json_t *aside)
{
    json_t *metadata = json_object_get(candidate, "metadata");
    for (size_t i = 0; i < ARRAY_SIZE(opaque); i++) {
        json_t *value = json_object_get(metadata, opaque[i]);
        if (value && json_object_set(aside, opaque[i], value) < 0)
            return -ENOMEM;
        (void)json_object_del(metadata, opaque[i]);
    }
    return 0;
}

/* `strict decoding error: unknown field "spec.x"`, as Kubernetes says it. */
static int refuse_unknown(struct deciding *d, const struct problems *unknown)
{
    _autobuf_ struct buf text = BUF_INIT;
    const struct kind *kind = kind_of(d);
    buf_printf(&text, "%s in version \"%s\" cannot be handled as a %s: strict decoding error: ",
               kind->kind, kind->version, kind->kind);
    for (size_t i = 0; i < unknown->n; i++)
        buf_printf(&text, "%sunknown field \"%s\"", i ? ", " : "", unknown->items[i].path);
    return fail(d, api_status(400, "BadRequest", "%s", buf_str(&text)));
}

static void warn_unknown(struct deciding *d, const struct problems *unknown)
{
    for (size_t i = 0; d->warnings && i < unknown->n; i++)
        (void)json_array_append_new(d->warnings,
                                    json_sprintf("unknown field \"%s\"", unknown->items[i].path));
}

static bool has_problem(const struct problems *problems, const struct problem *wanted)
{
    for (size_t i = 0; i < problems->n; i++)
        if (str_eq(problems->items[i].path, wanted->path) &&
            problems->items[i].reason == wanted->reason)
            return true;
    return false;
}

/* The unknown fields: what is only a problem when they are not allowed. */
static void find_unknown(const struct kind *kind, const json_t *candidate,
                         const struct problems *known, struct problems *unknown)
{
    _autoproblems_ struct problems all = PROBLEMS_INIT;
    object_validate(kind, candidate, NULL, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct problem *p = &all.items[i];
        if (p->reason == PROBLEM_UNKNOWN && !has_problem(known, p))
            problem_add(unknown, p->reason, p->path, "%s", p->text);
    }
    unknown->failed = unknown->failed || all.failed;
}

/* Everything that is wrong, unknown fields too, as one list. */
static int refuse_all(struct deciding *d, const json_t *candidate)
{
    const struct validate_options options = {.need_name = true};
    _autoproblems_ struct problems all = PROBLEMS_INIT;
    object_validate(kind_of(d), candidate, &options, &all);
    return fail(d, all.failed ? NULL : api_status_invalid(kind_of(d), name_of(d, candidate), &all));
}

static int check_unknown(struct deciding *d, const json_t *candidate, const struct problems *known)
{
    enum api_field_validation how = d->change->options->field_validation;
    _autoproblems_ struct problems unknown = PROBLEMS_INIT;
    if (how == API_FIELDS_IGNORE)
        return 0;
    find_unknown(kind_of(d), candidate, known, &unknown);
    if (unknown.failed)
        return -ENOMEM;
    if (how == API_FIELDS_WARN)
        warn_unknown(d, &unknown);
    if (how == API_FIELDS_WARN || unknown.n == 0)
        return 0;
    return problems_any(known) ? refuse_all(d, candidate) : refuse_unknown(d, &unknown);
}

/* The part that the change is about: what is wrong with the rest is nothing that it could mend. */
static int validate_part(struct deciding *d, json_t *candidate, struct problems *problems)
{
    const struct validate_options options = {.allow_unknown = true, .need_name = true};
    json_auto_t *status = for_status(d) ? NULL : json_incref(json_object_get(candidate, "status"));
    if (status)
        (void)json_object_del(candidate, "status");
    object_validate(kind_of(d), candidate, &options, problems);
    if (check_unknown(d, candidate, problems) < 0)
        return -1;
    if (!problems_any(problems) && object_normalize(kind_of(d), candidate) < 0)
        return -ENOMEM;
    return status && json_object_set(candidate, "status", status) < 0 ? -ENOMEM : 0;
}

/* generateName is enough of a name while an object is created. */
static int validate(struct deciding *d, json_t *candidate)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    json_auto_t *aside = json_object();
    if (!aside || take_opaque(candidate, aside) < 0)
        return -ENOMEM;
    int r = validate_part(d, candidate, &problems);
    if (r < 0)
        return r;
    if (!problems_any(&problems) && d->live)
        object_validate_update(kind_of(d), d->live, candidate, &problems);
    if (!problems_any(&problems) && d->change->admit && !for_status(d))
        d->change->admit(d->change->admit_data, kind_of(d), d->live, candidate, &problems);
    if (problems_any(&problems))
        return fail(d, problems.failed
                           ? NULL
                           : api_status_invalid(kind_of(d), name_of(d, candidate), &problems));
    return json_object_update(json_object_get(candidate, "metadata"), aside) < 0 ? -ENOMEM : 0;
}

/* ---- all of it ---- */

static int record_manager(const struct deciding *d, json_t *candidate)
{
    char now[CLOCK_TEXT_SIZE];
    const struct api_manager manager = {d->change->options->manager, d->change->path->subresource,
                                        kind_api_version(kind_of(d)),
                                        clock_text(d->change->now_ms, now)};
    if (d->change->type == API_CHANGE_APPLY)
        return 0;
    return api_managed_update(d->live, candidate, &manager);
}

static int decide(struct deciding *d, json_t **candidate)
{
    if (make_candidate(d, candidate) < 0 || check_type(d, *candidate) < 0 ||
        check_name(d, *candidate) < 0 || check_conditions(d, *candidate) < 0 ||
        keep_other_part(d, candidate) < 0 || validate(d, *candidate) < 0)
        return -1;
    return record_manager(d, *candidate);
}

json_t *api_decide(const struct api_change *change, const json_t *live, json_t *warnings,
                   json_t **ret_failure)
{
    struct deciding d = {.change = change, .live = live, .warnings = warnings};
    json_t *candidate = NULL;
    int r = decide(&d, &candidate);
    *ret_failure = d.failure;
    if (r == 0)
        return candidate;
    json_decref(candidate);
    return NULL;
}
