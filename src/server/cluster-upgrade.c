/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rollout changes in the cluster itself (see cluster/upgrade.h): a list of objects, each of
 * which is read, changed where it has to be, and left behind. All of it may be done twice, so a
 * server that starts anew just begins again; what needs no change is not written.
 */
#include "cluster/upgrade.h"

#include "base/log.h"
#include "base/str.h"
#include "cluster/kubeadm.h"
#include "kube/request.h"
#include "server/cluster-entry.h"
#include "server/image-facts.h"

#define NAMESPACE "kube-system"

struct cluster_upgrade {
    struct cluster_entry *entry;
    char version[32], proxy_image[256], dns_image[256];
    struct kubeadm_config_maps before, after;
    size_t step; /* of steps[]; all before it are done */
    enum cluster_upgrade_phase wanted;
    struct kube_request *request;
    bool failed; /* goes on after a pause */
    char text[256];
};

/* What becomes of an object. */
struct change {
    enum kube_patch type;
    json_t *object;     /* the patch, or what is to be created */
    const char *create; /* the name of the new one; NULL: it is a patch */
};

struct step {
    enum cluster_upgrade_phase phase;
    const struct kube_kind *kind;
    const char *name; /* NULL: the kubelets' ConfigMap */
    /* 0; -ENOENT: nothing to change; or another negative errno */
    int (*change)(const struct cluster_upgrade *u, const json_t *object, struct change *ret);
    const char *what; /* for people, when it was changed */
};

/* ---- the changes ---- */

static int change_kubelet(const struct cluster_upgrade *u, const json_t *object, struct change *ret)
{
    if (str_eq(u->before.kubelet, u->after.kubelet))
        return -ENOENT;
    ret->create = u->after.kubelet;
    return upgrade_kubelet_config(object, ret->create, &ret->object);
}

/* Only what the whole cluster has in common is used of it. */
static int make_configuration(const struct cluster_upgrade *u, char **ret)
{
    const struct cluster_entry *entry = u->entry;
    const char *first = entry->cluster->status.initialized_by;
    const struct kubeadm_request request = {
        .cluster = entry->cluster,
        .machine = {.name = first ? first : "none",
                    .address = cluster_first_address(entry),
                    .role = ROLE_CONTROL_PLANE},
        .version = u->version,
        .task = KUBEADM_INIT,
        .first = cluster_first_address(entry),
    };
    struct err err = ERR_INIT;
    int r = kubeadm_cluster_configuration(&request, ret, &err);
    if (r < 0)
        log_error("Cluster %s: %s", entry->name, err_text(&err));
    return r;
}

static int change_kubeadm(const struct cluster_upgrade *u, const json_t *object, struct change *ret)
{
    _autofree_ char *text = NULL;
    int r = make_configuration(u, &text);
    return r < 0 ? r : upgrade_kubeadm_config(object, text, &ret->object);
}

static int change_proxy(const struct cluster_upgrade *u, const json_t *object, struct change *ret)
{
    _autofree_ char *image = NULL;
    int r = upgrade_addon_image(u->proxy_image, u->entry->cluster->spec.image_repository,
                                upgrade_container_image(object, "kube-proxy"), u->version, &image);
    ret->type = KUBE_PATCH_STRATEGIC;
    return r < 0 ? -ENOENT : upgrade_proxy_begin(object, image, &ret->object);
}

static int change_dns(const struct cluster_upgrade *u, const json_t *object, struct change *ret)
{
    _autofree_ char *image = NULL;
    int r = upgrade_addon_image(u->dns_image, u->entry->cluster->spec.image_repository,
                                upgrade_container_image(object, "coredns"), NULL, &image);
    ret->type = KUBE_PATCH_STRATEGIC;
    return r < 0 ? -ENOENT : upgrade_dns(object, image, &ret->object);
}

static int release_proxy(const struct cluster_upgrade *u, const json_t *object, struct change *ret)
{
    (void)u;
    ret->type = KUBE_PATCH_STRATEGIC;
    return upgrade_proxy_end(object, &ret->object);
}

static const struct step steps[] = {
    {CLUSTER_UPGRADE_PREPARED, &kube_config_maps, NULL, change_kubelet,
     "kubelets' configuration is there under the name that this version looks for"},
    {CLUSTER_UPGRADE_PREPARED, &kube_config_maps, "kubeadm-config", change_kubeadm,
     "kubeadm's configuration is what the Cluster says"},
    {CLUSTER_UPGRADE_PREPARED, &kube_daemon_sets, "kube-proxy", change_proxy,
     "kube-proxy gets its new version on each Machine that is installed anew"},
    {CLUSTER_UPGRADE_DNS, &kube_deployments, "coredns", change_dns, "CoreDNS gets its new version"},
    {CLUSTER_UPGRADE_ENDED, &kube_daemon_sets, "kube-proxy", release_proxy,
     "kube-proxy has its new version everywhere"},
};

/* ---- one after the other ---- */

static void fail(struct cluster_upgrade *u, const char *text)
{
    if (!str_eq(u->text, text))
        cluster_tell(u->entry, true, "UpgradeDelayed", text);
    (void)snprintf(u->text, sizeof(u->text), "%s", text);
    u->failed = true;
    cluster_retry(u->entry);
}

