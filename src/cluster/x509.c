/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/x509.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "base/str.h"

enum { RSA_BITS = 2048, KEY_ID_SIZE = 64 };

DEFINE_CLEANUP(gnutls_pubkey_t, gnutls_pubkey_deinit)

int x509_error(struct err *err, int code, const char *what)
{
    return err_set(err, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO, "%s: %s", what,
                   gnutls_strerror(code));
}

/* ---- keys ---- */

int x509_key_new(enum pki_algorithm algorithm, gnutls_x509_privkey_t *ret)
{
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    int r = gnutls_x509_privkey_init(&key);
    if (r < 0)
        return r;
    if (algorithm == PKI_RSA)
        r = gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, RSA_BITS, 0);
    else
        r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (r >= 0)
        *ret = TAKE_PTR(key);
    return r;
}

static gnutls_datum_t borrow(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

int x509_key_read(const char *pem, gnutls_x509_privkey_t *ret)
{
    const gnutls_datum_t text = borrow(pem);
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    int r = gnutls_x509_privkey_init(&key);
    if (r >= 0)
        r = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
    if (r >= 0)
        *ret = TAKE_PTR(key);
    return r;
}

bool x509_key_fits(gnutls_x509_privkey_t key)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_privkey_get_pk_algorithm2(key, &bits);
    if (algorithm == GNUTLS_PK_RSA)
        return bits >= RSA_BITS;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    if (algorithm != GNUTLS_PK_ECDSA ||
        gnutls_x509_privkey_export_ecc_raw(key, &curve, NULL, NULL, NULL) < 0)
        return false;
    return curve == GNUTLS_ECC_CURVE_SECP256R1 || curve == GNUTLS_ECC_CURVE_SECP384R1 ||
           curve == GNUTLS_ECC_CURVE_SECP521R1;
}

bool x509_key_belongs(gnutls_x509_privkey_t key, gnutls_x509_crt_t certificate)
{
    uint8_t a[KEY_ID_SIZE], b[KEY_ID_SIZE];
    size_t a_size = sizeof(a), b_size = sizeof(b);
    return gnutls_x509_privkey_verify_params(key) >= 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, a, &a_size) >= 0 &&
           gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, b, &b_size) >= 0 &&
           a_size == b_size && memcmp(a, b, a_size) == 0;
}

/* ---- texts ---- */

/* The datum as malloc'd text, or NULL; the datum is overwritten and freed. */
static char *take_text(int code, gnutls_datum_t *datum)
{
    if (code < 0)
        return NULL;
    char *text = strndup((const char *)datum->data, datum->size);
    gnutls_memset(datum->data, 0, datum->size);
    gnutls_free(datum->data);
    return text;
}

static char *key_text(gnutls_x509_privkey_t key)
{
    gnutls_datum_t pem = {0};
    return take_text(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), &pem);
}

static char *certificate_text(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t pem = {0};
    return take_text(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem), &pem);
}

/* A public key is made from the abstract kind of private key, which borrows ours. */
static int import_public(gnutls_x509_privkey_t key, gnutls_pubkey_t public)
{
    gnutls_privkey_t abstract = NULL;
    int r = gnutls_privkey_init(&abstract);
    if (r < 0)
        return r;
    r = gnutls_privkey_import_x509(abstract, key, 0);
    if (r >= 0)
        r = gnutls_pubkey_import_privkey(public, abstract, 0, 0);
    gnutls_privkey_deinit(abstract);
    return r;
}

static char *public_text(gnutls_x509_privkey_t key)
{
    _cleanup_(gnutls_pubkey_deinitp) gnutls_pubkey_t public = NULL;
    gnutls_datum_t pem = {0};
    int r = gnutls_pubkey_init(&public);
    if (r >= 0)
        r = import_public(key, public);
    if (r >= 0)
        r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &pem);
    return take_text(r, &pem);
}

int x509_key_texts(gnutls_x509_privkey_t key, char **ret_secret, char **ret_public)
{
    _autosecret_ char *secret = key_text(key);
    _autofree_ char *public = public_text(key);
    if (!secret || !public)
        return GNUTLS_E_MEMORY_ERROR;
    *ret_secret = TAKE_PTR(secret);
    *ret_public = TAKE_PTR(public);
    return 0;
}

char *x509_public_text(const char *pem)
{
    _cleanup_(gnutls_pubkey_deinitp) gnutls_pubkey_t public = NULL;
    const gnutls_datum_t text = borrow(pem);
    gnutls_datum_t out = {0};
    int r = gnutls_pubkey_init(&public);
    if (r >= 0)
        r = gnutls_pubkey_import(public, &text, GNUTLS_X509_FMT_PEM);
    if (r >= 0)
        r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &out);
    return take_text(r, &out);
}

