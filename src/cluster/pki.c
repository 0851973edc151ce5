/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "cluster/x509.h"

enum { AUTHORITY_SECONDS = 3650 * 24 * 3600 };

void pki_secret_free(char *secret)
{
    if (secret)
        sodium_memzero(secret, strlen(secret));
    free(secret);
}

void pki_pair_clear(struct pki_pair *pair)
{
    free(pair->certificate);
    pki_secret_free(pair->key);
    *pair = (struct pki_pair){0};
}

void pki_clear(struct pki *pki)
{
    pki_pair_clear(&pki->ca);
    pki_pair_clear(&pki->front_proxy_ca);
    pki_pair_clear(&pki->etcd_ca);
    pki_secret_free(pki->sa_key);
    free(pki->sa_pub);
    *pki = PKI_INIT;
}

/* ---- making one ---- */

static int new_authority(const char *common_name, enum pki_algorithm algorithm, int64_t now_ms,
                         struct pki_pair *ret)
{
    const time_t now = (time_t)(now_ms / 1000);
    /* kubeadm since 1.22 repeats the name as a DNS name. */
    const struct x509_template template = {.common_name = common_name,
                                           .names = (const char *const[]){common_name, NULL},
                                           .authority = true,
                                           .not_before = now - PKI_BACKDATED_SECONDS,
                                           .not_after = now + AUTHORITY_SECONDS};
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    int r = x509_key_new(algorithm, &key);
    if (r >= 0)
        r = x509_certificate_new(&template, key, NULL, NULL, &certificate);
    return r < 0 ? r : x509_pair_text(certificate, key, ret);
}

static int new_service_account(struct pki *pki)
{
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    int r = x509_key_new(PKI_RSA, &key);
    return r < 0 ? r : x509_key_texts(key, &pki->sa_key, &pki->sa_pub);
}

static const struct authority {
    const char *common_name, *file;
} authorities[] = {
    {"kubernetes", "ca"}, {"front-proxy-ca", "front-proxy-ca"}, {"etcd-ca", "etcd/ca"}};

/* The i-th of the authorities above. */
static struct pki_pair *pair_of(struct pki *pki, size_t i)
{
    struct pki_pair *const pairs[ARRAY_SIZE(authorities)] = {&pki->ca, &pki->front_proxy_ca,
                                                             &pki->etcd_ca};
    return pairs[i];
}

static const struct pki_pair *const_pair_of(const struct pki *pki, size_t i)
{
    const struct pki_pair *const pairs[ARRAY_SIZE(authorities)] = {&pki->ca, &pki->front_proxy_ca,
                                                                   &pki->etcd_ca};
    return pairs[i];
}

/* Nothing may be there by half: its other half would be made anew and not fit. */
static int check_halves(const struct pki *pki, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
        const struct pki_pair *pair = const_pair_of(pki, i);
        if (!pair->certificate != !pair->key)
            return err_set(err, -EINVAL, "%s.crt and %s.key: one is there without the other",
                           authorities[i].file, authorities[i].file);
    }
    if (!pki->sa_key != !pki->sa_pub)
        return err_set(err, -EINVAL, "sa.key and sa.pub: one is there without the other");
    return 0;
}

/* Makes into `made` what pki does not have. GnuTLS code. */
static int make_missing(const struct pki *pki, enum pki_algorithm algorithm, int64_t now_ms,
                        struct pki *made)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(authorities); i++)
        if (!const_pair_of(pki, i)->key)
            r = new_authority(authorities[i].common_name, algorithm, now_ms, pair_of(made, i));
    if (r >= 0 && !pki->sa_key)
        r = new_service_account(made);
    return r;
}

static void take_made(struct pki *pki, struct pki *made)
{
    for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
        if (pair_of(pki, i)->key)
            continue;
        *pair_of(pki, i) = *pair_of(made, i);
        *pair_of(made, i) = (struct pki_pair){0};
    }
    if (!pki->sa_key) {
        pki->sa_key = TAKE_PTR(made->sa_key);
        pki->sa_pub = TAKE_PTR(made->sa_pub);
    }
}

int pki_create(struct pki *pki, enum pki_algorithm algorithm, const struct clock *clock,
               struct err *err)
{
    int r = check_halves(pki, err);
    if (r < 0)
        return r;
    _autopki_ struct pki made = PKI_INIT;
    r = make_missing(pki, algorithm, clock_wall(clock), &made);
    if (r < 0)
        return x509_error(err, r, "cannot make the cluster's keys");
    take_made(pki, &made);
    return 0;
}

/* ---- looking at one ---- */

static int check_pair(const char *file, const struct pki_pair *pair, struct err *err)
{
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    if (!pair->certificate || x509_certificate_read(pair->certificate, &certificate) < 0)
        return err_set(err, -EINVAL, "%s.crt is not a certificate", file);
    if (!pair->key || x509_key_read(pair->key, &key) < 0)
        return err_set(err, -EINVAL, "%s.key is not a private key", file);
    if (!x509_key_belongs(key, certificate))
        return err_set(err, -EINVAL, "%s.key is not the key of %s.crt", file, file);
    return 0;
}

int pki_check(const struct pki *pki, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
        int r = check_pair(authorities[i].file, const_pair_of(pki, i), err);
        if (r < 0)
            return r;
    }
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    if (!pki->sa_key || x509_key_read(pki->sa_key, &key) < 0)
        return err_set(err, -EINVAL, "sa.key is not a private key");
    _autosecret_ char *secret = NULL;
    _autofree_ char *public = NULL;
    if (x509_key_texts(key, &secret, &public) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    return str_eq(public, pki->sa_pub)
               ? 0
               : err_set(err, -EINVAL, "sa.pub is not the public half of sa.key");
}

int pki_hash(const char *certificate_pem, char ret[static PKI_HASH_TEXT_SIZE])
{
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    uint8_t hash[crypto_hash_sha256_BYTES];
    size_t size = sizeof(hash);
    int r = x509_certificate_read(certificate_pem, &certificate);
    if (r >= 0)
        r = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, hash, &size);
    if (r < 0)
        return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
    (void)snprintf(ret, PKI_HASH_TEXT_SIZE, "sha256:");
    (void)sodium_bin2hex(ret + strlen(ret), PKI_HASH_TEXT_SIZE - strlen(ret), hash, size);
    return 0;
}

int pki_not_after(const char *certificate_pem, int64_t *ret_wall_ms)
{
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    int r = x509_certificate_read(certificate_pem, &certificate);
    if (r < 0)
        return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
    time_t end = gnutls_x509_crt_get_expiration_time(certificate);
    if (end == (time_t)-1)
        return -EINVAL;
    *ret_wall_ms = (int64_t)end * 1000;
    return 0;
}

void pki_files(const struct pki *pki, struct pki_file ret[static PKI_FILE_COUNT])
{
    const struct pki_file files[PKI_FILE_COUNT] = {
        {"ca.crt", 0644, pki->ca.certificate},
        {"ca.key", 0600, pki->ca.key},
        {"front-proxy-ca.crt", 0644, pki->front_proxy_ca.certificate},
        {"front-proxy-ca.key", 0600, pki->front_proxy_ca.key},
        {"etcd/ca.crt", 0644, pki->etcd_ca.certificate},
        {"etcd/ca.key", 0600, pki->etcd_ca.key},
        {"sa.key", 0600, pki->sa_key},
        {"sa.pub", 0644, pki->sa_pub},
    };
    memcpy(ret, files, sizeof(files));
}
