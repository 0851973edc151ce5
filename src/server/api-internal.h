/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share. */
#pragma once

#include <jansson.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/list.h"
#include "http/server.h"
#include "server/api-accept.h"
#include "server/api-path.h"
#include "server/api-status.h"
#include "server/api-users.h"
#include "server/api.h"
#include "store/store.h"

/* Work that goes on in the loop's next turn, so that a long answer never holds up the boot path. */
struct api_job {
    struct list item; /* in api->jobs, or by itself */
    void (*run)(struct api_job *job);
};

struct api {
    struct api_setup setup;
    struct api_users *users;
    struct timespec users_time; /* of the file that `users` was read from */
    json_t *openapi_v2;         /* made at the first request for them */
    json_t *openapi_v3[2];      /* core group, our group */
    struct list watches;        /* struct watch, see api-watch.c */
    size_t watch_count;
    struct list jobs;
    uv_async_t turn; /* runs the jobs */
    uv_timer_t tick; /* once a second while there are watches */
    int open_handles;
    size_t open_requests;
    bool closing;
    void (*on_closed)(void *data);
    void *on_closed_data;
};

/* One request for resources, from its parsing to its answer. */
struct api_request {
    struct api *api;
    struct http_request *http;
    struct api_path path;
    struct api_options options;
    enum api_form form;
};

void api_request_free(struct api_request *request);
DEFINE_CLEANUP(struct api_request *, api_request_free)

void api_job_init(struct api_job *job, void (*run)(struct api_job *job));
/* Runs the job in the next turn; harmless when it waits already. list_remove() takes it back. */
void api_later(struct api *api, struct api_job *job);

/* ---- answering; the http_request is gone afterwards ---- */

/* Sends a JSON value; steals it. NULL is answered with 500 for want of memory. */
void api_send(struct http_request *http, unsigned code, json_t *value);
/* Sends an APIGroupDiscoveryList of that version; steals it. */
void api_send_discovery(struct http_request *http, const char *version, json_t *value);
/* Sends a Status with the code that is in it; steals it. */
void api_send_status(struct http_request *http, json_t *status);
/* Sends an object in the form that the request asked for; borrows it, frees the request. */
void api_send_object(struct api_request *request, unsigned code, json_t *object);
/* Sends a Status for the request and frees it; steals the Status. */
void api_fail(struct api_request *request, json_t *status);
/* Adds a Warning header (RFC 7234 section 5.5, as Kubernetes uses it). */
void api_warn(struct http_request *http, const char *text);
/* The Status for what the store said: rc and err as in store_done. */
json_t *api_store_status(const struct api_path *path, const char *name, int rc,
                         const struct err *err);

/* ---- handlers of resource requests; each takes the request over ---- */

void api_get(struct api_request *request);
void api_list(struct api_request *request);
void api_watch(struct api_request *request);
void api_create(struct api_request *request);
void api_update(struct api_request *request);
void api_patch(struct api_request *request);
void api_delete(struct api_request *request);
void api_delete_collection(struct api_request *request);

/* Whether the object is among those that the request selects: namespace, labels, fields. */
bool api_selects(const struct api_request *request, const json_t *object);
/* The same in the form that the store wants; data is the struct api_request. */
bool api_store_match(void *data, const json_t *object);

/* ---- watches ---- */

/* Called once a second. */
void api_watches_tick(uv_timer_t *tick);
void api_watches_end(struct api *api);

/* ---- documents ---- */

void api_serve_openapi_v2(struct api *api, struct http_request *http);
/* Answers "may I?" (authorization.k8s.io/v1 SelfSubjectAccessReview), for kubectl auth can-i. */
void api_serve_access_review(struct http_request *http, enum api_role role);
void api_serve_openapi_v3(struct api *api, struct http_request *http, const char *path);

/* ---- api-cluster.c ---- */

/* Whether the path is that of a Cluster's kubeconfig; name is filled in then. */
bool api_cluster_path(const char *path, char name[static API_NAME_SIZE]);
void api_serve_cluster_kubeconfig(struct api *api, struct http_request *http, const char *name);

/* ---- who is it ---- */

/*
 * The role of whoever sent the request; name (for messages) is filled in. API_ROLE_NONE when nobody
 * was recognised.
 */
enum api_role api_authenticate(struct api *api, const struct http_request *http,
                               char name[static API_USER_NAME_SIZE]);
