/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the API server as this machine's kubelet, and the Nodes that it told of. Everything on
 * the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "podnet/node.h"

struct podnet_session;

struct podnet_session_options {
    uv_loop_t *loop;
    const char *kubeconfig; /* kubelet's; borrowed as long as the session lives */
    void *user;
    void (*changed)(void *user); /* the Nodes may have changed, in a way that matters */
    /* The API server refused us, or we it: refresh soon. Comes with every attempt. */
    void (*refused)(void *user);
};

/* Nothing is read or sent before podnet_session_refresh(). 0 or -ENOMEM. */
int podnet_session_new(const struct podnet_session_options *options, struct podnet_session **ret)
    _must_check_;

/*
 * Reads the kubeconfig and what it names. Where that differs from what is used, the next requests
 * go with the new; another CA means another cluster, whose Nodes are listed anew. 0, or a negative
 * errno (nothing to read yet, or half written), and all stays as it is. Blocks for small reads.
 */
int podnet_session_refresh(struct podnet_session *session, struct err *err) _must_check_;

/* Whether refresh succeeded once. */
bool podnet_session_is_open(const struct podnet_session *session);

/* Whether all Nodes are known; not yet after the start, nor after another CA. */
bool podnet_session_is_synced(const struct podnet_session *session);

/* A copy of the Nodes known now, in no order; free(). 0 or -ENOMEM. */
int podnet_session_nodes(const struct podnet_session *session, struct podnet_node **ret,
                         size_t *ret_count) _must_check_;

/* The folder where kubelet keeps the certificate that is used; NULL when none is known. */
const char *podnet_session_folder(const struct podnet_session *session);

/* Handles of the loop close behind it, so the loop has to run until it ends. NULL allowed. */
void podnet_session_free(struct podnet_session *session);
