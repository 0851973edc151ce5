/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/request.h"

#include "base/str.h"
#include "kube/private.h"

enum { PATH_MAX_BYTES = 64 << 10 };

#define DEFAULT_MANAGER "slipway"

/* Sends a request whose path is ready; the body is written out from object (NULL: none). */
static int send_object(struct kube_client *client, const char *method, const struct buf *path,
                       const char *content_type, const json_t *object, struct kube_then then)
{
    char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (object && !body)
        return -ENOMEM;
    const struct kube_call call = {.method = method,
                                   .path = buf_str(path),
                                   .content_type = object ? content_type : NULL,
                                   .body = body,
                                   .len = body ? strlen(body) : 0};
    int r = kube_call(client, &call, then);
    if (body)
        explicit_bzero(body, strlen(body));
    free(body);
    return r;
}

int kube_get(struct kube_client *client, const struct kube_path *path, struct kube_then then)
{
    _autobuf_ struct buf b = BUF_INIT_MAX(PATH_MAX_BYTES);
    int r = path->name ? kube_path_write(path, &b) : -EINVAL;
    return r < 0 ? r : send_object(client, "GET", &b, NULL, NULL, then);
}

/* ---- writing ---- */

static void add_write_options(struct buf *path, const struct kube_write_options *options)
{
    const char *manager = options ? options->field_manager : NULL;
    kube_query_add(path, "fieldManager", manager ? manager : DEFAULT_MANAGER);
    if (options && options->dry_run)
        kube_query_add(path, "dryRun", "All");
}

static int write_object(struct kube_client *client, const char *method,
                        const struct kube_path *path, const json_t *object,
                        const struct kube_write_options *options, struct kube_then then)
{
    _autobuf_ struct buf b = BUF_INIT_MAX(PATH_MAX_BYTES);
    int r = kube_path_write(path, &b);
    if (r < 0)
        return r;
    add_write_options(&b, options);
    r = buf_error(&b);
    return r < 0 ? r : send_object(client, method, &b, "application/json", object, then);
}

int kube_create(struct kube_client *client, const struct kube_path *path, const json_t *object,
                const struct kube_write_options *options, struct kube_then then)
{
    if (!object || (path->name && !path->subresource))
        return -EINVAL;
    return write_object(client, "POST", path, object, options, then);
}

int kube_update(struct kube_client *client, const struct kube_path *path, const json_t *object,
                const struct kube_write_options *options, struct kube_then then)
{
    if (!object || !path->name)
        return -EINVAL;
    return write_object(client, "PUT", path, object, options, then);
}

static const char *const patch_types[] = {
    [KUBE_PATCH_MERGE] = "application/merge-patch+json",
    [KUBE_PATCH_STRATEGIC] = "application/strategic-merge-patch+json",
    [KUBE_PATCH_JSON] = "application/json-patch+json",
    /* YAML's type with JSON in it, as every version of the API server takes it. */
    [KUBE_PATCH_APPLY] = "application/apply-patch+yaml",
};

int kube_patch(struct kube_client *client, const struct kube_path *path, enum kube_patch type,
               const json_t *patch, const struct kube_write_options *options, struct kube_then then)
{
    _autobuf_ struct buf b = BUF_INIT_MAX(PATH_MAX_BYTES);
    int r = patch && path->name ? kube_path_write(path, &b) : -EINVAL;
    if (r < 0)
        return r;
    add_write_options(&b, options);
    if (type == KUBE_PATCH_APPLY && options && options->force)
        kube_query_add(&b, "force", "true");
    r = buf_error(&b);
    return r < 0 ? r : send_object(client, "PATCH", &b, patch_types[type], patch, then);
}

/* ---- deleting ---- */

static const char *const propagations[] = {
    [KUBE_PROPAGATION_BACKGROUND] = "Background",
    [KUBE_PROPAGATION_FOREGROUND] = "Foreground",
    [KUBE_PROPAGATION_ORPHAN] = "Orphan",
};

/* A meta/v1 DeleteOptions. */
static json_t *delete_options(const char *uid, const char *resource_version, int grace_seconds,
                              enum kube_propagation propagation)
{
    json_t *o = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions");
    if (o && grace_seconds >= 0)
        (void)json_object_set_new(o, "gracePeriodSeconds", json_integer(grace_seconds));
    if (o && propagation != KUBE_PROPAGATION_DEFAULT)
        (void)json_object_set_new(o, "propagationPolicy", json_string(propagations[propagation]));
    if (o && (uid || resource_version))
        (void)json_object_set_new(
            o, "preconditions",
            json_pack("{s:s*, s:s*}", "uid", uid, "resourceVersion", resource_version));
    return o;
}

int kube_delete(struct kube_client *client, const struct kube_path *path,
                const struct kube_delete_options *options, struct kube_then then)
{
    static const struct kube_delete_options none = {.grace_seconds = -1};
    const struct kube_delete_options *o = options ? options : &none;
    _autobuf_ struct buf b = BUF_INIT_MAX(PATH_MAX_BYTES);
    int r = path->name ? kube_path_write(path, &b) : -EINVAL;
    if (r < 0)
        return r;
    json_auto_t *body =
        delete_options(o->uid, o->resource_version, o->grace_seconds, o->propagation);
    return body ? send_object(client, "DELETE", &b, "application/json", body, then) : -ENOMEM;
}

int kube_evict(struct kube_client *client, const char *namespace, const char *pod,
               const char *api_version, const char *uid, int grace_seconds, struct kube_then then)
{
    const struct kube_path path = {&kube_pods, namespace, pod, "eviction"};
    json_auto_t *eviction =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion", api_version, "kind", "Eviction",
                  "metadata", "name", pod, "namespace", namespace, "deleteOptions",
                  delete_options(uid, NULL, grace_seconds, KUBE_PROPAGATION_DEFAULT));
    return eviction ? kube_create(client, &path, eviction, NULL, then) : -ENOMEM;
}
