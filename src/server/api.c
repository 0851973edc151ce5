/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request: who is it, what does it want, may he, and which handler does it. */
#include "server/api-internal.h"

#include "base/str.h"
#include "server/api-discovery.h"

#define ACCESS_REVIEW "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

/* ---- life ---- */

static void api_free(struct api *api)
{
    void (*on_closed)(void *data) = api->on_closed;
    void *data = api->on_closed_data;
    json_decref(api->openapi_v2);
    for (size_t i = 0; i < ARRAY_SIZE(api->openapi_v3); i++)
        json_decref(api->openapi_v3[i]);
    api_users_free(api->users);
    free(api);
    if (on_closed)
        on_closed(data);
}

/* Requests whose answers are under way keep the API until they are done. */
static void free_when_unused(struct api *api)
{
    if (api->closing && api->open_handles == 0 && api->open_requests == 0)
        api_free(api);
}

/* ---- jobs ---- */

void api_job_init(struct api_job *job, void (*run)(struct api_job *job))
{
    list_init(&job->item);
    job->run = run;
}

void api_later(struct api *api, struct api_job *job)
{
    list_remove(&job->item);
    list_append(&api->jobs, &job->item);
    (void)uv_async_send(&api->turn);
}

/* Only the jobs that wait now: those that they add are for the turn after. */
static void run_jobs(uv_async_t *turn)
{
    struct api *api = container_of(turn, struct api, turn);
    struct api_job last;
    api_job_init(&last, NULL);
    list_append(&api->jobs, &last.item);
    for (;;) {
        struct api_job *job = container_of(list_first(&api->jobs), struct api_job, item);
        list_remove(&job->item);
        if (job == &last)
            return;
        job->run(job);
    }
}

int api_new(const struct api_setup *setup, struct api **ret, struct err *err)
{
    struct api *api = calloc(1, sizeof(*api));
    if (!api)
        return err_errno(err, -ENOMEM, "API");
    api->setup = *setup;
    list_init(&api->watches);
    list_init(&api->jobs);
    int r = uv_async_init(setup->loop, &api->turn, run_jobs);
    if (r == 0)
        r = uv_timer_init(setup->loop, &api->tick);
    if (r < 0) {
        free(api);
        return err_set(err, r, "API: %s", uv_strerror(r));
    }
    api->open_handles = 2;
    *ret = api;
    return 0;
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct api *api = container_of((uv_async_t *)handle, struct api, turn);
    api->open_handles--;
    free_when_unused(api);
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct api *api = container_of((uv_timer_t *)handle, struct api, tick);
    api->open_handles--;
    free_when_unused(api);
}

void api_close(struct api *api, void (*on_closed)(void *data), void *data)
{
    api->closing = true;
    api->on_closed = on_closed;
    api->on_closed_data = data;
    api_watches_end(api);
    uv_close((uv_handle_t *)&api->turn, on_turn_closed);
    uv_close((uv_handle_t *)&api->tick, on_tick_closed);
}

void api_get_counters(const struct api *api, struct api_counters *ret)
{
    *ret = (struct api_counters){.watches = api->watch_count};
}

static struct api_request *request_new(struct api *api, struct http_request *http)
{
    struct api_request *request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    request->api = api;
    request->http = http;
    api->open_requests++;
    return request;
}

void api_request_free(struct api_request *request)
{
    if (!request)
        return;
    struct api *api = request->api;
    api_options_clear(&request->options);
    free(request);
    api->open_requests--;
    free_when_unused(api);
}

/* ---- resources ---- */

static const char *query_value(const void *data, const char *name)
{
    return http_request_arg(data, name);
}

typedef void handler(struct api_request *request);

static handler *choose_handler(const struct api_request *r, const char *method)
{
    bool named = *r->path.name != '\0', sub = *r->path.subresource != '\0';
    if (str_eq(method, "GET") || str_eq(method, "HEAD"))
        return r->options.watch ? api_watch : named ? api_get : api_list;
    if (!api_kind_writable(r->path.kind))
        return NULL;
    if (str_eq(method, "POST"))
        return named ? NULL : api_create;
    if (str_eq(method, "PUT"))
        return named ? api_update : NULL;
    if (str_eq(method, "PATCH"))
        return named ? api_patch : NULL;
    if (str_eq(method, "DELETE") && !sub)
        return named ? api_delete : api_delete_collection;
    return NULL;
}

static void serve_resource(struct api *api, struct http_request *http, const struct api_path *path)
{
    const char *method = http_request_method(http);
    struct api_request *request = request_new(api, http);
    if (!request) {
        api_send(http, 500, NULL);
        return;
    }
    request->path = *path;
    struct err err = ERR_INIT;
    if (api_options_parse(query_value, http, &request->options, &err) < 0) {
        api_fail(request, api_status(400, "BadRequest", "%s", err_text(&err)));
        return;
    }
    if (!*request->options.manager)
        api_manager_of_agent(http_request_header(http, "User-Agent"), request->options.manager);
    request->form =
        api_accept(http_request_header(http, "Accept"),
                   API_FORM_JSON | API_FORM_TABLE | API_FORM_TABLE_BETA | API_FORM_PARTIAL);
    handler *handle = choose_handler(request, method);
    if (request->form == API_FORM_NONE)
        api_fail(request, api_status_not_acceptable());
    else if (!handle)
        api_fail(request, api_status_method_not_allowed(method));
    else
        handle(request);
}

/* ---- documents ---- */

