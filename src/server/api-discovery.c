/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-discovery.h"

#include "base/str.h"

static const char *const read_verbs[] = {"get", "list", "watch", NULL};
static const char *const all_verbs[] = {
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", NULL};
static const char *const status_verbs[] = {"get", "patch", "update", NULL};

/* Events are written by the server about its objects, and by nobody else. */
bool api_kind_writable(const struct kind *kind)
{
    return kind != &kind_event;
}

const char *api_group_version(const char *group)
{
    for (const struct kind *const *k = kinds; *k; k++)
        if (str_eq((*k)->group, group))
            return (*k)->version;
    return NULL;
}

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (size_t i = 0; list && list[i]; i++)
        (void)json_array_append_new(array, json_string(list[i]));
    return array;
}

/* "slipway.dev/v1alpha1", or "v1" for the core group. */
static json_t *group_version_text(const char *group)
{
    const char *version = api_group_version(group);
    if (!version)
        return NULL;
    return *group ? json_sprintf("%s/%s", group, version) : json_string(version);
}

json_t *api_discovery_core_versions(const char *address)
{
    return json_pack("{ss,s[s],s[{ssss}]}", "kind", "APIVersions", "versions", "v1",
                     "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0", "serverAddress",
                     address);
}

static json_t *group_version_pair(const char *group)
{
    return json_pack("{so,ss}", "groupVersion", group_version_text(group), "version",
                     api_group_version(group));
}

static json_t *group_object(const char *group)
{
    return json_pack("{ss,s[o],so}", "name", group, "versions", group_version_pair(group),
                     "preferredVersion", group_version_pair(group));
}

json_t *api_discovery_groups(void)
{
    return json_pack("{ss,ss,s[o]}", "kind", "APIGroupList", "apiVersion", "v1", "groups",
                     group_object(GROUP_NAME));
}

json_t *api_discovery_group(const char *group)
{
    if (!str_eq(group, GROUP_NAME))
        return NULL;
    json_t *object = group_object(group);
    if (json_object_update_new(object,
                               json_pack("{ssss}", "kind", "APIGroup", "apiVersion", "v1")) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *resource_entry(const struct kind *kind)
{
    json_t *entry = json_pack("{ss,ss,sb,ss,so}", "name", kind->plural, "singularName",
                              kind->singular, "namespaced", kind->namespaced, "kind", kind->kind,
                              "verbs", texts(api_kind_writable(kind) ? all_verbs : read_verbs));
    if (kind->short_names && kind->short_names[0])
        (void)json_object_set_new(entry, "shortNames", texts(kind->short_names));
    if (kind->categories && kind->categories[0])
        (void)json_object_set_new(entry, "categories", texts(kind->categories));
    return entry;
}

static json_t *status_entry(const struct kind *kind)
{
    return json_pack("{so,ss,sb,ss,so}", "name", json_sprintf("%s/status", kind->plural),
                     "singularName", "", "namespaced", kind->namespaced, "kind", kind->kind,
                     "verbs", texts(status_verbs));
}

json_t *api_discovery_resources(const char *group)
{
    json_t *list = json_array();
    for (const struct kind *const *k = kinds; *k; k++) {
        if (!str_eq((*k)->group, group))
            continue;
        (void)json_array_append_new(list, resource_entry(*k));
        if ((*k)->has_status)
            (void)json_array_append_new(list, status_entry(*k));
    }
    return json_pack("{ss,ss,so,so}", "kind", "APIResourceList", "apiVersion", "v1", "groupVersion",
                     group_version_text(group), "resources", list);
}

/* ---- aggregated discovery ---- */

static json_t *response_kind(const struct kind *kind)
{
    return json_pack("{ss,ss,ss}", "group", kind->group, "version", kind->version, "kind",
                     kind->kind);
}

static json_t *aggregated_resource(const struct kind *kind)
{
    json_t *entry =
        json_pack("{ss,so,ss,ss,so}", "resource", kind->plural, "responseKind", response_kind(kind),
                  "scope", kind->namespaced ? "Namespaced" : "Cluster", "singularResource",
                  kind->singular, "verbs", texts(api_kind_writable(kind) ? all_verbs : read_verbs));
    if (kind->short_names && kind->short_names[0])
        (void)json_object_set_new(entry, "shortNames", texts(kind->short_names));
    if (kind->categories && kind->categories[0])
        (void)json_object_set_new(entry, "categories", texts(kind->categories));
    if (kind->has_status)
        (void)json_object_set_new(entry, "subresources",
                                  json_pack("[{ss,so,so}]", "subresource", "status", "responseKind",
                                            response_kind(kind), "verbs", texts(status_verbs)));
    return entry;
}

static json_t *aggregated_group(const char *group)
{
    json_t *resources = json_array();
    for (const struct kind *const *k = kinds; *k; k++)
        if (str_eq((*k)->group, group))
            (void)json_array_append_new(resources, aggregated_resource(*k));
    json_t *metadata = json_pack("{sn}", "creationTimestamp");
    if (*group)
        (void)json_object_set_new(metadata, "name", json_string(group));
    return json_pack("{so,s[{ss,ss,so}]}", "metadata", metadata, "versions", "version",
                     api_group_version(group), "freshness", "Current", "resources", resources);
}

json_t *api_discovery_aggregated(bool core, const char *version)
{
    return json_pack("{ss,so,s{},s[o]}", "kind", "APIGroupDiscoveryList", "apiVersion",
                     json_sprintf("apidiscovery.k8s.io/%s", version), "metadata", "items",
                     aggregated_group(core ? "" : GROUP_NAME));
}

json_t *api_discovery_version(const char *program_version)
{
    /* kubectl wants major and minor; they say which Kubernetes' API conventions are followed */
    return json_pack("{ss,ss,so,ss,ss,ss,ss,ss,ss}", "major", "1", "minor", "32", "gitVersion",
                     json_sprintf("v1.32.0+slipway-%s", program_version), "gitCommit", "",
                     "gitTreeState", "clean", "buildDate", "1970-01-01T00:00:00Z", "goVersion", "",
                     "compiler", "", "platform", "linux/amd64");
}
