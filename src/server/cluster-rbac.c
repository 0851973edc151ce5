/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine may do with its bootstrap token: ask for its certificate, and read what kubeadm
 * reads. The bindings are for a group of our own, which nothing approves automatically. And what
 * the network between pods needs to know.
 */
#include "base/log.h"
#include "base/str.h"
#include "cluster/kubeadm.h"
#include "kube/request.h"
#include "server/cluster-entry.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"
#define RBAC_VERSION RBAC_GROUP "/v1"
#define NAMESPACE "kube-system"

/* The last answer tells whether all of them are there; what failed is tried again. */
static void settle(struct cluster_entry *entry)
{
    if (--entry->rights_asked > 0)
        return;
    if (entry->rights_failed)
        cluster_retry(entry);
    else
        entry->rights_set = true;
}

static void note_failure(struct cluster_entry *entry, const char *message)
{
    log_warn("Cluster %s: rights of joining machines could not be set: %s", entry->name, message);
    entry->rights_failed = true;
}

static void on_applied(void *user, const struct kube_answer *reply)
{
    if (reply->error < 0)
        note_failure(user, reply->status.message);
    settle(user);
}

/* Owns the object. The link's client ends before the entry does, and its requests with it. */
static void apply(struct cluster_entry *entry, const struct kube_kind *kind, const char *namespace,
                  json_t *object)
{
    struct kube_client *client = cluster_link_client(entry->link);
    const struct kube_path path = {
        .kind = kind, .namespace = namespace, .name = object_text(object, "metadata.name")};
    const struct kube_write_options options = {.force = true};
    entry->rights_asked++;
    if (!object || kube_patch(client, &path, KUBE_PATCH_APPLY, object, &options,
                              (struct kube_then){.done = on_applied, .user = entry}) < 0) {
        note_failure(entry, "out of memory");
        settle(entry);
    }
    json_decref(object);
}

static json_t *binding(const char *kind, const char *name, const char *role_kind, const char *role,
                       const char *group)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "apiVersion",
                     RBAC_VERSION, "kind", kind, "metadata", "name", name, "roleRef", "apiGroup",
                     RBAC_GROUP, "kind", role_kind, "name", role, "subjects", "apiGroup",
                     RBAC_GROUP, "kind", "Group", "name", group);
}

/* Owns verbs and names; names may be NULL: all. */
static json_t *role(const char *kind, const char *name, const char *resource, json_t *verbs,
                    json_t *names)
{
    json_t *rule =
        json_pack("{s:[s], s:[s], s:o}", "apiGroups", "", "resources", resource, "verbs", verbs);
    if (names)
        (void)json_object_set_new(rule, "resourceNames", names);
    return json_pack("{s:s, s:s, s:{s:s}, s:[o]}", "apiVersion", RBAC_VERSION, "kind", kind,
                     "metadata", "name", name, "rules", rule);
}

static json_t *config_map_names(const char *version)
{
    struct kubeadm_config_maps maps;
    json_t *names = json_array();
    if (kubeadm_config_maps(version, &maps) < 0)
        return names;
    for (size_t i = 0; maps.names[i]; i++)
        (void)json_array_append_new(names, json_string(maps.names[i]));
    return names;
}

/* Since 1.32 a kubelet may see no other Node than its own; slipway-podnet has to see all of them.
 */
static void apply_for_podnet(struct cluster_entry *entry)
{
    apply(entry, &kube_cluster_roles, NULL,
          role("ClusterRole", "slipway:podnet", "nodes",
               json_pack("[s, s, s]", "get", "list", "watch"), NULL));
    apply(entry, &kube_cluster_role_bindings, NULL,
          binding("ClusterRoleBinding", "slipway:podnet", "ClusterRole", "slipway:podnet",
                  "system:nodes"));
}

void cluster_rbac_renew(struct cluster_entry *entry)
{
    entry->rights_set = false;
    if (entry->rights_asked)
        entry->rights_failed = true; /* again when this pass has ended */
    else
        cluster_rbac_apply(entry);
}

void cluster_rbac_apply(struct cluster_entry *entry)
{
    if (entry->rights_asked > 0)
        return;
    entry->rights_failed = false;
    entry->rights_asked = 1; /* until all are asked for */
    apply(entry, &kube_cluster_role_bindings, NULL,
          binding("ClusterRoleBinding", "slipway:bootstrap", "ClusterRole",
                  "system:node-bootstrapper", KUBEADM_GROUP));
    apply(entry, &kube_cluster_roles, NULL,
          role("ClusterRole", "slipway:get-nodes", "nodes", json_pack("[s]", "get"), NULL));
    apply(entry, &kube_cluster_role_bindings, NULL,
          binding("ClusterRoleBinding", "slipway:get-nodes", "ClusterRole", "slipway:get-nodes",
                  KUBEADM_GROUP));
    apply(entry, &kube_roles, NAMESPACE,
          role("Role", "slipway:kubeadm-config", "configmaps", json_pack("[s]", "get"),
               config_map_names(entry->cluster->spec.kubernetes_version)));
    apply(entry, &kube_role_bindings, NAMESPACE,
          binding("RoleBinding", "slipway:kubeadm-config", "Role", "slipway:kubeadm-config",
                  KUBEADM_GROUP));
    if (entry->cluster->spec.cni.driver == CNI_BRIDGE)
        apply_for_podnet(entry);
    settle(entry);
}
