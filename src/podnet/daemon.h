/* SPDX-License-Identifier: Apache-2.0 */
/* The resident program: keeps the plan true. */
#pragma once

#include "base/err.h"

struct podnet_daemon_options {
    const char *config;     /* /etc/kubernetes/slipway-podnet.json */
    const char *kubeconfig; /* /etc/kubernetes/kubelet.conf */
};

/*
 * Follows Nodes, this machine's links, and the files; plans and applies whenever one of them
 * changed, and once a minute in case somebody else changed what is ours. Returns 0 after SIGTERM or
 * SIGINT, or when the configuration is removed; what was applied stays.
 */
int podnet_daemon_run(const struct podnet_daemon_options *options, struct err *err) _must_check_;
