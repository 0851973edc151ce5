/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests for tests, made by GnuTLS. */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct csr_sample {
    const char *common_name;                             /* NULL: none */
    const char *const *organizations, *const *dns_names; /* end with NULL; may be NULL */
    const char *const *addresses;
    const char *email, *uri, *unit, *challenge; /* NULL: none */
    int authority;                              /* 1: asks to be one */
    unsigned key_usage;                         /* GNUTLS_KEY_*; 0: not asked for */
    const char *purpose;                        /* an extended key usage's OID */
    gnutls_pk_algorithm_t algorithm;            /* 0: ECDSA */
    unsigned bits;                              /* 0: P-256 */
};

/* The request in PEM as a kubelet writes it; malloc'd. Ends the program when that fails. */
char *csr_sample_pem(const struct csr_sample *sample);

/* Any DER in a PEM block of a request; malloc'd. */
char *csr_sample_wrap(const void *der, size_t len);
