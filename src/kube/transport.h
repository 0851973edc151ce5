/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on a libuv loop with one identity: its connections are never shared
 * with another identity, so a renewed certificate is a new transport. Private to this folder.
 *
 * The hooks are called outside of libcurl, so they may start and stop transfers.
 */
#pragma once

#include <curl/curl.h>
#include <uv.h>

#include "base/cleanup.h"

struct kube_transport;

/* PEM texts. */
struct kube_identity {
    const char *authority;
    const char *certificate; /* NULL: none */
    const char *key;
};

struct kube_transport_hooks {
    /* A transfer (its CURLOPT_PRIVATE) is over and no longer started. */
    void (*ended)(void *user, void *transfer, CURLcode code);
    /* After everything that one wake-up brought. */
    void (*settle)(void *user);
    /* All handles of the loop are closed and the transport is freed. */
    void (*closed)(void *user);
    void *user;
};

/* With one reference, the caller's. 0 or a negative errno (then no hook is called). */
int kube_transport_new(uv_loop_t *loop, const struct kube_identity *identity,
                       const struct kube_transport_hooks *hooks, struct kube_transport **ret)
    _must_check_;

struct kube_transport *kube_transport_ref(struct kube_transport *transport);
/* The last one closes it; no transfer may be started then. NULL allowed. */
void kube_transport_unref(struct kube_transport *transport);

/* Sets what all transfers share: the identity, and whom to trust. 0 or -ENOMEM. */
int kube_transport_prepare(struct kube_transport *transport, CURL *easy) _must_check_;

int kube_transport_start(struct kube_transport *transport, CURL *easy) _must_check_;
/* Harmless for what is not, or no longer, started. */
void kube_transport_stop(struct kube_transport *transport, CURL *easy);
