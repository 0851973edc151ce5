/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-path.h"

#include <ctype.h>

#include "base/str.h"
#include "server/api-discovery.h"

/* Copies the next segment of *path; false when none is left or it is too long. */
static bool next_segment(const char **path, char *segment, size_t size)
{
    const char *p = *path;
    while (*p == '/')
        p++;
    size_t n = strcspn(p, "/");
    if (n == 0 || n >= size)
        return false;
    memcpy(segment, p, n);
    segment[n] = '\0';
    *path = p + n;
    return true;
}

static bool at_end(const char *path)
{
    return path[strspn(path, "/")] == '\0';
}

static const struct api_path nothing = {.type = API_PATH_NONE};

/* "[namespaces/NS/]PLURAL[/NAME[/SUBRESOURCE]]" */
static struct api_path parse_resource(struct api_path result, const char *rest)
{
    char plural[API_SEGMENT_SIZE];
    if (!next_segment(&rest, plural, sizeof(plural)))
        return nothing;
    if (str_eq(plural, "namespaces") &&
        (!next_segment(&rest, result.namespace, sizeof(result.namespace)) ||
         !next_segment(&rest, plural, sizeof(plural))))
        return nothing;
    result.type = API_PATH_RESOURCE;
    result.kind = kind_find_plural(result.group, plural);
    if (!result.kind || (*result.namespace && !result.kind->namespaced))
        return nothing;
    if (at_end(rest))
        return result;
    if (!next_segment(&rest, result.name, sizeof(result.name)))
        return nothing;
    if (result.kind->namespaced && !*result.namespace)
        return nothing;
    if (at_end(rest))
        return result;
    bool known = next_segment(&rest, result.subresource, sizeof(result.subresource)) &&
                 str_eq(result.subresource, "status") && result.kind->has_status;
    return known && at_end(rest) ? result : nothing;
}

/* Behind /api and /apis/GROUP: "[VERSION[/...]]" */
static struct api_path parse_version(struct api_path result, const char *rest)
{
    char version[API_SEGMENT_SIZE];
    if (at_end(rest))
        return result;
    const char *known = api_group_version(result.group);
    if (!next_segment(&rest, version, sizeof(version)) || !str_eq(version, known))
        return nothing;
    result.type = API_PATH_VERSION;
    return at_end(rest) ? result : parse_resource(result, rest);
}

struct api_path api_path_parse(const char *path)
{
    char first[API_SEGMENT_SIZE];
    struct api_path result = {.type = API_PATH_CORE};
    if (!next_segment(&path, first, sizeof(first)))
        return nothing;
    if (str_eq(first, "api"))
        return parse_version(result, path);
    if (!str_eq(first, "apis"))
        return nothing;
    result.type = API_PATH_GROUPS;
    if (at_end(path))
        return result;
    result.type = API_PATH_GROUP;
    if (!next_segment(&path, result.group, sizeof(result.group)) ||
        !api_group_version(result.group))
        return nothing;
    return parse_version(result, path);
}

/* ---- query ---- */

struct query {
    const char *(*get)(const void *data, const char *name);
    const void *data;
    struct err *err;
};

static int bad_parameter(const struct query *q, const char *name, const char *expected,
                         const char *found)
{
    return err_set(q->err, -EINVAL, "%s: expected %s, found \"%.80s\"", name, expected, found);
}

static int read_bool(const struct query *q, const char *name, bool *ret)
{
    const char *text = q->get(q->data, name);
    if (!text)
        return 0;
    *ret = str_eq(text, "true") || str_eq(text, "1") || str_eq(text, "");
    if (*ret || str_eq(text, "false") || str_eq(text, "0"))
        return 0;
    return bad_parameter(q, name, "true or false", text);
}

static int read_number(const struct query *q, const char *name, uint64_t max, uint64_t *ret)
{
    const char *text = q->get(q->data, name);
    if (str_empty(text) || str_parse_u64(text, 0, max, ret) == 0)
        return 0;
    return bad_parameter(q, name, "a number", text);
}

static int read_version(const struct query *q, struct api_options *o)
{
    const char *match = q->get(q->data, "resourceVersionMatch");
    const char *text = q->get(q->data, "resourceVersion");
    o->has_resource_version = !str_empty(text);
    o->exact_version = str_eq(match, "Exact");
    if (!str_empty(match) && !o->exact_version && !str_eq(match, "NotOlderThan"))
        return bad_parameter(q, "resourceVersionMatch", "Exact or NotOlderThan", match);
    return read_number(q, "resourceVersion", UINT64_MAX, &o->resource_version);
}

static int read_selectors(const struct query *q, struct api_options *o)
{
    const char *labels = q->get(q->data, "labelSelector");
    const char *fields = q->get(q->data, "fieldSelector");
    int r = str_empty(labels) ? 0 : api_label_selector_parse(labels, &o->labels, q->err);
    if (r < 0) {
        (void)err_wrap(q->err, "labelSelector");
        return r;
    }
    r = str_empty(fields) ? 0 : api_field_selector_parse(fields, &o->fields, q->err);
    if (r < 0)
        (void)err_wrap(q->err, "fieldSelector");
    return r;
}

