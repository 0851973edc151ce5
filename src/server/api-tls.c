/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-tls.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"

#define PEM_MAX (64 * 1024)
#define DAY ((time_t)24 * 3600)
#define AUTHORITY_DAYS 3650
#define CERTIFICATE_DAYS 730

DEFINE_CLEANUP(gnutls_x509_crt_t, gnutls_x509_crt_deinit)
DEFINE_CLEANUP(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit)
#define _autocert_ _cleanup_(gnutls_x509_crt_deinitp)
#define _autokey_ _cleanup_(gnutls_x509_privkey_deinitp)

static void wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}
DEFINE_CLEANUP(char *, wipe)
#define _autowipe_ _cleanup_(wipep)

void api_certificate_clear(struct api_certificate *certificate)
{
    free(certificate->authority_pem);
    free(certificate->certificate_pem);
    wipe(certificate->key_pem);
    *certificate = (struct api_certificate){0};
}

static int tls_error(struct err *err, int code, const char *what)
{
    return err_set(err, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO, "%s: %s", what,
                   gnutls_strerror(code));
}

static int key_new(gnutls_x509_privkey_t *ret, struct err *err)
{
    _autokey_ gnutls_x509_privkey_t key = NULL;
    int r = gnutls_x509_privkey_init(&key);
    if (r >= 0)
        r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (r < 0)
        return tls_error(err, r, "cannot make a key");
    *ret = TAKE_PTR(key);
    return 0;
}

static char *datum_text(gnutls_datum_t *datum)
{
    char *text = strndup((const char *)datum->data, datum->size);
    sodium_memzero(datum->data, datum->size);
    gnutls_free(datum->data);
    return text;
}

static char *certificate_pem(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t pem = {0};
    return gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem) < 0 ? NULL
                                                                               : datum_text(&pem);
}

static char *key_pem(gnutls_x509_privkey_t key)
{
    gnutls_datum_t pem = {0};
    return gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                             &pem) < 0
               ? NULL
               : datum_text(&pem);
}

/* What a certificate says about itself, apart from its alternative names. */
struct subject {
    const char *common_name;
    bool authority;
    unsigned usage;
    int days;
};

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
static int set_serial(gnutls_x509_crt_t certificate, struct rng *rng)
{
    uint8_t serial[16];
    rng_fill(rng, serial, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    return gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
}

static int set_subject(gnutls_x509_crt_t certificate, const struct subject *subject)
{
    int r = gnutls_x509_crt_set_version(certificate, 3);
    if (r >= 0)
        r = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                          subject->common_name,
                                          (unsigned)strlen(subject->common_name));
    if (r >= 0)
        r = gnutls_x509_crt_set_basic_constraints(certificate, subject->authority, -1);
    if (r >= 0)
        r = gnutls_x509_crt_set_key_usage(certificate, subject->usage);
    if (r >= 0 && !subject->authority)
        r = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    return r;
}

static int set_validity(gnutls_x509_crt_t certificate, int64_t now_ms, int days)
{
    time_t now = (time_t)(now_ms / 1000);
    int r = gnutls_x509_crt_set_activation_time(certificate, now - 3600);
    return r < 0 ? r : gnutls_x509_crt_set_expiration_time(certificate, now + days * DAY);
}

/* RFC 5280 section 4.2.1.2: the key identifier. */
static int set_key(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    uint8_t id[20];
    size_t size = sizeof(id);
    int r = gnutls_x509_crt_set_key(certificate, key);
    if (r >= 0)
        r = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, id, &size);
    return r < 0 ? r : gnutls_x509_crt_set_subject_key_id(certificate, id, size);
}

static int certificate_new(gnutls_x509_privkey_t key, const struct subject *subject, int64_t now_ms,
                           struct rng *rng, gnutls_x509_crt_t *ret)
{
    _autocert_ gnutls_x509_crt_t certificate = NULL;
    int r = gnutls_x509_crt_init(&certificate);
    if (r >= 0)
        r = set_subject(certificate, subject);
    if (r >= 0)
        r = set_serial(certificate, rng);
    if (r >= 0)
        r = set_validity(certificate, now_ms, subject->days);
    if (r >= 0)
        r = set_key(certificate, key);
    if (r >= 0)
        *ret = TAKE_PTR(certificate);
    return r;
}

/* ---- the authority ---- */

struct authority {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
};

static void authority_clear(struct authority *a)
{
    if (a->certificate)
        gnutls_x509_crt_deinit(a->certificate);
    if (a->key)
        gnutls_x509_privkey_deinit(a->key);
}

