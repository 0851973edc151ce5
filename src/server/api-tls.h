/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS side of the admin API: the server's own certificate authority (kept in STATE/keys), a
 * serving certificate made from it at each start, and STATE/kubeconfig for kubectl.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"

struct api_certificate {
    char *authority_pem;   /* the CA certificate, which clients trust */
    char *certificate_pem; /* of this server, signed by it */
    char *key_pem;         /* wiped by api_certificate_clear() */
};

void api_certificate_clear(struct api_certificate *certificate);

/*
 * Loads the authority from KEYS/api-ca.crt and KEYS/api-ca.key (P-256), making both when neither is
 * there, and signs a serving certificate for the names: IPv4 and IPv6 addresses and DNS names, at
 * least one. The certificate is valid from an hour before now_ms for two years; the authority for
 * ten. 0 or a negative errno with err.
 */
int api_certificate_make(const char *keys_dir, const char *const *names, size_t name_count,
                         int64_t now_ms, struct rng *rng, struct api_certificate *ret,
                         struct err *err) _must_check_;

/* A kubeconfig with one cluster, user and context; malloc'd, NULL when out of memory. */
char *api_kubeconfig_text(const char *server_url, const char *authority_pem, const char *user,
                          const char *token);

/*
 * Makes sure that STATE/kubeconfig (0600) is there, names server_url, trusts the authority and
 * holds a token of the user "admin" that KEYS/users.json knows; an existing token is kept. Call it
 * at each start.
 */
int api_kubeconfig_ensure(const char *state_dir, const char *keys_dir, const char *server_url,
                          const char *authority_pem, struct rng *rng, struct err *err) _must_check_;
