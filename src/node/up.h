/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `slipway-node up`: makes a prepared host (kubeadm, kubelet, kubectl, a container runtime) a node
 * without Slipway's server. kubeadm is run by the same code as a server's tasks.
 */
#pragma once

#include <signal.h>

#include "node/cluster-task.h"
#include "node/up-config.h"

/* Exit statuses. */
enum {
    UP_READY = 0,
    UP_FAILED = 1,     /* kubeadm, or what comes behind it */
    UP_USAGE = 2,      /* the command line or the configuration */
    UP_NOT_READY = 4,  /* the node is up, and was not Ready in time */
    UP_ADDONS = 5,     /* the node is up, and some of the add-ons were not applied */
    UP_UNPREPARED = 6, /* the host lacks a program, or is a node of something else already */
};

struct up_options {
    const char *cni;    /* as in struct up_sources */
    const char *addons; /* folder of manifests; NULL: none */
    int64_t timeout_ms; /* for the node to be Ready, behind kubeadm's own deadline */
    bool block;         /* wait until it is */
    bool show_token;    /* print the token with what a joining node needs */
};

/* The node's own files and tools, so that tests can bring their own. */
struct up_context {
    const struct node *node;
    const struct cluster_tools *tools; /* on_phase is set by up_run() */
    const char *kubectl;               /* program */
    struct rng *rng;
};

/*
 * Does it all, and says on standard error how it goes and on standard output what joining nodes
 * need. Returns an exit status.
 */
int up_run(const struct up_context *context, const struct node_configuration *configuration,
           const struct up_options *options);

/* The version of a kubeadm, such as "v1.20.2". 0, -ENOENT (there is none) or another negative
 * errno. */
int up_kubeadm_version(const char *kubeadm, char *ret, size_t size, struct err *err) _must_check_;

/* `slipway-node up` with its own options; argv[0] is "up". Returns an exit status. */
int up_main(int argc, char **argv, const struct cluster_tools *tools);

/* What up leaves beside the cluster's task: for reset. */
int up_forget(const struct node *node, struct err *err) _must_check_;
