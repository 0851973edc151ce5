/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig files: written from their parts, and the common form of one read. Pure but for
 * kube_config_load(). */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* How to reach a cluster, and as whom. Texts are owned, NULL when absent. */
struct kube_config {
    char *server;      /* "https://10.0.0.1:6443" */
    char *authority;   /* PEM */
    char *certificate; /* PEM */
    char *key;         /* PEM */
    char *token;
    char *namespace;      /* of the context */
    char *authority_file; /* the files that a kubeconfig may name instead, as written */
    char *certificate_file;
    char *key_file;
    char *token_file;
};

/* Frees the texts; keys and tokens are wiped. */
void kube_config_clear(struct kube_config *config);
#define _autokubeconfig_ _cleanup_(kube_config_clear)

/* Parts of a kubeconfig with one cluster, one user and one context. */
struct kube_config_parts {
    const char *server;
    const char *authority;   /* PEM; needed */
    const char *certificate; /* PEM, with key; or */
    const char *key;
    const char *token;   /* a token; or neither (a discovery file for kubeadm join) */
    const char *cluster; /* names; NULL: "kubernetes" */
    const char *user;    /* NULL: "kubernetes-admin" */
};

/*
 * The text in YAML, malloc'd; it holds secrets when the parts do. NULL when out of memory, or when
 * server or authority is missing.
 */
char *kube_config_text(const struct kube_config_parts *parts);

/*
 * Reads a text in YAML or JSON: the current context's cluster and user, or `context`'s when it is
 * given; without any context the only cluster and (if any) the only user, as kubeadm's discovery
 * files have them. Refused with -EINVAL: insecure-skip-tls-verify, servers without https://, data
 * that is no base64, plugins (exec, auth-provider). `file` is for messages, and may be NULL.
 */
int kube_config_read(const char *file, const char *text, size_t len, const char *context,
                     struct kube_config *ret, struct err *err) _must_check_;

/*
 * Reads the file at path and the files it names (relative ones beside it), whose contents take
 * their texts' places. Blocks on the disk: at start only.
 */
int kube_config_load(const char *path, const char *context, struct kube_config *ret,
                     struct err *err) _must_check_;