int x509_pair_text(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, struct pki_pair *ret)
{
    _autopair_ struct pki_pair pair = {certificate_text(certificate), key_text(key)};
    if (!pair.certificate || !pair.key)
        return GNUTLS_E_MEMORY_ERROR;
    ret->certificate = TAKE_PTR(pair.certificate);
    ret->key = TAKE_PTR(pair.key);
    return 0;
}

/* ---- certificates ---- */

int x509_certificate_read(const char *pem, gnutls_x509_crt_t *ret)
{
    const gnutls_datum_t text = borrow(pem);
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    int r = gnutls_x509_crt_init(&certificate);
    if (r >= 0)
        r = gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM);
    if (r >= 0)
        *ret = TAKE_PTR(certificate);
    return r;
}

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
static int set_serial(gnutls_x509_crt_t certificate)
{
    uint8_t serial[16];
    int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    return r < 0 ? r : gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
}

static int set_name(gnutls_x509_crt_t certificate, const char *oid, const char *value)
{
    return gnutls_x509_crt_set_dn_by_oid(certificate, oid, 0, value, (unsigned)strlen(value));
}

/* The order of kubeadm's (Go's) certificates: organisations, then the common name. */
static int set_subject(gnutls_x509_crt_t certificate, const struct x509_template *template)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && template->organizations && template->organizations[i]; i++)
        r = set_name(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, template->organizations[i]);
    return r < 0 ? r : set_name(certificate, GNUTLS_OID_X520_COMMON_NAME, template->common_name);
}

static int add_alt_name(gnutls_x509_crt_t certificate, const char *name)
{
    uint8_t address[16];
    for (int i = 0; i < 2; i++)
        if (inet_pton(i ? AF_INET6 : AF_INET, name, address) == 1)
            return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                        i ? 16 : 4, GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

/*
 * As kubeadm gives them, except that an elliptic key does not claim keyEncipherment, which RFC 8813
 * section 3 forbids it.
 */
static unsigned key_usage(gnutls_x509_privkey_t key, bool authority)
{
    unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
    if (gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_RSA)
        usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
    if (authority)
        usage |= GNUTLS_KEY_KEY_CERT_SIGN;
    return usage;
}

static int set_extensions(gnutls_x509_crt_t certificate, const struct x509_template *template,
                          gnutls_x509_privkey_t key)
{
    int r = gnutls_x509_crt_set_basic_constraints(certificate, template->authority, -1);
    if (r >= 0)
        r = gnutls_x509_crt_set_key_usage(certificate, key_usage(key, template->authority));
    if (r >= 0 && template->usages & PKI_USAGE_SERVER)
        r = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (r >= 0 && template->usages & PKI_USAGE_CLIENT)
        r = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    for (size_t i = 0; r >= 0 && template->names && template->names[i]; i++)
        r = add_alt_name(certificate, template->names[i]);
    return r;
}

/* RFC 5280 section 4.2.1.2. */
static int set_key(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    uint8_t id[KEY_ID_SIZE];
    size_t size = sizeof(id);
    int r = gnutls_x509_crt_set_key(certificate, key);
    if (r >= 0)
        r = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, id, &size);
    return r < 0 ? r : gnutls_x509_crt_set_subject_key_id(certificate, id, size);
}

/* RFC 5280 section 4.2.1.1; an authority that somebody brought may have no identifier to point at.
 */
static int set_issuer(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer)
{
    uint8_t id[KEY_ID_SIZE];
    size_t size = sizeof(id);
    int r = gnutls_x509_crt_get_subject_key_id(issuer, id, &size, NULL);
    if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return 0;
    return r < 0 ? r : gnutls_x509_crt_set_authority_key_id(certificate, id, size);
}

static int fill_in(gnutls_x509_crt_t certificate, const struct x509_template *template,
                   gnutls_x509_privkey_t key)
{
    int r = gnutls_x509_crt_set_version(certificate, 3);
    if (r >= 0)
        r = set_serial(certificate);
    if (r >= 0)
        r = set_subject(certificate, template);
    if (r >= 0)
        r = gnutls_x509_crt_set_activation_time(certificate, template->not_before);
    if (r >= 0)
        r = gnutls_x509_crt_set_expiration_time(certificate, template->not_after);
    if (r >= 0)
        r = set_key(certificate, key);
    return r < 0 ? r : set_extensions(certificate, template, key);
}

int x509_certificate_new(const struct x509_template *template, gnutls_x509_privkey_t key,
                         gnutls_x509_crt_t issuer, gnutls_x509_privkey_t issuer_key,
                         gnutls_x509_crt_t *ret)
{
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    int r = gnutls_x509_crt_init(&certificate);
    if (r >= 0)
        r = fill_in(certificate, template, key);
    if (r >= 0 && issuer)
        r = set_issuer(certificate, issuer);
    if (r >= 0)
        r = gnutls_x509_crt_sign2(certificate, issuer ? issuer : certificate,
                                  issuer ? issuer_key : key, GNUTLS_DIG_SHA256, 0);
    if (r >= 0)
        *ret = TAKE_PTR(certificate);
    return r;
}
