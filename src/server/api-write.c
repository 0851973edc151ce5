/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create, update, patch and apply. What the object becomes is decided by api_decide() against the
 * state at the moment when the store works on it; the answer is sent when it is durable.
 */
#include "base/str.h"
#include "server/api-body.h"
#include "server/api-decide.h"
#include "server/api-internal.h"

/* An apply that found nothing, while another client created it, starts over this often. */
#define TRIES_MAX 3

struct write {
    struct api_request *request;
    struct api_change change;
    json_t *body;
    json_t *warnings;
    json_t *failure; /* what api_decide() said */
    int tries;
};

static void write_free(struct write *w)
{
    json_decref(w->body);
    json_decref(w->warnings);
    json_decref(w->failure);
    free(w);
}

static void write_fail(struct write *w, json_t *status)
{
    api_fail(w->request, status);
    write_free(w);
}

static void write_succeed(struct write *w, unsigned code, json_t *object)
{
    size_t i;
    const json_t *warning;
    json_array_foreach (w->warnings, i, warning)
        api_warn(w->request->http, json_string_value(warning));
    api_send_object(w->request, code, object);
    write_free(w);
}

/* What decides beside the object itself is gone when the API closes. */
static json_t *decide(struct write *w, const json_t *live)
{
    bool closing = w->request->api->closing;
    json_decref(w->failure);
    w->failure = closing ? api_status_stopping() : NULL;
    (void)json_array_clear(w->warnings);
    return closing ? NULL : api_decide(&w->change, live, w->warnings, &w->failure);
}

static enum store_part part_of(const struct write *w)
{
    return *w->request->path.subresource ? STORE_STATUS : STORE_SPEC;
}

static struct store *store_of(const struct write *w)
{
    return w->request->api->setup.store;
}

static const char *name_of(const struct write *w)
{
    const char *name = object_name(w->body);
    return *w->request->path.name ? w->request->path.name : name ? name : "";
}

/* ---- creating ---- */

static void change_stored(struct write *w);

static void on_created(void *data, int rc, json_t *object, const struct err *err)
{
    struct write *w = data;
    bool raced = rc == -EEXIST && w->change.type == API_CHANGE_APPLY && ++w->tries < TRIES_MAX;
    if (rc == 0)
        write_succeed(w, 201, object);
    else if (raced && !str_after(err_text(err), "spec."))
        change_stored(w);
    else
        write_fail(w, api_store_status(&w->request->path, name_of(w), rc, err));
}

static void create_stored(struct write *w)
{
    json_t *object = decide(w, NULL);
    if (!object) {
        write_fail(w, TAKE_PTR(w->failure));
    } else if (w->request->options.dry_run) {
        write_succeed(w, 201, object);
        json_decref(object);
    } else if (store_create(store_of(w), w->request->path.kind, STORE_SPEC, object, on_created, w) <
               0) {
        write_fail(w, NULL);
    }
}

/* ---- changing ---- */

static int mutate(void *data, json_t *object, struct err *err)
{
    struct write *w = data;
    json_auto_t *result = decide(w, object);
    if (!result)
        return err_set(err, w->failure ? -ECANCELED : -ENOMEM, "the change was refused");
    (void)json_object_clear(object);
    return json_object_update(object, result) < 0 ? -ENOMEM : 0;
}

static bool creates_when_absent(const struct write *w)
{
    return w->change.type == API_CHANGE_APPLY && !*w->request->path.subresource;
}

static void on_changed(void *data, int rc, json_t *object, const struct err *err)
{
    struct write *w = data;
    if (rc == 0)
        write_succeed(w, 200, object);
    else if (w->failure)
        write_fail(w, TAKE_PTR(w->failure));
    else if (rc == -ENOENT && creates_when_absent(w))
        create_stored(w);
    else
        write_fail(w, api_store_status(&w->request->path, name_of(w), rc, err));
}