static void go_on(struct cluster_upgrade *u);

static void next(struct cluster_upgrade *u)
{
    u->step++;
    go_on(u);
}

static void on_written(void *user, const struct kube_answer *reply)
{
    struct cluster_upgrade *u = user;
    if (reply->error < 0 && reply->error != -EEXIST) {
        fail(u, reply->status.message);
        return;
    }
    if (reply->error == 0)
        cluster_tell(u->entry, false, "UpgradeStep", steps[u->step].what);
    next(u);
}

static struct kube_path path_of(const struct cluster_upgrade *u)
{
    const struct step *step = &steps[u->step];
    return (struct kube_path){.kind = step->kind,
                              .namespace = NAMESPACE,
                              .name = step->name ? step->name : u->before.kubelet};
}

static int write_change(struct cluster_upgrade *u, const struct change *change)
{
    struct kube_client *client = cluster_link_client(u->entry->link);
    const struct kube_then then = {on_written, u, &u->request};
    struct kube_path path = path_of(u);
    if (!change->create)
        return kube_patch(client, &path, change->type, change->object, NULL, then);
    path.name = NULL;
    return kube_create(client, &path, change->object, NULL, then);
}

/* What is not there (a cluster without kube-proxy, say) needs no change. */
static void on_read(void *user, const struct kube_answer *reply)
{
    struct cluster_upgrade *u = user;
    struct change change = {.type = KUBE_PATCH_MERGE};
    if (reply->error < 0 && reply->error != -ENOENT) {
        fail(u, reply->status.message);
        return;
    }
    int r = reply->error < 0 ? -ENOENT : steps[u->step].change(u, reply->object, &change);
    if (r == 0)
        r = write_change(u, &change);
    json_decref(change.object);
    if (r == -ENOENT)
        next(u);
    else if (r < 0)
        fail(u, strerror(-r));
}

static bool is_reached(const struct cluster_upgrade *u, enum cluster_upgrade_phase phase)
{
    return u->step == ARRAY_SIZE(steps) || steps[u->step].phase > phase;
}

static void go_on(struct cluster_upgrade *u)
{
    if (is_reached(u, u->wanted)) {
        cluster_touch(u->entry);
        return;
    }
    const struct kube_path path = path_of(u);
    int r = kube_get(cluster_link_client(u->entry->link), &path,
                     (struct kube_then){on_read, u, &u->request});
    if (r < 0)
        fail(u, strerror(-r));
}

/* ---- beginning ---- */

static void read_facts(struct cluster_upgrade *u, const struct image_facts *facts)
{
    const char *running = u->entry->cluster->status.kubernetes_version;
    (void)snprintf(u->version, sizeof(u->version), "%s", facts->kubernetes);
    (void)snprintf(u->proxy_image, sizeof(u->proxy_image), "%s", facts->proxy_image);
    (void)snprintf(u->dns_image, sizeof(u->dns_image), "%s", facts->dns_image);
    if (kubeadm_config_maps(u->version, &u->after) < 0 ||
        kubeadm_config_maps(running ? running : u->version, &u->before) < 0)
        u->before = u->after;
}

static struct cluster_upgrade *begin(struct cluster_entry *entry, const struct image_facts *facts)
{
    struct cluster_upgrade *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->entry = entry;
    read_facts(u, facts);
    entry->upgrade = u;
    /* machines that join from now on look for ConfigMaps with that version's names */
    cluster_rbac_renew(entry);
    return u;
}

/* Not the Image's name: of two with one version either may come first, and both need the same. */
static bool is_about(const struct cluster_upgrade *u, const struct image_facts *facts,
                     enum cluster_upgrade_phase phase)
{
    bool add_ons =
        str_eq(u->proxy_image, facts->proxy_image) && str_eq(u->dns_image, facts->dns_image);
    return str_eq(u->version, facts->kubernetes) && (phase == CLUSTER_UPGRADE_PREPARED || add_ons);
}

bool cluster_upgrade_is_due(const struct cluster *cluster)
{
    const char *running = cluster->status.kubernetes_version;
    return running && !str_eq(running, cluster->spec.kubernetes_version);
}

bool cluster_upgrade(struct cluster_entry *entry, const char *image,
                     enum cluster_upgrade_phase phase)
{
    const struct image_facts *facts = images_facts(entry->server, image);
    struct cluster_upgrade *u = entry->upgrade;
    if (!facts || !entry->link || !cluster_link_is_up(entry->link))
        return false;
    if (u && !is_about(u, facts, phase)) {
        cluster_upgrade_free(entry);
        u = NULL;
    }
    if (!u && !(u = begin(entry, facts)))
        return false;
    u->wanted = u->wanted > phase ? u->wanted : phase;
    if (!is_reached(u, phase) && !u->request && !u->failed)
        go_on(u);
    return is_reached(u, phase);
}

void cluster_upgrade_retry(struct cluster_entry *entry)
{
    if (entry->upgrade)
        entry->upgrade->failed = false;
}

void cluster_upgrade_free(struct cluster_entry *entry)
{
    struct cluster_upgrade *u = TAKE_PTR(entry->upgrade);
    if (!u)
        return;
    kube_request_cancel(u->request);
    free(u);
}
