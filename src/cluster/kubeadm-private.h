/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of kubeadm.h share. */
#pragma once

#include "cluster/kubeadm.h"
#include "resource/kube-version.h"

/* Rendering one request. */
struct kubeadm_making {
    const struct kubeadm_request *request;
    const struct kubeadm_dialect *dialect;
    struct kube_version version;
    char host[CLUSTER_HOST_SIZE]; /* of the endpoint */
    char endpoint[CLUSTER_ENDPOINT_SIZE];
    char timeout[24]; /* of one step of kubeadm: "450s" */
    bool failed;      /* out of memory somewhere: the result is no good */
};

/* How one version of kubeadm's configuration API says what all of them can say. */
struct kubeadm_dialect {
    enum kubeadm_api api;
    /* Flags, from an object of texts (taken over) to what extraArgs holds; NULL: out of memory. */
    json_t *(*flags)(json_t *object);
    /* How long kubeadm waits, in the documents that say it. */
    void (*init_timeouts)(struct kubeadm_making *m, json_t *init, json_t *cluster);
    void (*join_timeouts)(struct kubeadm_making *m, json_t *join);
    /* That the certificates which kubeadm issues have ECDSA keys, as the authorities have. */
    void (*ecdsa_keys)(struct kubeadm_making *m, json_t *cluster);
    /* That CoreDNS is not wanted; NULL: only its phase is skipped. */
    void (*no_dns)(struct kubeadm_making *m, json_t *cluster);
};

extern const struct kubeadm_dialect kubeadm_v1beta2, kubeadm_v1beta3, kubeadm_v1beta4;

/* Checks the request and prepares *m. Errors as kubeadm_config(). */
int kubeadm_begin(const struct kubeadm_request *request, struct kubeadm_making *m, struct err *err)
    _must_check_;

/* Sets a member (taking over value); a failure shows in m->failed. */
static inline void kubeadm_put(struct kubeadm_making *m, json_t *object, const char *name,
                               json_t *value)
{
    if (json_object_set_new(object, name, value) < 0)
        m->failed = true;
}

static inline void kubeadm_append(struct kubeadm_making *m, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) < 0)
        m->failed = true;
}

/* The folder's file: "/etc/kubernetes/pki/ca.crt". A new reference or NULL. */
json_t *kubeadm_pki_path(const struct kubeadm_making *m, const char *name);

/* Whether a join finds the authority by the ConfigMap cluster-info instead of a discovery file. */
bool kubeadm_asks_for_authority(const struct kubeadm_request *request);

/* Whether the machine runs keepalived, and its files. 0 or -ENOMEM. */
#define KUBEADM_KEEPALIVED_CONFIG "/etc/kubernetes/keepalived/keepalived.conf"
#define KUBEADM_KEEPALIVED_ENVIRONMENT "/etc/kubernetes/keepalived/environment"
bool kubeadm_has_keepalived(const struct kubeadm_request *request);
int kubeadm_keepalived_config(const struct kubeadm_request *request, char **ret) _must_check_;
int kubeadm_keepalived_environment(const struct kubeadm_request *request, char **ret) _must_check_;

/* Whether the machine runs kube-vip, and its static Pod as YAML. Errors as kubeadm_config(). */
bool kubeadm_has_vip_pod(const struct kubeadm_request *request);
int kubeadm_vip_pod(const struct kubeadm_request *request, char **ret, struct err *err)
    _must_check_;

#define KUBEADM_OIDC_CA "oidc-ca.crt" /* in the certificates' folder */
