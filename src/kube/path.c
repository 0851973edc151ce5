/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/path.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/str.h"

#define SEGMENT_MAX 253 /* the longest name: a DNS subdomain */

const struct kube_kind kube_nodes = {"", "v1", "nodes"};
const struct kube_kind kube_pods = {"", "v1", "pods"};
const struct kube_kind kube_secrets = {"", "v1", "secrets"};
const struct kube_kind kube_config_maps = {"", "v1", "configmaps"};
const struct kube_kind kube_namespaces = {"", "v1", "namespaces"};
const struct kube_kind kube_csrs = {"certificates.k8s.io", "v1", "certificatesigningrequests"};
const struct kube_kind kube_cluster_roles = {"rbac.authorization.k8s.io", "v1", "clusterroles"};
const struct kube_kind kube_cluster_role_bindings = {"rbac.authorization.k8s.io", "v1",
                                                     "clusterrolebindings"};
const struct kube_kind kube_roles = {"rbac.authorization.k8s.io", "v1", "roles"};
const struct kube_kind kube_role_bindings = {"rbac.authorization.k8s.io", "v1", "rolebindings"};
const struct kube_kind kube_crds = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
const struct kube_kind kube_leases = {"coordination.k8s.io", "v1", "leases"};
const struct kube_kind kube_daemon_sets = {"apps", "v1", "daemonsets"};
const struct kube_kind kube_deployments = {"apps", "v1", "deployments"};

/* RFC 3986, 2.3. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (is_unreserved(*text))
            buf_addc(b, *text);
        else
            buf_printf(b, "%%%02X", (unsigned)(uint8_t)*text);
    }
}

/* What the API server takes as a name in a path. */
static bool is_segment(const char *s)
{
    return !str_empty(s) && strlen(s) <= SEGMENT_MAX && !str_eq(s, ".") && !str_eq(s, "..") &&
           !strpbrk(s, "/%");
}

static bool is_valid(const struct kube_path *path)
{
    const struct kube_kind *kind = path->kind;
    if (!kind || !kind->group || !is_segment(kind->version) || !is_segment(kind->plural))
        return false;
    if (kind->group[0] && !is_segment(kind->group))
        return false;
    if ((path->namespace && !is_segment(path->namespace)) ||
        (path->name && !is_segment(path->name)))
        return false;
    return !path->subresource || (path->name && is_segment(path->subresource));
}

static void add_segment(struct buf *b, const char *text)
{
    buf_addc(b, '/');
    add_encoded(b, text);
}

int kube_path_write(const struct kube_path *path, struct buf *ret)
{
    if (!is_valid(path))
        return -EINVAL;
    buf_adds(ret, path->kind->group[0] ? "/apis" : "/api");
    if (path->kind->group[0])
        add_segment(ret, path->kind->group);
    add_segment(ret, path->kind->version);
    if (path->namespace) {
        buf_adds(ret, "/namespaces");
        add_segment(ret, path->namespace);
    }
    add_segment(ret, path->kind->plural);
    if (path->name)
        add_segment(ret, path->name);
    if (path->subresource)
        add_segment(ret, path->subresource);
    return buf_error(ret);
}

void kube_query_add(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addc(path, strchr(buf_str(path), '?') ? '&' : '?');
    add_encoded(path, name);
    buf_addc(path, '=');
    add_encoded(path, value);
}

void kube_query_add_number(struct buf *path, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    kube_query_add(path, name, text);
}