static int import_authority(const char *crt_text, const char *key_text, struct authority *ret)
{
    const gnutls_datum_t crt = {(unsigned char *)(uintptr_t)crt_text, (unsigned)strlen(crt_text)};
    const gnutls_datum_t key = {(unsigned char *)(uintptr_t)key_text, (unsigned)strlen(key_text)};
    int r = gnutls_x509_crt_init(&ret->certificate);
    if (r >= 0)
        r = gnutls_x509_privkey_init(&ret->key);
    if (r >= 0)
        r = gnutls_x509_crt_import(ret->certificate, &crt, GNUTLS_X509_FMT_PEM);
    if (r >= 0)
        r = gnutls_x509_privkey_import2(ret->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    return r;
}

static int load_authority(const char *crt_path, const char *key_path, struct authority *ret,
                          struct err *err)
{
    _autofree_ char *crt = NULL;
    _autowipe_ char *key = NULL;
    int r = file_read(crt_path, PEM_MAX, &crt, NULL, err);
    if (r < 0)
        return r;
    r = file_read(key_path, PEM_MAX, &key, NULL, err);
    if (r == -ENOENT)
        return err_set(err, -EBADMSG, "%s is there but %s is not: remove it for a new authority",
                       crt_path, key_path);
    if (r < 0)
        return r;
    r = import_authority(crt, key, ret);
    return r < 0 ? tls_error(err, r, crt_path) : 0;
}

static int make_authority(int64_t now_ms, struct rng *rng, struct authority *ret, struct err *err)
{
    const struct subject subject = {"slipway", true, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN,
                                    AUTHORITY_DAYS};
    int r = key_new(&ret->key, err);
    if (r < 0)
        return r;
    r = certificate_new(ret->key, &subject, now_ms, rng, &ret->certificate);
    if (r >= 0)
        r = gnutls_x509_crt_sign2(ret->certificate, ret->certificate, ret->key, GNUTLS_DIG_SHA256,
                                  0);
    return r < 0 ? tls_error(err, r, "cannot make the certificate authority") : 0;
}

/* The key first: a certificate without its key is what load_authority() refuses. */
static int save_authority(const char *crt_path, const char *key_path, const struct authority *a,
                          struct err *err)
{
    _autofree_ char *crt = certificate_pem(a->certificate);
    _autowipe_ char *key = key_pem(a->key);
    if (!crt || !key)
        return err_errno(err, -ENOMEM, "certificate authority");
    int r = file_write_atomic(key_path, key, strlen(key), 0600, err);
    return r < 0 ? r : file_write_atomic(crt_path, crt, strlen(crt), 0644, err);
}

static int obtain_authority(const char *keys_dir, int64_t now_ms, struct rng *rng,
                            struct authority *ret, struct err *err)
{
    _autofree_ char *crt_path = str_format("%s/api-ca.crt", keys_dir);
    _autofree_ char *key_path = str_format("%s/api-ca.key", keys_dir);
    if (!crt_path || !key_path)
        return err_errno(err, -ENOMEM, "certificate authority");
    if (access(crt_path, F_OK) == 0)
        return load_authority(crt_path, key_path, ret, err);
    int r = make_authority(now_ms, rng, ret, err);
    return r < 0 ? r : save_authority(crt_path, key_path, ret, err);
}

/* ---- the serving certificate ---- */

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    uint8_t address[16];
    for (int i = 0; i < 2; i++)
        if (inet_pton(i ? AF_INET6 : AF_INET, name, address) == 1)
            return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                        i ? 16 : 4, GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

/* RFC 5280 section 4.2.1.1: names the authority's key. */
static int set_authority_id(gnutls_x509_crt_t certificate, gnutls_x509_crt_t authority)
{
    uint8_t id[64];
    size_t size = sizeof(id);
    int r = gnutls_x509_crt_get_subject_key_id(authority, id, &size, NULL);
    return r < 0 ? r : gnutls_x509_crt_set_authority_key_id(certificate, id, size);
}

static int sign_certificate(gnutls_x509_crt_t certificate, const struct authority *authority,
                            const char *const *names, size_t name_count)
{
    int r = set_authority_id(certificate, authority->certificate);
    for (size_t i = 0; r >= 0 && i < name_count; i++)
        r = add_name(certificate, names[i]);
    if (r < 0)
        return r;
    return gnutls_x509_crt_sign2(certificate, authority->certificate, authority->key,
                                 GNUTLS_DIG_SHA256, 0);
}

static int export_all(const struct authority *authority, gnutls_x509_crt_t certificate,
                      gnutls_x509_privkey_t key, struct api_certificate *ret, struct err *err)
{
    struct api_certificate c = {certificate_pem(authority->certificate),
                                certificate_pem(certificate), key_pem(key)};
    if (!c.authority_pem || !c.certificate_pem || !c.key_pem) {
        api_certificate_clear(&c);
        return err_errno(err, -ENOMEM, "API certificate");
    }
    *ret = c;
    return 0;
}

int api_certificate_make(const char *keys_dir, const char *const *names, size_t name_count,
                         int64_t now_ms, struct rng *rng, struct api_certificate *ret,
                         struct err *err)
{
    _cleanup_(authority_clear) struct authority authority = {0};
    _autokey_ gnutls_x509_privkey_t key = NULL;
    _autocert_ gnutls_x509_crt_t certificate = NULL;
    const struct subject subject = {"slipway api", false, GNUTLS_KEY_DIGITAL_SIGNATURE,
                                    CERTIFICATE_DAYS};
    int r = obtain_authority(keys_dir, now_ms, rng, &authority, err);
    if (r < 0)
        return r;
    r = key_new(&key, err);
    if (r < 0)
        return r;
    r = certificate_new(key, &subject, now_ms, rng, &certificate);
    if (r >= 0)
        r = sign_certificate(certificate, &authority, names, name_count);
    if (r < 0)
        return tls_error(err, r, "cannot make the API's certificate");
    return export_all(&authority, certificate, key, ret, err);
}
