/* SPDX-License-Identifier: Apache-2.0 */
/* What depends on the version of Kubernetes alone. */
#include "cluster/kubeadm.h"

#include "resource/kube-version.h"

int kubeadm_version_api(const char *version, enum kubeadm_api *ret, struct err *err)
{
    struct kube_version v;
    if (kube_version_parse(version, &v) < 0)
        return err_set(err, -EINVAL, "not a version of Kubernetes: \"%s\"", version ? version : "");
    if (!kube_version_at_least(v, 1, 15))
        return err_set(err, -EOPNOTSUPP, "Kubernetes %s: kubeadm of v1.15 or later is needed",
                       version);
    if (kube_version_at_least(v, 1, 31))
        *ret = KUBEADM_V1BETA4;
    else
        *ret = kube_version_at_least(v, 1, 22) ? KUBEADM_V1BETA3 : KUBEADM_V1BETA2;
    return 0;
}

const char *kubeadm_api_text(enum kubeadm_api api)
{
    static const char *const texts[] = {
        [KUBEADM_V1BETA2] = "kubeadm.k8s.io/v1beta2",
        [KUBEADM_V1BETA3] = "kubeadm.k8s.io/v1beta3",
        [KUBEADM_V1BETA4] = "kubeadm.k8s.io/v1beta4",
    };
    return texts[api];
}

const char *kubeadm_cri_socket(enum container_runtime runtime)
{
    return runtime == RUNTIME_CRIO ? "unix:///var/run/crio/crio.sock"
                                   : "unix:///run/containerd/containerd.sock";
}

int kubeadm_config_maps(const char *version, struct kubeadm_config_maps *ret)
{
    struct kube_version v;
    if (kube_version_parse(version, &v) < 0)
        return -EINVAL;
    /* Its name held the version until 1.23. */
    if (kube_version_at_least(v, 1, 24))
        (void)snprintf(ret->kubelet, sizeof(ret->kubelet), "kubelet-config");
    else
        (void)snprintf(ret->kubelet, sizeof(ret->kubelet), "kubelet-config-%u.%u", v.major,
                       v.minor);
    ret->names[0] = "kubeadm-config";
    ret->names[1] = ret->kubelet;
    ret->names[2] = "kube-proxy";
    ret->names[3] = NULL;
    return 0;
}
