/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the host: who it is, and whether it is prepared. */
#pragma once

#include "node/up.h"
#include "node/up-task.h"

/*
 * Fills in ret except for its version. 0 or a negative errno with err saying what is missing:
 * -ENODEV no such interface, -EADDRNOTAVAIL no address.
 */
int up_host_look(const struct node_configuration *configuration, struct up_host *ret,
                 struct err *err) _must_check_;

/* Whether the host is a node of something that is not ours: kubelet has a kubeconfig. */
bool up_host_is_taken(const struct node *node);

/* "Node1.Example" to "node1.example". 0, or -EINVAL when that is no name of a Node. Pure. */
int up_host_name(const char *hostname, char *dst, size_t size) _must_check_;
