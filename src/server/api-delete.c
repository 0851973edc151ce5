/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "server/api-body.h"
#include "server/api-internal.h"

/* A DeleteOptions body may ask for a dry run and give conditions; propagation has no meaning here.
 */
struct conditions {
    json_t *body; /* NULL: none */
    struct store_precondition precondition;
    bool dry_run;
};

static bool asks_dry_run(const json_t *body)
{
    size_t i;
    const json_t *value;
    json_array_foreach (json_object_get(body, "dryRun"), i, value) {
        if (str_eq(json_string_value(value), "All"))
            return true;
    }
    return false;
}

/* 0, or -1 with *ret_failure. */
static int read_conditions(const struct api_request *request, struct conditions *ret,
                           json_t **ret_failure)
{
    size_t len = 0;
    *ret = (struct conditions){.dry_run = request->options.dry_run};
    (void)http_request_body(request->http, &len);
    if (len == 0)
        return 0;
    ret->body = api_body_read(request->http, API_BODY_YAML, ret_failure);
    if (!ret->body)
        return -1;
    const json_t *given = json_object_get(ret->body, "preconditions");
    ret->precondition.uid = json_string_value(json_object_get(given, "uid"));
    ret->precondition.resource_version =
        json_string_value(json_object_get(given, "resourceVersion"));
    ret->dry_run = ret->dry_run || asks_dry_run(ret->body);
    return 0;
}

/* With finalizers it is only marked: then the object is the answer, else a Status. */
static bool still_there(const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    return json_array_size(json_object_get(metadata, "finalizers")) > 0;
}

static void send_deleted(struct api_request *request, json_t *object)
{
    if (still_there(object)) {
        api_send_object(request, 200, object);
        return;
    }
    api_send(request->http, 200,
             api_status_deleted(request->path.kind, object_name(object),
                                object_meta_text(object, "uid")));
    api_request_free(request);
}

static void on_deleted(void *data, int rc, json_t *object, const struct err *err)
{
    struct api_request *request = data;
    if (rc == 0)
        send_deleted(request, object);
    else
        api_fail(request, api_store_status(&request->path, request->path.name, rc, err));
}

static void pretend_delete(struct api_request *request)
{
    json_auto_t *object =
        store_get(request->api->setup.store, request->path.kind, request->path.name);
    if (object)
        send_deleted(request, object);
    else
        api_fail(request, api_status_not_found(request->path.kind, request->path.name));
}

void api_delete(struct api_request *request)
{
    struct conditions conditions;
    json_t *failure = NULL;
    if (read_conditions(request, &conditions, &failure) < 0)
        api_fail(request, failure);
    else if (conditions.dry_run)
        pretend_delete(request);
    else if (store_delete(request->api->setup.store, request->path.kind, request->path.name,
                          &conditions.precondition, on_deleted, request) < 0)
        api_fail(request, NULL);
    json_decref(conditions.body);
}

/* ---- a collection ---- */

struct collection {
    struct api_request *request;
    json_t *names;
    size_t pending;  /* deletes under way, and one for the submitting itself */
    json_t *failure; /* the first */
};

static int add_name(void *data, json_t *object)
{
    const char *name = object_name(object);
    return name && json_array_append_new(data, json_string(name)) < 0 ? -ENOMEM : 0;
}

static void settle(struct collection *c)
{
    if (--c->pending > 0)
        return;
    if (c->failure) {
        api_fail(c->request, c->failure);
    } else {
        api_send(c->request->http, 200, api_status_deleted(c->request->path.kind, "", ""));
        api_request_free(c->request);
    }
    json_decref(c->names);
    free(c);
}

static void on_one_deleted(void *data, int rc, json_t *object, const struct err *err)
{
    struct collection *c = data;
    (void)object;
    if (rc < 0 && rc != -ENOENT && !c->failure)
        c->failure = api_store_status(&c->request->path, "", rc, err);
    settle(c);
}

static void delete_names(struct collection *c)
{
    struct store *store = c->request->api->setup.store;
    size_t i;
    const json_t *name;
    c->pending = 1;
    json_array_foreach (c->names, i, name) {
        c->pending++;
        if (store_delete(store, c->request->path.kind, json_string_value(name), NULL,
                         on_one_deleted, c) < 0)
            c->pending--;
    }
    settle(c);
}

void api_delete_collection(struct api_request *request)
{
    struct conditions conditions;
    json_t *failure = NULL;
    if (read_conditions(request, &conditions, &failure) < 0) {
        api_fail(request, failure);
        return;
    }
    json_decref(conditions.body);
    const struct store_list list = {.match = api_store_match, .match_data = request};
    struct collection *c = calloc(1, sizeof(*c));
    json_t *names = json_array();
    if (!c || !names ||
        store_each(request->api->setup.store, request->path.kind, &list, add_name, names, NULL) <
            0) {
        free(c);
        json_decref(names);
        api_fail(request, NULL);
        return;
    }
    if (conditions.dry_run)
        (void)json_array_clear(names);
    *c = (struct collection){.request = request, .names = names};
    delete_names(c);
}
