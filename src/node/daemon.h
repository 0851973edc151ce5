/* SPDX-License-Identifier: Apache-2.0 */
/* The resident part of slipway-node: carries out what duty.h decides. */
#pragma once

#include "node/conversation.h"
#include "node/node.h"

struct node_daemon_options {
    const char *sys, *dev; /* "/sys", "/dev" */
    struct node_transport transport;
    struct rng *rng;
    /* Starts the unit that carries out the task of a cluster, without waiting for it; NULL: tasks
       are left to another process. */
    int (*start_task)(void *data, struct err *err);
    void *start_data;
    /* Restarts the machine, to boot from the network if that can be told; NULL: it is not. */
    int (*restart)(void *data, struct err *err);
    const char *journalctl; /* for the end of kubelet's log, when the server asks; NULL: do not */
    bool once;              /* return when everything was said and done, instead of staying */
};

/*
 * Reports for ever. Returns only with once (0 when the server answered), when there is nothing to
 * do (no identity and nothing pending), or when the system refuses what it needs.
 */
int node_daemon_run(const struct node *node, const struct node_daemon_options *options,
                    struct err *err) _must_check_;

/*
 * Reads identity and provision as first boot kept them. -ENOENT when there are none; the provision
 * stays zero when only it is missing.
 */
int node_load_identity(const struct node *node, struct provision_identity *ret, struct err *err)
    _must_check_;
int node_load_provision(const struct node *node, struct provision *ret, struct err *err)
    _must_check_;
