/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-cluster.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define PODNET_CONFIG "/etc/kubernetes/slipway-podnet.json"
#define TOKEN_GROUP "system:bootstrappers:kubeadm:default-node-token"
#define RBAC "rbac.authorization.k8s.io/v1"

enum { APPLY_MS = 120000 };

/* ---- objects ---- */

json_t *up_token_object(const struct kube_token *token, int64_t expires_wall_ms)
{
    static const char *const groups[] = {TOKEN_GROUP};
    json_t *secret = NULL;
    struct kube_token_options options = {
        .expires_wall_ms = expires_wall_ms,
        .authentication = true,
        .signing = true,
        .groups = groups,
        .n_groups = ARRAY_SIZE(groups),
        .description = "Nodes join the cluster of this slipway-node with it.",
    };
    return kube_token_secret(token, &options, &secret) < 0 ? NULL : secret;
}

static json_t *network_map(const struct cluster_spec *spec)
{
    char subnet[CIDR_TEXT_SIZE];
    json_auto_t *network =
        json_pack("{s:s, s:s, s:I, s:s, s:s}", "driver",
                  field_enum_text(cni_driver_values, (int)spec->cni.driver), "podSubnet",
                  cidr_text(spec->networking.pod_subnet, subnet), "mtu", (json_int_t)spec->cni.mtu,
                  "binDir", spec->cni.bin_dir, "confDir", spec->cni.conf_dir);
    _autofree_ char *text = network ? json_dumps(network, JSON_COMPACT) : NULL;
    return text ? json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "apiVersion", "v1", "kind",
                            "ConfigMap", "metadata", "name", UP_NETWORK_MAP, "namespace",
                            "kube-system", "data", UP_NETWORK_KEY, text)
                : NULL;
}

/* A role and its binding to all nodes; namespace NULL: of the whole cluster. Takes the rule. */
static void add_right(json_t *items, const char *namespace, const char *name, json_t *rule)
{
    const char *role = namespace ? "Role" : "ClusterRole";
    const char *binding = namespace ? "RoleBinding" : "ClusterRoleBinding";
    (void)json_array_append_new(items, json_pack("{s:s, s:s, s:{s:s, s:s*}, s:[o]}", "apiVersion",
                                                 RBAC, "kind", role, "metadata", "name", name,
                                                 "namespace", namespace, "rules", rule));
    (void)json_array_append_new(
        items, json_pack("{s:s, s:s, s:{s:s, s:s*}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}",
                         "apiVersion", RBAC, "kind", binding, "metadata", "name", name, "namespace",
                         namespace, "roleRef", "apiGroup", "rbac.authorization.k8s.io", "kind",
                         role, "name", name, "subjects", "apiGroup", "rbac.authorization.k8s.io",
                         "kind", "Group", "name", "system:nodes"));
}

json_t *up_network_objects(const struct cluster_spec *spec)
{
    json_t *list = json_pack("{s:s, s:s, s:[o]}", "apiVersion", "v1", "kind", "List", "items",
                             network_map(spec));
    json_t *items = json_object_get(list, "items");
    add_right(items, "kube-system", "slipway:node-network",
              json_pack("{s:[s], s:[s], s:[s], s:[s]}", "apiGroups", "", "resources", "configmaps",
                        "resourceNames", UP_NETWORK_MAP, "verbs", "get"));
    /* Since 1.32 a kubelet may see no other Node than its own; slipway-podnet sees all of them. */
    if (spec->cni.driver == CNI_BRIDGE)
        add_right(items, NULL, "slipway:podnet",
                  json_pack("{s:[s], s:[s], s:[s, s, s]}", "apiGroups", "", "resources", "nodes",
                            "verbs", "get", "list", "watch"));
    return list;
}

/* ---- into the cluster ---- */

/* A token that somebody gave, and that others wait with, must not be there before this is done. */
static int approve_by_hand(const struct up_kubectl *kubectl, struct err *err)
{
    static const char *const arguments[] = {"delete", "clusterrolebinding", UP_AUTO_APPROVE,
                                            "--ignore-not-found", NULL};
    return up_kubectl(kubectl, arguments, NULL, APPLY_MS, NULL, err);
}

int up_cluster_furnish(const struct up_kubectl *kubectl, const struct cluster_spec *spec,
                       struct err *err)
{
    int r = up_apply(kubectl, up_network_objects(spec), APPLY_MS, NULL, err);
    return r < 0 ? err_wrap(err, "cannot tell nodes of the network") : 0;
}

int up_cluster_admit(const struct up_kubectl *kubectl, const struct cluster_spec *spec,
                     const struct kube_token *token, int64_t now_wall_ms, struct err *err)
{
    const struct cluster_join_policy *policy = &spec->join_policy;
    int r = policy->auto_approve ? 0 : approve_by_hand(kubectl, err);
    if (r < 0)
        return err_wrap(err, "cannot switch off automatic approval");
    int64_t expires = now_wall_ms + policy->token_ttl_seconds * 1000;
    r = up_apply(kubectl, up_token_object(token, expires), APPLY_MS, NULL, err);
    return r < 0 ? err_wrap(err, "cannot make the token for joining nodes") : 0;
}

/* ---- the network on this node ---- */

int up_network_fetch(const struct up_kubectl *kubectl, char **ret, struct err *err)
{
    static const char *const arguments[] = {"--namespace=kube-system",
                                            "get",
                                            "configmap",
                                            UP_NETWORK_MAP,
                                            "--ignore-not-found",
                                            "--output=jsonpath={.data.network\\.json}",
                                            NULL};
    struct buf output = BUF_INIT_MAX(64 << 10);
    int r = up_kubectl(kubectl, arguments, NULL, APPLY_MS, &output, err);
    if (r == 0 && !output.len)
        r = -ENODATA;
    /* A node may not ask for what nobody gave it a right to: others made this cluster. */
    if (r == -EIO && err && strstr(err->text, "Forbidden"))
        r = -ENODATA;
    char *text = r == 0 ? buf_steal(&output) : NULL;
    buf_free(&output);
    if (r == 0 && !text)
        r = -ENOMEM;
    *ret = text;
    return r;
}

int up_network_apply(const struct node *node, const char *node_name, const char *text,
                     bool *ret_changed, struct err *err)
{
    json_auto_t *network = json_loads(text, 0, NULL);
    const char *driver = json_string_value(json_object_get(network, "driver"));
    _autofree_ char *before = NULL;
    *ret_changed = false;
    if (!driver)
        return err_set(err, -EBADMSG, "the cluster's ConfigMap " UP_NETWORK_MAP " tells no driver");
    if (!str_eq(driver, field_enum_text(cni_driver_values, CNI_BRIDGE)))
        return 0;
    if (json_object_set_new(network, "nodeName", json_string(node_name)) < 0)
        return -ENOMEM;
    (void)json_object_del(network, "driver");
    _autofree_ char *config = json_dumps(network, JSON_COMPACT);
    if (!config)
        return -ENOMEM;
    if (node_read(node, PODNET_CONFIG, 64 << 10, &before, NULL, NULL) == 0 &&
        str_eq(before, config))
        return 0;
    *ret_changed = true;
    return node_write_text(node, PODNET_CONFIG, config, 0644, err);
}
