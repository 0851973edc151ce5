/* SPDX-License-Identifier: Apache-2.0 */
/* One object: the resource that it lives in, the certificate that it may hold, applying it. */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "kube/request.h"
#include "resource/kind.h"
#include "server/cluster-addons.h"

enum {
    CERTIFICATE_SECONDS = 365 * 24 * 3600,
    ESTABLISH_MS = 60 * 1000, /* for a CustomResourceDefinition */
    DISCOVER_MS = 15 * 1000,  /* for its resource behind that */
    POLL_MS = 250,
};

/* ---- the resource ---- */

static void on_resources(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    struct addons *a = pass->owner;
    const char *want = object_text(answer->object, "groupVersion");
    if (addons_pass_is_away(pass, answer))
        return;
    json_t *old = NULL;
    json_t *list = answer->error == 0 && want ? json_incref(answer->object) : NULL;
    if (list && map_puts(a->resources, want, list, (void **)&old) < 0)
        json_decref(list);
    json_decref(old);
    pass->resource_error = answer->error;
    pass->asked = true;
    addons_pass_next(pass);
}

/* A definition of that group is new: the API server takes a moment until it serves it. */
static bool may_come(const struct addons_pass *pass, const char *api_version)
{
    char group[254];
    const char *version;
    if (pass->addon >= pass->set->n || addon_group(api_version, group, sizeof(group), &version) < 0)
        return false;
    const struct addon_objects *objects = &pass->set->items[pass->addon].objects;
    for (size_t i = 0; i < objects->n; i++) {
        const struct addon_object *o = &objects->items[i];
        if (o->order == ADDON_DEFINITIONS && str_eq(object_text(o->json, "spec.group"), group))
            return true;
    }
    return false;
}

static int ask_for(struct addons_pass *pass, const char *api_version)
{
    _autobuf_ struct buf path = BUF_INIT;
    int r = kube_discovery_path(api_version, &path);
    const struct kube_call call = {.path = buf_str(&path)};
    if (r == 0)
        r = kube_call(addons_client(pass->owner), &call, addons_then(pass, on_resources));
    return r < 0 ? r : -EINPROGRESS;
}

int addons_resource(struct addons_pass *pass, const char *api_version, const char *kind,
                    struct kube_resource *ret)
{
    const json_t *list = map_gets(pass->owner->resources, api_version);
    bool found = list && kube_discovery_find(list, kind, ret) == 0;
    bool asked = pass->asked;
    pass->asked = false;
    if (found) {
        pass->deadline = 0;
        return 0;
    }
    if (!asked)
        return ask_for(pass, api_version);
    if (!may_come(pass, api_version) ||
        (pass->deadline && addons_now(pass->owner) >= pass->deadline)) {
        pass->deadline = 0;
        /* an API server that could not say is none that has no such resource */
        return pass->resource_error < 0 ? pass->resource_error : -ENOENT;
    }
    if (!pass->deadline)
        pass->deadline = addons_now(pass->owner) + DISCOVER_MS;
    addons_pass_pause(pass, POLL_MS);
    return -EINPROGRESS;
}

void addons_forget_resource(struct addons *addons, const char *api_version)
{
    json_decref(map_removes(addons->resources, api_version));
}

int addons_path(const char *api_version, const struct kube_resource *resource,
                const char *namespace, const char *name, struct addons_path *ret)
{
    const char *version;
    int r = addon_group(api_version, ret->group, sizeof(ret->group), &version);
    ret->kind = (struct kube_kind){ret->group, version, resource->plural};
    ret->path = (struct kube_path){.kind = &ret->kind, .name = name};
    if (resource->namespaced)
        ret->path.namespace = str_empty(namespace) ? "default" : namespace;
    return r;
}

/* ---- what was applied ---- */

static const char *id_of(const struct addon_object *o, char dst[static ADDON_ID_SIZE])
{
    return addon_object_id(o->api_version, o->kind, o->namespace, o->name, dst);
}

bool addons_is_applied(const struct addons_pass *pass, const struct addon_object *object)
{
    char id[ADDON_ID_SIZE];
    const struct addon_applied *a = map_gets(pass->owner->applied, id_of(object, id));
    return a && memcmp(a->digest, object->digest, ADDON_DIGEST_SIZE) == 0;
}

