/* SPDX-License-Identifier: Apache-2.0 */
/* kubeadm.k8s.io/v1beta4, from Kubernetes 1.31: flags are lists, timeouts have a place of their
 * own, and the DNS server can be switched off in the configuration. */
#include <string.h>

#include "cluster/kubeadm-private.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that the same Cluster always gives the same text. */
static json_t *flags_as_list(json_t *object)
{
    size_t n = json_object_size(object), i = 0;
    _autofree_ const char **names = calloc(n + 1, sizeof(*names));
    json_t *list = json_array();
    const char *name;
    json_t *value;
    if (names) {
        json_object_foreach (object, name, value)
            names[i++] = name;
        qsort(names, i, sizeof(*names), compare_names);
    }
    bool failed = !names || !list;
    for (size_t k = 0; !failed && k < i; k++)
        failed = json_array_append_new(list, json_pack("{s:s, s:O}", "name", names[k], "value",
                                                       json_object_get(object, names[k]))) < 0;
    json_decref(object);
    if (!failed)
        return list;
    json_decref(list);
    return NULL;
}

static void init_timeouts(struct kubeadm_making *m, json_t *init, json_t *cluster)
{
    (void)cluster;
    kubeadm_put(m, init, "timeouts",
                json_pack("{s:s, s:s}", "controlPlaneComponentHealthCheck", m->timeout,
                          "kubeletHealthCheck", m->timeout));
}

static void join_timeouts(struct kubeadm_making *m, json_t *join)
{
    kubeadm_put(m, join, "timeouts",
                json_pack("{s:s, s:s, s:s, s:s}", "controlPlaneComponentHealthCheck", m->timeout,
                          "kubeletHealthCheck", m->timeout, "discovery", m->timeout, "tlsBootstrap",
                          m->timeout));
}

static void ecdsa_keys(struct kubeadm_making *m, json_t *cluster)
{
    kubeadm_put(m, cluster, "encryptionAlgorithm", json_string("ECDSA-P256"));
}

static void no_dns(struct kubeadm_making *m, json_t *cluster)
{
    kubeadm_put(m, cluster, "dns", json_pack("{s:b}", "disabled", 1));
}

const struct kubeadm_dialect kubeadm_v1beta4 = {
    .api = KUBEADM_V1BETA4,
    .flags = flags_as_list,
    .init_timeouts = init_timeouts,
    .join_timeouts = join_timeouts,
    .ecdsa_keys = ecdsa_keys,
    .no_dns = no_dns,
};