char *api_continue_token(uint64_t version, const char *after)
{
    _autofree_ char *text = str_format("%llu/%s", (unsigned long long)version, after);
    return text ? str_base64(text, strlen(text)) : NULL;
}

static int read_continue(const struct query *q, struct api_options *o)
{
    const char *token = q->get(q->data, "continue");
    if (str_empty(token))
        return 0;
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    char text[API_NAME_SIZE + 24];
    if (str_unbase64(token, sizeof(text) - 1, &data, &len) < 0)
        return bad_parameter(q, "continue", "a token from an earlier list", token);
    memcpy(text, data, len);
    text[len] = '\0';
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    if (!slash || str_parse_u64(text, 1, UINT64_MAX, &o->continued_version) < 0 ||
        str_copy(o->after, sizeof(o->after), slash + 1) < 0)
        return bad_parameter(q, "continue", "a token from an earlier list", token);
    return 0;
}

static int read_list_options(const struct query *q, struct api_options *o)
{
    uint64_t limit = 0, timeout = 0;
    int r = read_selectors(q, o);
    if (r == 0)
        r = read_version(q, o);
    if (r == 0)
        r = read_number(q, "limit", API_LIMIT_MAX, &limit);
    if (r == 0)
        r = read_continue(q, o);
    if (r == 0)
        r = read_bool(q, "watch", &o->watch);
    if (r == 0)
        r = read_bool(q, "allowWatchBookmarks", &o->bookmarks);
    if (r == 0)
        r = read_bool(q, "sendInitialEvents", &o->send_initial_events);
    if (r == 0)
        r = read_number(q, "timeoutSeconds", 86400, &timeout);
    o->limit = (size_t)limit;
    o->timeout_seconds = (unsigned)timeout;
    return r;
}

static int read_manager(const struct query *q, struct api_options *o)
{
    const char *text = q->get(q->data, "fieldManager");
    if (str_empty(text))
        return 0;
    for (const char *p = text; *p; p++)
        if (!isprint((unsigned char)*p))
            return err_set(q->err, -EINVAL, "fieldManager: only printable characters are allowed");
    if (str_copy(o->manager, sizeof(o->manager), text) < 0)
        return err_set(q->err, -EINVAL, "fieldManager: longer than %d characters",
                       API_MANAGER_SIZE - 1);
    return 0;
}

static int read_write_options(const struct query *q, struct api_options *o)
{
    const char *dry_run = q->get(q->data, "dryRun");
    const char *validation = q->get(q->data, "fieldValidation");
    o->dry_run = str_eq(dry_run, "All");
    if (!str_empty(dry_run) && !o->dry_run)
        return bad_parameter(q, "dryRun", "All", dry_run);
    if (str_eq(validation, "Strict"))
        o->field_validation = API_FIELDS_STRICT;
    else if (str_eq(validation, "Ignore"))
        o->field_validation = API_FIELDS_IGNORE;
    else if (!str_empty(validation) && !str_eq(validation, "Warn"))
        return bad_parameter(q, "fieldValidation", "Strict, Warn or Ignore", validation);
    int r = read_manager(q, o);
    return r < 0 ? r : read_bool(q, "force", &o->force);
}

static int read_include(const struct query *q, struct api_options *o)
{
    const char *text = q->get(q->data, "includeObject");
    if (str_eq(text, "None"))
        o->include_object = API_INCLUDE_NONE;
    else if (str_eq(text, "Object"))
        o->include_object = API_INCLUDE_OBJECT;
    else if (!str_empty(text) && !str_eq(text, "Metadata"))
        return bad_parameter(q, "includeObject", "None, Metadata or Object", text);
    return 0;
}

int api_options_parse(const char *(*get)(const void *data, const char *name), const void *data,
                      struct api_options *ret, struct err *err)
{
    const struct query q = {get, data, err};
    *ret = (struct api_options){0};
    int r = read_list_options(&q, ret);
    if (r == 0)
        r = read_write_options(&q, ret);
    return r < 0 ? r : read_include(&q, ret);
}

void api_options_clear(struct api_options *options)
{
    api_selector_free(options->labels);
    api_selector_free(options->fields);
    options->labels = options->fields = NULL;
}

void api_manager_of_agent(const char *user_agent, char ret[static API_MANAGER_SIZE])
{
    size_t n = 0;
    for (const char *p = user_agent; p && n < API_MANAGER_SIZE - 1; p++) {
        if (*p == '/' || !isprint((unsigned char)*p)) /* or its end */
            break;
        ret[n++] = *p;
    }
    ret[n] = '\0';
    if (n == 0)
        memcpy(ret, "unknown", sizeof("unknown"));
}
