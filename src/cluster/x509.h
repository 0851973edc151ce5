/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates on GnuTLS, in the few forms that the PKI needs. Functions that say so
 * return GnuTLS codes (negative: failed), which x509_error() turns into ours. Private to the
 * folder.
 */
#pragma once

#include <stdbool.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "cluster/pki.h"

DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit)
DEFINE_CLEANUP(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit)
#define _autox509crt_ _cleanup_(gnutls_x509_crt_deinitp)
#define _autox509key_ _cleanup_(gnutls_x509_privkey_deinitp)

/* -ENOMEM or -EIO for a GnuTLS code, with its text behind `what`. */
int x509_error(struct err *err, int code, const char *what);

/* A new private key. GnuTLS code. */
int x509_key_new(enum pki_algorithm algorithm, gnutls_x509_privkey_t *ret);

/* From PEM. GnuTLS code. */
int x509_key_read(const char *pem, gnutls_x509_privkey_t *ret);
int x509_certificate_read(const char *pem, gnutls_x509_crt_t *ret);

/* Whether RSA has 2048 bits or more, or ECDSA is on P-256, P-384 or P-521. */
bool x509_key_fits(gnutls_x509_privkey_t key);

/* Whether the key is that certificate's, and consistent in itself. */
bool x509_key_belongs(gnutls_x509_privkey_t key, gnutls_x509_crt_t certificate);

/*
 * To PEM, malloc'd. The key becomes "EC PRIVATE KEY" or "RSA PRIVATE KEY" and is secret, its public
 * half "PUBLIC KEY". On failure (GnuTLS code) nothing is returned.
 */
int x509_key_texts(gnutls_x509_privkey_t key, char **ret_secret, char **ret_public);
/* "PUBLIC KEY" out of such a PEM text, written as x509_key_texts() does; NULL for anything else. */
char *x509_public_text(const char *pem);
int x509_pair_text(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, struct pki_pair *ret);

/* What a certificate says. */
struct x509_template {
    const char *common_name;
    const char *const *organizations; /* ends with NULL; may be NULL */
    const char *const *names;         /* addresses and DNS names; ends with NULL; may be NULL */
    bool authority;
    unsigned usages; /* PKI_USAGE_* */
    time_t not_before, not_after;
};

/* A version 3 certificate for key (RFC 5280), signed by the issuer, or by itself when issuer is
   NULL. GnuTLS code. */
int x509_certificate_new(const struct x509_template *template, gnutls_x509_privkey_t key,
                         gnutls_x509_crt_t issuer, gnutls_x509_privkey_t issuer_key,
                         gnutls_x509_crt_t *ret);
