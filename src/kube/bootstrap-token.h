/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap tokens: what a machine shows once to ask for its own certificate. A Secret of type
 * bootstrap.kubernetes.io/token in kube-system, named "bootstrap-token-ID". Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/random.h"

#define KUBE_TOKEN_TYPE "bootstrap.kubernetes.io/token" /* of the Secret */
#define KUBE_TOKEN_ID_LEN 6
#define KUBE_TOKEN_SECRET_LEN 16
#define KUBE_TOKEN_TEXT_SIZE (KUBE_TOKEN_ID_LEN + 1 + KUBE_TOKEN_SECRET_LEN + 1)
#define KUBE_TOKEN_NAME_SIZE (sizeof("bootstrap-token-") + KUBE_TOKEN_ID_LEN)

struct kube_token {
    char id[KUBE_TOKEN_ID_LEN + 1];         /* public; [0-9a-z] */
    char secret[KUBE_TOKEN_SECRET_LEN + 1]; /* [0-9a-z] */
};

/* Draws a token: each character is uniform over the 36 (no modulo bias). */
void kube_token_make(struct rng *rng, struct kube_token *ret);

/* Overwrites it in a way that the compiler keeps. */
void kube_token_wipe(struct kube_token *token);

/* "abcdef.0123456789abcdef" and its reverse. 0 or -EINVAL. */
const char *kube_token_text(const struct kube_token *token, char dst[static KUBE_TOKEN_TEXT_SIZE]);
int kube_token_parse(const char *text, struct kube_token *ret) _must_check_;

/* "bootstrap-token-ID", the Secret's name in namespace kube-system. Returns dst. */
const char *kube_token_secret_name(const char *id, char dst[static KUBE_TOKEN_NAME_SIZE]);

struct kube_token_options {
    int64_t expires_wall_ms;   /* in whole seconds, rounded up; needed */
    bool authentication;       /* usage-bootstrap-authentication */
    bool signing;              /* usage-bootstrap-signing: of the cluster-info ConfigMap */
    const char *const *groups; /* each begins with "system:bootstrappers:" */
    size_t n_groups;
    const char *description;        /* NULL: none */
    const char *const *labels;      /* pairs of key and value, NULL at the end; NULL: none */
    const char *const *annotations; /* the same */
};

/*
 * The Secret to create, to be freed by json_decref(). 0, -EINVAL (a group that the API server would
 * not take, no expiration) or -ENOMEM.
 */
int kube_token_secret(const struct kube_token *token, const struct kube_token_options *options,
                      json_t **ret) _must_check_;