static void note_applied(struct addons_pass *pass, struct addon_loaded *addon,
                         const struct addon_object *object, const json_t *there)
{
    char id[ADDON_ID_SIZE];
    void *old = NULL;
    struct addon_applied *a = calloc(1, sizeof(*a));
    const char *uid = object_meta_text(there, "uid");
    if (!addons_is_applied(pass, object))
        addon->sent++;
    if (!a)
        return;
    memcpy(a->digest, object->digest, ADDON_DIGEST_SIZE);
    (void)snprintf(a->uid, sizeof(a->uid), "%s", uid ? uid : "");
    if (map_puts(pass->owner->applied, id_of(object, id), a, &old) < 0)
        free(a);
    free(old);
}

static void fail(struct addons_pass *pass, const struct addon_object *object, const char *why)
{
    char id[ADDON_ID_SIZE];
    (void)id_of(object, id);
    free(map_removes(pass->owner->applied, id));
    addons_pass_fail(pass, &pass->set->items[pass->addon], id, why);
    pass->object++;
}

/* ---- applying ---- */

static void on_applied(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    struct addon_loaded *addon = &pass->set->items[pass->addon];
    struct addon_object *object = &addon->objects.items[pass->object];
    if (addons_pass_is_away(pass, answer))
        return;
    if (answer->error == 0) {
        note_applied(pass, addon, object, answer->object);
        pass->object++;
    } else {
        if (answer->error == -ENOENT)
            addons_forget_resource(pass->owner, object->api_version);
        fail(pass, object, answer->status.message);
    }
    addons_pass_next(pass);
}

static int send_object(struct addons_pass *pass, const struct addon_object *object,
                       const struct addons_path *path)
{
    const struct kube_write_options options = {.force = true};
    return kube_patch(addons_client(pass->owner), &path->path, KUBE_PATCH_APPLY, object->json,
                      &options, addons_then(pass, on_applied));
}

/* ---- certificates ---- */

static int issue(const struct cluster_entry *entry, const json_t *names, struct pki_pair *ret,
                 struct err *err)
{
    const char *list[PKI_NAMES_MAX + 1] = {NULL};
    size_t i;
    json_t *name;
    json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
        if (i < PKI_NAMES_MAX)
            list[i] = json_string_value(name);
    }
    const struct pki_subject subject = {
        .common_name = list[0],
        .names = list,
        .usages = PKI_USAGE_SERVER,
        .lifetime_seconds = CERTIFICATE_SECONDS,
    };
    return pki_issue(&entry->pki.ca, &subject, entry->server->clock, ret, err);
}

static int set_data(json_t *secret, const char *name, const char *text)
{
    _autosecret_ char *data = str_base64(text, strlen(text));
    json_t *object = json_object_get(secret, "data");
    return data && json_object_set_new(object, name, json_string(data)) == 0 ? 0 : -ENOMEM;
}

static int fill_secret(struct addons_pass *pass, struct addon_object *object, struct err *err)
{
    const struct cluster_entry *entry = pass->owner->entry;
    struct pki_pair pair _autopair_ = {NULL, NULL};
    int r = issue(entry, object->names, &pair, err);
    if (r < 0)
        return r;
    (void)json_object_set_new(object->json, "data", json_object());
    r = set_data(object->json, "ca.crt", entry->pki.ca.certificate);
    if (r == 0)
        r = set_data(object->json, "tls.crt", pair.certificate);
    return r < 0 ? r : set_data(object->json, "tls.key", pair.key);
}

/* When the certificate of a Secret ends; 0: there is none that can be read. */
static int64_t end_of(const json_t *secret)
{
    const json_t *data = json_object_get(secret, "data");
    const char *text = json_string_value(json_object_get(data, "tls.crt"));
    _autofree_ uint8_t *pem = NULL;
    size_t len = 0;
    int64_t end;
    if (!text || str_unbase64(text, PKI_PEM_MAX, &pem, &len) < 0)
        return 0;
    _autofree_ char *copy = strndup((const char *)pem, len);
    return copy && pki_not_after(copy, &end) == 0 ? end : 0;
}

