/* SPDX-License-Identifier: Apache-2.0 */
/* Access for people: a certificate that ends soon, signed by the cluster's own authority. */
#include "base/str.h"
#include "kube/kubeconfig.h"
#include "server/cluster-entry.h"

static int issue(const struct cluster_entry *entry, int64_t seconds, struct pki_pair *ret,
                 struct err *err)
{
    static const char *const groups[] = {"system:masters", NULL};
    const struct pki_subject subject = {
        .common_name = "slipway-admin",
        .organizations = groups,
        .usages = PKI_USAGE_CLIENT,
        .lifetime_seconds = seconds,
    };
    return pki_issue(&entry->pki.ca, &subject, entry->server->clock, ret, err);
}

int clusters_kubeconfig(void *data, const char *name, int64_t seconds, char **ret, struct err *err)
{
    const struct cluster_entry *entry = clusters_find(data, name);
    struct pki_pair pair _autopair_ = {NULL, NULL};
    if (!entry || !entry->cluster)
        return err_set(err, -ENOENT, "there is no Cluster %s", name);
    if (!entry->pki_ready || !entry->cluster->status.endpoint)
        return err_set(err, -EAGAIN, "Cluster %s has no API server yet: no Machine forms it", name);
    int r = issue(entry, seconds, &pair, err);
    if (r < 0)
        return r;
    _autofree_ char *url = str_format("https://%s", entry->cluster->status.endpoint);
    const struct kube_config_parts parts = {
        .server = url,
        .authority = entry->pki.ca.certificate,
        .certificate = pair.certificate,
        .key = pair.key,
        .cluster = name,
        .user = "slipway-admin",
    };
    *ret = url ? kube_config_text(&parts) : NULL;
    return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}
