/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities and keys that somebody brings: looked at closely, because a whole cluster will rest
   on them and kubeadm would find a mistake only on the machine. */
#include "cluster/pki.h"

#include <string.h>

#include "base/str.h"
#include "cluster/x509.h"

static size_t count_blocks(const char *pem)
{
    size_t n = 0;
    for (const char *p = pem; (p = strstr(p, "-----BEGIN ")); p++)
        n++;
    return n;
}

static int read_certificate(const char *what, const char *pem, gnutls_x509_crt_t *ret,
                            struct err *err)
{
    size_t blocks = count_blocks(pem);
    if (blocks > 1)
        return err_set(err, -EINVAL, "%s: expected one certificate, found %zu PEM blocks", what,
                       blocks);
    int r = x509_certificate_read(pem, ret);
    if (r == GNUTLS_E_MEMORY_ERROR)
        return err_set(err, -ENOMEM, "%s: out of memory", what);
    if (r < 0)
        return err_set(err, -EINVAL, "%s: expected a certificate in PEM: %s", what,
                       gnutls_strerror(r));
    return 0;
}

static int read_key(const char *what, const char *pem, gnutls_x509_privkey_t *ret, struct err *err)
{
    int r = x509_key_read(pem, ret);
    if (r == GNUTLS_E_MEMORY_ERROR)
        return err_set(err, -ENOMEM, "%s: out of memory", what);
    if (strstr(pem, "ENCRYPTED"))
        return err_set(err, -EINVAL,
                       "%s: the private key is encrypted: expected one without a passphrase", what);
    if (r < 0)
        return err_set(err, -EINVAL, "%s: expected a private key in PEM: %s", what,
                       gnutls_strerror(r));
    if (!x509_key_fits(*ret))
        return err_set(err, -EINVAL,
                       "%s: expected an RSA key of 2048 bits or more, or ECDSA on P-256, P-384 or "
                       "P-521, which are what kubeadm takes",
                       what);
    return 0;
}

/* Without a keyUsage extension a key may be used for everything (RFC 5280 section 4.2.1.3). */
static bool may_sign_certificates(gnutls_x509_crt_t certificate)
{
    unsigned usage = 0;
    int r = gnutls_x509_crt_get_key_usage(certificate, &usage, NULL);
    return r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
           (r >= 0 && usage & GNUTLS_KEY_KEY_CERT_SIGN);
}

static int check_time(const char *what, gnutls_x509_crt_t certificate, int64_t now_ms,
                      struct err *err)
{
    char text[CLOCK_TEXT_SIZE];
    const int64_t from = (int64_t)gnutls_x509_crt_get_activation_time(certificate) * 1000;
    const int64_t to = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
    if (from > now_ms)
        return err_set(err, -EINVAL, "%s: the certificate is valid only from %s on", what,
                       clock_text(from, text));
    if (to <= now_ms)
        return err_set(err, -EINVAL, "%s: the certificate has expired at %s", what,
                       clock_text(to, text));
    return 0;
}

static int check_authority(const char *what, gnutls_x509_crt_t certificate, struct err *err)
{
    if (gnutls_x509_crt_get_ca_status(certificate, NULL) <= 0)
        return err_set(err, -EINVAL,
                       "%s: expected a certificate authority (basicConstraints CA:TRUE), found an "
                       "ordinary certificate",
                       what);
    if (!may_sign_certificates(certificate))
        return err_set(err, -EINVAL, "%s: the certificate's keyUsage lacks keyCertSign", what);
    return 0;
}

/* Wants both texts short enough to be looked at. */
static int check_length(const char *what, const char *pem, struct err *err)
{
    if (!pem || strnlen(pem, PKI_PEM_MAX + 1) > PKI_PEM_MAX)
        return err_set(err, -EINVAL, "%s: expected PEM text of at most %d bytes", what,
                       PKI_PEM_MAX);
    return 0;
}

int pki_import(const char *what, const char *certificate_pem, const char *key_pem,
               const struct clock *clock, struct pki_pair *ret, struct err *err)
{
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    int r = check_length(what, certificate_pem, err);
    if (r == 0)
        r = check_length(what, key_pem, err);
    if (r == 0)
        r = read_certificate(what, certificate_pem, &certificate, err);
    if (r == 0)
        r = check_authority(what, certificate, err);
    if (r == 0)
        r = check_time(what, certificate, clock_wall(clock), err);
    if (r == 0)
        r = read_key(what, key_pem, &key, err);
    if (r < 0)
        return r;
    if (!x509_key_belongs(key, certificate))
        return err_set(err, -EINVAL, "%s: the private key is not this certificate's", what);
    if (x509_pair_text(certificate, key, ret) < 0)
        return err_set(err, -ENOMEM, "%s: out of memory", what);
    return 0;
}

int pki_import_service_account(const char *what, const char *key_pem, struct pki *pki,
                               struct err *err)
{
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    int r = check_length(what, key_pem, err);
    if (r == 0)
        r = read_key(what, key_pem, &key, err);
    if (r < 0)
        return r;
    if (gnutls_x509_privkey_get_pk_algorithm(key) != GNUTLS_PK_RSA)
        return err_set(err, -EINVAL, "%s: expected an RSA key for service accounts", what);
    char *secret = NULL, *public = NULL;
    if (x509_key_texts(key, &secret, &public) < 0)
        return err_set(err, -ENOMEM, "%s: out of memory", what);
    pki_secret_free(pki->sa_key);
    free(pki->sa_pub);
    pki->sa_key = secret;
    pki->sa_pub = public;
    return 0;
}