static void on_secret(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    struct addon_loaded *addon = &pass->set->items[pass->addon];
    struct addon_object *object = &addon->objects.items[pass->object];
    const struct cluster_entry *entry = pass->owner->entry;
    const struct kube_resource secrets = {"secrets", true};
    struct addons_path path;
    struct err err = ERR_INIT;
    if (addons_pass_is_away(pass, answer))
        return;
    const json_t *secret = answer->error == 0 ? answer->object : NULL;
    bool due =
        addon_certificate_is_due(secret, object->names, entry->pki.ca.certificate, end_of(secret),
                                 CERTIFICATE_SECONDS, clock_wall(entry->server->clock));
    if (!due) {
        note_applied(pass, addon, object, secret);
        pass->object++;
        addons_pass_next(pass);
        return;
    }
    int r = fill_secret(pass, object, &err);
    if (r == 0)
        r = addons_path("v1", &secrets, object->namespace, object->name, &path);
    if (r == 0)
        r = send_object(pass, object, &path);
    if (r < 0) {
        fail(pass, object, r == -ENOMEM ? "out of memory" : err_text(&err));
        addons_pass_next(pass);
    }
}

void addons_apply(struct addons_pass *pass, struct addon_object *object)
{
    struct kube_resource resource;
    struct addons_path path;
    char text[ADDON_ID_SIZE];
    int r = addons_resource(pass, object->api_version, object->kind, &resource);
    if (r == -EINPROGRESS)
        return;
    if (r == 0)
        r = addons_path(object->api_version, &resource, object->namespace, object->name, &path);
    if (r == 0)
        r = object->names
                ? kube_get(addons_client(pass->owner), &path.path, addons_then(pass, on_secret))
                : send_object(pass, object, &path);
    if (r == 0)
        return;
    (void)snprintf(text, sizeof(text), "the API server has no %s in %s", object->kind,
                   object->api_version);
    fail(pass, object, r == -ENOENT ? text : r == -EINVAL ? "its name cannot be" : strerror(-r));
    addons_pass_pause(pass, 0);
}

/* ---- definitions ---- */

static bool is_established(const json_t *definition)
{
    size_t i;
    json_t *condition;
    json_array_foreach (object_get(definition, "status.conditions"), i, condition) {
        if (str_eq(object_text(condition, "type"), "Established"))
            return str_eq(object_text(condition, "status"), "True");
    }
    return false;
}

static void on_definition(void *user, const struct kube_answer *answer)
{
    struct addons_pass *pass = user;
    struct addon_loaded *addon = &pass->set->items[pass->addon];
    char id[ADDON_ID_SIZE];
    if (addons_pass_is_away(pass, answer))
        return;
    bool late = addons_now(pass->owner) >= pass->deadline;
    if (answer->error == 0 && is_established(answer->object)) {
        pass->definition++;
        pass->deadline = 0;
    } else if (answer->error == -ENOENT || late) {
        /* one that could not be applied was told already */
        if (late)
            addons_pass_fail(pass, addon, id_of(&addon->objects.items[pass->definition], id),
                             "the API server has not established it within a minute");
        pass->definition++;
        pass->deadline = 0;
    } else {
        addons_pass_pause(pass, POLL_MS);
        return;
    }
    addons_pass_next(pass);
}

bool addons_definitions_are_there(struct addons_pass *pass, struct addon_loaded *addon)
{
    const struct kube_resource definitions = {"customresourcedefinitions", false};
    const struct addon_objects *objects = &addon->objects;
    struct addons_path path;
    while (pass->definition < objects->n &&
           objects->items[pass->definition].order != ADDON_DEFINITIONS)
        pass->definition++;
    if (pass->definition >= objects->n)
        return true;
    const struct addon_object *o = &objects->items[pass->definition];
    if (!pass->deadline)
        pass->deadline = addons_now(pass->owner) + ESTABLISH_MS;
    int r = addons_path(o->api_version, &definitions, NULL, o->name, &path);
    if (r == 0)
        r = kube_get(addons_client(pass->owner), &path.path, addons_then(pass, on_definition));
    if (r == -EINVAL) { /* it was told when it was applied */
        pass->definition++;
        pass->deadline = 0;
        addons_pass_pause(pass, 0);
    } else if (r < 0) {
        addons_pass_abort(pass, strerror(-r));
    }
    return false;
}
