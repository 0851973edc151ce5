/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes inside a cluster while its Machines are brought to an Image with another Kubernetes.
 * Machines join anew with that version's kubeadm, which makes all that runs on them; this is the
 * rest of what `kubeadm upgrade` would do: the ConfigMaps that a join reads, and the add-ons. Each
 * is a patch of one object as the API server has it. Pure and thread safe.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

/*
 * The container image of an add-on in that version: `known` is kubeadm's name of it, as the Image
 * says (NULL or "": it does not), repository the Cluster's (NULL: kubeadm's), current the name that
 * is in use. Without a known one it is current with `version` as its tag; with version NULL there
 * is none: -ENOENT. *ret is malloc'd. 0, -ENOENT, -EBADMSG (current has no tag) or -ENOMEM.
 */
int upgrade_addon_image(const char *known, const char *repository, const char *current,
                        const char *version, char **ret) _must_check_;

/*
 * The name of the container image that a DaemonSet's or Deployment's container runs; NULL: there is
 * no such container. Borrowed.
 */
const char *upgrade_container_image(const json_t *workload, const char *container);

/*
 * The ConfigMap of kubelets' configuration under another name, to be applied; *ret is a new
 * reference. Until 1.23 its name held the version. 0, -EBADMSG (it has no data) or -ENOMEM.
 */
int upgrade_kubelet_config(const json_t *config_map, const char *name, json_t **ret) _must_check_;

/*
 * kubeadm's ConfigMap with another ClusterConfiguration (see kubeadm_cluster_configuration()): a
 * merge patch. 0, -ENOENT (it says so already) or -ENOMEM.
 */
int upgrade_kubeadm_config(const json_t *config_map, const char *configuration, json_t **ret)
    _must_check_;

/*
 * kube-proxy before the first Machine: Pods that are made from now on get that container image, and
 * those that run are left alone, because their Machines do not hold it. A strategic merge patch. 0,
 * -ENOENT (nothing to do) or -ENOMEM.
 */
int upgrade_proxy_begin(const json_t *daemon_set, const char *image, json_t **ret) _must_check_;

/* kube-proxy after the last Machine: the DaemonSet looks after its Pods as before. Likewise. */
int upgrade_proxy_end(const json_t *daemon_set, json_t **ret) _must_check_;

/*
 * CoreDNS gets that container image: Machines that were installed anew do not hold the one that it
 * had. Its configuration is not touched. Likewise.
 */
int upgrade_dns(const json_t *deployment, const char *image, json_t **ret) _must_check_;
