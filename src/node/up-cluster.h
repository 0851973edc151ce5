/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the seeder puts into the cluster that it has made: the token that nodes join with, who is
 * approved, and what joining nodes have to know of the network between pods.
 */
#pragma once

#include "kube/bootstrap-token.h"
#include "node/node.h"
#include "node/up-kubectl.h"
#include "resource/node-configuration.h"

/* The binding of kubeadm by which whoever has a token gets a certificate. */
#define UP_AUTO_APPROVE "kubeadm:node-autoapprove-bootstrap"

/* Names of the ConfigMap in kube-system that tells joining nodes of the network between pods. */
#define UP_NETWORK_MAP "slipway-node-network"
#define UP_NETWORK_KEY "network.json"

/* The Secret of the token, for so long, with the rights that kubeadm's own have. */
json_t *up_token_object(const struct kube_token *token, int64_t expires_wall_ms);

/* A List: the ConfigMap, and that nodes may read it and see each other. NULL: out of memory. */
json_t *up_network_objects(const struct cluster_spec *spec);

/* Tells nodes of the network, once the API server answers. 0 or a negative errno. */
int up_cluster_furnish(const struct up_kubectl *kubectl, const struct cluster_spec *spec,
                       struct err *err) _must_check_;

/* Whom the cluster lets in: who has the token, at once or when somebody approves. 0 or a negative
 * errno. */
int up_cluster_admit(const struct up_kubectl *kubectl, const struct cluster_spec *spec,
                     const struct kube_token *token, int64_t now_wall_ms, struct err *err)
    _must_check_;

/*
 * Makes the network between pods of this node what the ConfigMap's text says: slipway-podnet's
 * configuration, when that is its driver. *ret_changed: slipway-podnet has to read it. 0, -EBADMSG
 * or another negative errno.
 */
int up_network_apply(const struct node *node, const char *node_name, const char *text,
                     bool *ret_changed, struct err *err) _must_check_;
/* What the ConfigMap says; malloc'd. -ENODATA: the cluster has none. */
int up_network_fetch(const struct up_kubectl *kubectl, char **ret, struct err *err) _must_check_;
