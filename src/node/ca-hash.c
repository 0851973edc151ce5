/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ca-hash.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cluster/der.h"

enum { CERTIFICATE_MAX = 64 << 10 };

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* The base64 between the lines, without white space; malloc'd. */
static char *body_of(const char *pem, size_t len)
{
    const char *begin = memmem(pem, len, BEGIN, strlen(BEGIN));
    if (!begin)
        return NULL;
    begin += strlen(BEGIN);
    const char *end = memmem(begin, len - (size_t)(begin - pem), END, strlen(END));
    struct buf text = BUF_INIT_MAX(2 * CERTIFICATE_MAX);
    for (; end && begin < end; begin++) {
        if (!strchr(" \t\r\n", *begin))
            buf_addc(&text, *begin);
    }
    char *body = end ? buf_steal(&text) : NULL;
    buf_free(&text);
    return body;
}

/* Leaves r in front of the SubjectPublicKeyInfo of a TBSCertificate. */
static void skip_to_key(struct rd *r)
{
    if (der_is(r, DER_CONTEXT_CONSTRUCTED)) /* version */
        (void)der_take(r, DER_CONTEXT_CONSTRUCTED);
    (void)der_take(r, DER_INTEGER);
    for (int i = 0; i < 4; i++) /* signature, issuer, validity, subject */
        (void)der_take(r, DER_SEQUENCE);
}

int ca_hash(const char *pem, size_t len, char ret[static CA_HASH_SIZE])
{
    _autofree_ char *body = body_of(pem, len);
    _autofree_ uint8_t *der = NULL;
    size_t n = 0;
    uint8_t digest[crypto_hash_sha256_BYTES];
    if (!body || str_unbase64(body, CERTIFICATE_MAX, &der, &n) < 0)
        return -EBADMSG;
    struct rd all = rd_init(der, n);
    struct rd certificate = der_take(&all, DER_SEQUENCE);
    struct rd tbs = der_take(&certificate, DER_SEQUENCE);
    skip_to_key(&tbs);
    const uint8_t *start = tbs.buf + tbs.pos;
    struct rd key = der_take(&tbs, DER_SEQUENCE);
    if (!rd_ok(&all) || !rd_ok(&certificate) || !rd_ok(&tbs) || !rd_ok(&key))
        return -EBADMSG;
    (void)crypto_hash_sha256(digest, start, (size_t)(tbs.buf + tbs.pos - start));
    _autofree_ char *hex = str_hex(digest, sizeof(digest));
    if (!hex)
        return -ENOMEM;
    (void)snprintf(ret, CA_HASH_SIZE, "sha256:%s", hex);
    return 0;
}