static void serve_discovery(struct http_request *http, const struct api_path *path)
{
    enum api_form form = api_accept(http_request_header(http, "Accept"),
                                    API_FORM_JSON | API_FORM_DISCOVERY | API_FORM_DISCOVERY_BETA);
    bool core = path->type == API_PATH_CORE;
    if ((core || path->type == API_PATH_GROUPS) && form > API_FORM_JSON) {
        const char *version = form == API_FORM_DISCOVERY ? "v2" : "v2beta1";
        api_send_discovery(http, version, api_discovery_aggregated(core, version));
        return;
    }
    char address[IPV4_TEXT_SIZE + 8];
    const struct http_peer *peer = http_request_peer(http);
    char text[IPV4_TEXT_SIZE];
    (void)snprintf(address, sizeof(address), "%s:%u", ipv4_text(peer->local_address, text),
                   peer->local_port);
    if (core)
        api_send(http, 200, api_discovery_core_versions(address));
    else if (path->type == API_PATH_GROUPS)
        api_send(http, 200, api_discovery_groups());
    else if (path->type == API_PATH_GROUP)
        api_send(http, 200, api_discovery_group(path->group));
    else
        api_send(http, 200, api_discovery_resources(path->group));
}

static void serve_metrics(struct api *api, struct http_request *http)
{
    _autobuf_ struct buf text = BUF_INIT;
    if (api->setup.metrics)
        api->setup.metrics(api->setup.data, &text);
    http_reply(http, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&text), text.len);
}

/* Documents that are no resources. False when the path names none. */
static bool serve_document(struct api *api, struct http_request *http, const char *path)
{
    if (str_eq(path, "/version"))
        api_send(http, 200, api_discovery_version(api->setup.version));
    else if (str_eq(path, "/metrics"))
        serve_metrics(api, http);
    else if (str_eq(path, "/openapi/v2"))
        api_serve_openapi_v2(api, http);
    else if (str_eq(path, "/openapi/v3") || str_after(path, "/openapi/v3/"))
        api_serve_openapi_v3(api, http, path + strlen("/openapi/v3"));
    else
        return false;
    return true;
}

/* As Kubernetes answers: "ok", or the list of checks; why one failed is not for strangers. */
static void serve_readiness(struct api *api, struct http_request *http)
{
    char user[API_USER_NAME_SIZE];
    _autobuf_ struct buf checks = BUF_INIT;
    if (api->closing) {
        http_reply_text(http, 503, "text/plain", "stopping");
        return;
    }
    bool known = api_authenticate(api, http, user) != API_ROLE_NONE;
    bool ok = !api->setup.ready || api->setup.ready(api->setup.data, known, &checks);
    if (ok && !http_request_arg(http, "verbose")) {
        http_reply_text(http, 200, "text/plain", "ok");
        return;
    }
    buf_printf(&checks, "readyz check %s\n", ok ? "passed" : "failed");
    http_reply_text(http, ok ? 200 : 503, "text/plain", buf_str(&checks));
}

/* Probes are for everybody. False when the path names none. */
static bool serve_probe(struct api *api, struct http_request *http, const char *path)
{
    if (str_eq(path, "/readyz"))
        serve_readiness(api, http);
    else if (str_eq(path, "/healthz") || str_eq(path, "/livez"))
        http_reply_text(http, 200, "text/plain", "ok"); /* the loop turns: it answered */
    else
        return false;
    return true;
}

/* ---- the door ---- */

static void serve_authorized(struct api *api, struct http_request *http, const char *path)
{
    const struct api_path parsed = api_path_parse(path);
    bool get = str_eq(http_request_method(http), "GET");
    if (parsed.type == API_PATH_RESOURCE)
        serve_resource(api, http, &parsed);
    else if (parsed.type != API_PATH_NONE && get)
        serve_discovery(http, &parsed);
    else if (parsed.type != API_PATH_NONE)
        api_send_status(http, api_status_method_not_allowed(http_request_method(http)));
    else if (!get || !serve_document(api, http, path))
        api_send_status(
            http, api_status(404, "NotFound", "the server could not find the requested resource"));
}

static void refuse(struct http_request *http, const char *user)
{
    if (http_request_peer(http)->transport == HTTP_TLS) {
        (void)http_header(http, "WWW-Authenticate", "Bearer");
        api_send_status(http, api_status(401, "Unauthorized", "Unauthorized"));
    } else {
        api_send_status(http, api_status(403, "Forbidden", "%s may not use this API", user));
    }
}

void api_handle(struct http_request *http, void *data)
{
    struct api *api = data;
    const char *path = http_request_path(http), *method = http_request_method(http);
    if (serve_probe(api, http, path))
        return;
    char user[API_USER_NAME_SIZE], cluster[API_NAME_SIZE];
    enum api_role role = api_authenticate(api, http, user);
    bool reads = str_eq(method, "GET") || str_eq(method, "HEAD");
    if (api->closing)
        api_send_status(http, api_status_stopping());
    else if (role == API_ROLE_NONE)
        refuse(http, user);
    else if (str_eq(path, ACCESS_REVIEW) && str_eq(method, "POST"))
        api_serve_access_review(http, role);
    else if (role == API_ROLE_READER && !reads)
        api_send_status(http, api_status(403, "Forbidden", "user \"%s\" may only read", user));
    else if (!reads && api_cluster_path(path, cluster))
        api_serve_cluster_kubeconfig(api, http, cluster);
    else
        serve_authorized(api, http, path);
}
