/* SPDX-License-Identifier: Apache-2.0 */
/* kubeadm.k8s.io/v1beta2, of Kubernetes 1.15 to 1.21, and v1beta3, which adds nothing we say. */
#include "cluster/kubeadm-private.h"

static json_t *flags_as_they_are(json_t *object)
{
    return object;
}

static void init_timeouts(struct kubeadm_making *m, json_t *init, json_t *cluster)
{
    (void)init;
    json_t *api_server = json_object_get(cluster, "apiServer");
    kubeadm_put(m, api_server, "timeoutForControlPlane", json_string(m->timeout));
}

static void join_timeouts(struct kubeadm_making *m, json_t *join)
{
    kubeadm_put(m, json_object_get(join, "discovery"), "timeout", json_string(m->timeout));
}

/* A gate of kubeadm's own, in all versions that have it; older ones make RSA keys. */
static void ecdsa_keys(struct kubeadm_making *m, json_t *cluster)
{
    if (kube_version_at_least(m->version, 1, 19))
        kubeadm_put(m, cluster, "featureGates", json_pack("{s:b}", "PublicKeysECDSA", 1));
}

const struct kubeadm_dialect kubeadm_v1beta2 = {
    .api = KUBEADM_V1BETA2,
    .flags = flags_as_they_are,
    .init_timeouts = init_timeouts,
    .join_timeouts = join_timeouts,
    .ecdsa_keys = ecdsa_keys,
};

const struct kubeadm_dialect kubeadm_v1beta3 = {
    .api = KUBEADM_V1BETA3,
    .flags = flags_as_they_are,
    .init_timeouts = init_timeouts,
    .join_timeouts = join_timeouts,
    .ecdsa_keys = ecdsa_keys,
};
