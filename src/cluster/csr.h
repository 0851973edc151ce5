/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS #10 certificate requests (RFC 2986) as they come from strangers, and the one decision about
 * a CertificateSigningRequest of a kubelet: approve, deny, or none of our business.
 *
 * All of it is pure: no clock, no network, no store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CSR_PEM_MAX = 16 * 1024, /* a kubelet's request has about 600 bytes */
    CSR_NAMES_MAX = 32,      /* organisations, DNS names or addresses */
    CSR_HASH_TEXT_SIZE = 72, /* "sha256:", 64 hex digits and NUL */
};

/* Key usages, from spec.usages and from the request's own extensions alike. */
enum csr_usage {
    CSR_USAGE_DIGITAL_SIGNATURE = 1 << 0,
    CSR_USAGE_KEY_ENCIPHERMENT = 1 << 1,
    CSR_USAGE_CLIENT_AUTH = 1 << 2,
    CSR_USAGE_SERVER_AUTH = 1 << 3,
    CSR_USAGE_OTHER = 1 << 4, /* any other, known or not */
};

/* A request as plain values. Lists end with NULL and are never NULL. Texts are printable ASCII. */
struct csr {
    char *common_name;    /* "" when there is none */
    char **organizations; /* in the request's order */
    char **dns_names;     /* subjectAltName */
    char **addresses;     /* subjectAltName: IPv4 and IPv6 as text */
    bool has_email;       /* subjectAltName holds an e-mail address */
    bool has_uri;
    bool has_other_name;      /* ... or a name of any other kind */
    bool has_other_subject;   /* the subject holds more than a common name and organisations */
    bool has_other_extension; /* asks for more than subjectAltName and key usages, such as being a
                                 certificate authority */
    unsigned usages;          /* enum csr_usage: of requested extensions; 0 when it has none */
    bool key_strong;          /* RSA from 2048 bits, ECDSA on P-256 or better, Ed25519 */
    bool signature_valid;     /* made by the key that it carries */
    char key_hash[CSR_HASH_TEXT_SIZE]; /* of its SubjectPublicKeyInfo; as pki_hash() */
};

/*
 * Parses one "CERTIFICATE REQUEST" in PEM: exactly one block and nothing around it, so that no two
 * parsers see different requests in it. For the same reason doubled common names, doubled
 * extensions and doubled attributes are refused. *ret: csr_free(). 0, -EBADMSG with the reason in
 * err, or -ENOMEM.
 */
int csr_parse(const char *pem, size_t len, struct csr **ret, struct err *err) _must_check_;
void csr_free(struct csr *csr);
DEFINE_CLEANUP(struct csr *, csr_free)
#define _autocsr_ _cleanup_(csr_freep)

/* The usage that a word in spec.usages means ("client auth"); CSR_USAGE_OTHER for all others. */
enum csr_usage csr_usage_parse(const char *word);
