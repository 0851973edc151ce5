/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says about the pods' network: /etc/kubernetes/slipway-podnet.json. */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define PODNET_NAME_SIZE 254 /* a Node's name: a DNS subdomain, and NUL */

struct podnet_config {
    struct cidr pod_subnet; /* of the whole Cluster */
    uint32_t mtu; /* of pods; 0: that of the link to the other Nodes, less VXLAN's header */
    char bin_dir[PATH_MAX];  /* where the CNI plugins are; default /usr/lib/cni */
    char conf_dir[PATH_MAX]; /* where the container runtime looks; default /etc/cni/net.d */
    char node_name[PODNET_NAME_SIZE];
};

/*
 * {"podSubnet": "10.244.0.0/16", "nodeName": "node1", "mtu": 0, "binDir": "/usr/lib/cni",
 * "confDir": "/etc/cni/net.d"}; the first two are needed. podSubnet may be a list with commas, of
 * which the first IPv4 subnet counts. Fields that are not known are left out of account. 0 or
 * -EINVAL with the field's name in err.
 */
int podnet_config_parse(const char *text, size_t len, struct podnet_config *ret, struct err *err)
    _must_check_;

/* As podnet_config_parse() from a file. -ENOENT when there is none. */
int podnet_config_load(const char *path, struct podnet_config *ret, struct err *err) _must_check_;
