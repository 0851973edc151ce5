/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/csr-sample.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void must(int code)
{
    if (code < 0) {
        (void)fprintf(stderr, "GnuTLS: %s\n", gnutls_strerror(code));
        abort();
    }
}

static void set_name(gnutls_x509_crq_t request, const char *oid, const char *value)
{
    if (value)
        must(gnutls_x509_crq_set_dn_by_oid(request, oid, 0, value, (unsigned)strlen(value)));
}

static void add_alt_name(gnutls_x509_crq_t request, gnutls_x509_subject_alt_name_t type,
                         const void *value, size_t len)
{
    must(gnutls_x509_crq_set_subject_alt_name(request, type, value, (unsigned)len,
                                              GNUTLS_FSAN_APPEND));
}

static void set_alt_names(gnutls_x509_crq_t request, const struct csr_sample *sample)
{
    for (size_t i = 0; sample->dns_names && sample->dns_names[i]; i++)
        add_alt_name(request, GNUTLS_SAN_DNSNAME, sample->dns_names[i],
                     strlen(sample->dns_names[i]));
    for (size_t i = 0; sample->addresses && sample->addresses[i]; i++) {
        uint8_t b[16];
        if (inet_pton(AF_INET, sample->addresses[i], b) == 1)
            add_alt_name(request, GNUTLS_SAN_IPADDRESS, b, 4);
        else if (inet_pton(AF_INET6, sample->addresses[i], b) == 1)
            add_alt_name(request, GNUTLS_SAN_IPADDRESS, b, 16);
    }
    if (sample->email)
        add_alt_name(request, GNUTLS_SAN_RFC822NAME, sample->email, strlen(sample->email));
    if (sample->uri)
        add_alt_name(request, GNUTLS_SAN_URI, sample->uri, strlen(sample->uri));
}

static void fill_in(gnutls_x509_crq_t request, const struct csr_sample *sample)
{
    must(gnutls_x509_crq_set_version(request, 1));
    for (size_t i = 0; sample->organizations && sample->organizations[i]; i++)
        set_name(request, GNUTLS_OID_X520_ORGANIZATION_NAME, sample->organizations[i]);
    set_name(request, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, sample->unit);
    set_name(request, GNUTLS_OID_X520_COMMON_NAME, sample->common_name);
    set_alt_names(request, sample);
    if (sample->authority)
        must(gnutls_x509_crq_set_basic_constraints(request, 1, -1));
    if (sample->key_usage)
        must(gnutls_x509_crq_set_key_usage(request, sample->key_usage));
    if (sample->purpose)
        must(gnutls_x509_crq_set_key_purpose_oid(request, sample->purpose, 0));
    if (sample->challenge)
        must(gnutls_x509_crq_set_challenge_password(request, sample->challenge));
}

static void sign(gnutls_x509_crq_t request, const struct csr_sample *sample)
{
    const gnutls_pk_algorithm_t algorithm = sample->algorithm ? sample->algorithm : GNUTLS_PK_ECDSA;
    const unsigned bits =
        sample->bits ? sample->bits : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    const gnutls_digest_algorithm_t digest =
        algorithm == GNUTLS_PK_EDDSA_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    gnutls_x509_privkey_t key;
    must(gnutls_x509_privkey_init(&key));
    must(gnutls_x509_privkey_generate(key, algorithm, bits, 0));
    must(gnutls_x509_crq_set_key(request, key));
    must(gnutls_x509_crq_sign2(request, key, digest, 0));
    gnutls_x509_privkey_deinit(key);
}

char *csr_sample_wrap(const void *der, size_t len)
{
    _autofree_ char *base64 = str_base64(der, len);
    struct buf pem = BUF_INIT;
    buf_adds(&pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    for (size_t i = 0; base64 && i < strlen(base64); i += 64)
        buf_printf(&pem, "%.64s\n", base64 + i);
    buf_adds(&pem, "-----END CERTIFICATE REQUEST-----\n");
    return buf_steal(&pem);
}

char *csr_sample_pem(const struct csr_sample *sample)
{
    gnutls_x509_crq_t request;
    gnutls_datum_t der = {0};
    must(gnutls_x509_crq_init(&request));
    fill_in(request, sample);
    sign(request, sample);
    must(gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_DER, &der));
    char *pem = csr_sample_wrap(der.data, der.size);
    gnutls_free(der.data);
    gnutls_x509_crq_deinit(request);
    return pem;
}
