/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClusterStatus: the list of API servers that kubeadm before 1.22 keeps in ConfigMap kubeadm-config
 * and reads when a control plane joins. Pure and thread safe.
 */
#pragma once

#include "base/err.h"

#define KUBEADM_STATUS_KEY "ClusterStatus" /* of the ConfigMap's data */

/*
 * The text without the API server on that Node; *ret is malloc'd. 0, -ENOENT (it is not in it),
 * -EBADMSG (no ClusterStatus) or -ENOMEM.
 */
int kubeadm_status_remove(const char *text, const char *node, char **ret) _must_check_;