static void dry_run(struct write *w)
{
    json_auto_t *live = store_get(store_of(w), w->request->path.kind, w->request->path.name);
    if (!live && creates_when_absent(w)) {
        create_stored(w);
        return;
    }
    if (!live) {
        write_fail(w, api_status_not_found(w->request->path.kind, w->request->path.name));
        return;
    }
    json_auto_t *object = decide(w, live);
    if (object)
        write_succeed(w, 200, object);
    else
        write_fail(w, TAKE_PTR(w->failure));
}

static void change_stored(struct write *w)
{
    if (w->request->options.dry_run)
        dry_run(w);
    else if (store_mutate(store_of(w), w->request->path.kind, part_of(w), w->request->path.name,
                          mutate, on_changed, w) < 0)
        write_fail(w, NULL);
}

/* ---- requests ---- */

/* Takes the body over; NULL when out of memory. */
static struct write *write_new(struct api_request *request, enum api_change_type type, json_t *body)
{
    struct write *w = calloc(1, sizeof(*w));
    if (w)
        w->warnings = json_array();
    if (!w || !w->warnings) {
        free(w);
        json_decref(body);
        return NULL;
    }
    w->request = request;
    w->body = body;
    w->change = (struct api_change){.type = type,
                                    .path = &request->path,
                                    .options = &request->options,
                                    .body = body,
                                    .now_ms = clock_wall(request->api->setup.clock),
                                    .admit = request->api->setup.admit,
                                    .admit_data = request->api->setup.data};
    return w;
}

/* Reads the body and goes on with what does the work. */
static void start_write(struct api_request *request, enum api_change_type type,
                        enum api_body_form form, void (*go)(struct write *w))
{
    json_t *failure = NULL;
    json_t *body = api_body_read(request->http, form, &failure);
    if (!body) {
        api_fail(request, failure);
        return;
    }
    struct write *w = write_new(request, type, body);
    if (w)
        go(w);
    else
        api_fail(request, NULL);
}

/* A type that is neither JSON nor YAML; NULL when the Content-Type is fine. */
static json_t *check_object_type(const struct api_request *request, enum api_body_form *ret)
{
    const char *type = http_request_header(request->http, "Content-Type");
    *ret = API_BODY_JSON;
    if (str_empty(type) || api_media_type_is(type, "application/json"))
        return NULL;
    *ret = API_BODY_YAML;
    if (api_media_type_is(type, "application/yaml"))
        return NULL;
    return api_status_unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml");
}

static void write_whole(struct api_request *request, enum api_change_type type,
                        void (*go)(struct write *w))
{
    enum api_body_form form;
    json_t *failure = check_object_type(request, &form);
    if (failure)
        api_fail(request, failure);
    else
        start_write(request, type, form, go);
}

void api_create(struct api_request *request)
{
    write_whole(request, API_CHANGE_CREATE, create_stored);
}

void api_update(struct api_request *request)
{
    write_whole(request, API_CHANGE_REPLACE, change_stored);
}

static json_t *check_apply(const struct api_request *request)
{
    if (http_request_arg(request->http, "fieldManager"))
        return NULL;
    return api_status(400, "BadRequest",
                      "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: "
                      "Required value: is required for apply patch");
}

void api_patch(struct api_request *request)
{
    const char *type = http_request_header(request->http, "Content-Type");
    json_t *failure = NULL;
    if (api_media_type_is(type, "application/merge-patch+json"))
        start_write(request, API_CHANGE_MERGE_PATCH, API_BODY_JSON, change_stored);
    else if (api_media_type_is(type, "application/json-patch+json"))
        start_write(request, API_CHANGE_JSON_PATCH, API_BODY_JSON, change_stored);
    else if (!api_media_type_is(type, "application/apply-patch+yaml"))
        api_fail(request, api_status_unsupported_media_type(
                              "the body of the request was in an unknown format - accepted media "
                              "types include: application/json-patch+json, "
                              "application/merge-patch+json, application/apply-patch+yaml"));
    else if ((failure = check_apply(request)))
        api_fail(request, failure);
    else
        start_write(request, API_CHANGE_APPLY, API_BODY_YAML, change_stored);
}
