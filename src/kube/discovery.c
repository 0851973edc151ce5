/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/discovery.h"

#include <string.h>

#include "base/str.h"

enum { API_VERSION_MAX = 320 };

int kube_discovery_path(const char *api_version, struct buf *ret)
{
    const char *slash = strchr(api_version, '/');
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-/";
    if (str_empty(api_version) || slash == api_version || strlen(api_version) > API_VERSION_MAX ||
        strspn(api_version, allowed) != strlen(api_version) || strstr(api_version, "..") ||
        (slash && (!slash[1] || strchr(slash + 1, '/'))))
        return -EINVAL;
    buf_printf(ret, "%s/%s", slash ? "/apis" : "/api", api_version);
    return buf_error(ret);
}

int kube_discovery_find(const json_t *list, const char *kind, struct kube_resource *ret)
{
    size_t i;
    json_t *resource;
    json_array_foreach (json_object_get(list, "resources"), i, resource) {
        const char *name = json_string_value(json_object_get(resource, "name"));
        /* subresources such as "deployments/scale" have kinds of their own */
        if (!name || strchr(name, '/') ||
            !str_eq(json_string_value(json_object_get(resource, "kind")), kind))
            continue;
        *ret = (struct kube_resource){name, json_is_true(json_object_get(resource, "namespaced"))};
        return 0;
    }
    return -ENOENT;
}
