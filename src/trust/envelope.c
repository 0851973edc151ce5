/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/envelope.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* What is signed: the context, a NUL, the body. */
static int signed_bytes(struct buf *b, const char *context, const char *body, size_t len)
{
    buf_add(b, context, strlen(context) + 1);
    buf_add(b, body, len);
    return buf_error(b);
}

char *trust_envelope_sign(const char *context, json_t *body, const struct trust_key *key)
{
    uint8_t signature[TRUST_SIGNATURE_SIZE];
    char public[TRUST_PUBLIC_TEXT_SIZE];
    _autobuf_ struct buf b = BUF_INIT;
    _autofree_ char *text = json_dumps(body, JSON_COMPACT);
    if (!text || signed_bytes(&b, context, text, strlen(text)) < 0)
        return NULL;
    (void)crypto_sign_detached(signature, NULL, (const uint8_t *)b.data, b.len, key->secret);
    _autofree_ char *signature_text = str_base64(signature, sizeof(signature));
    if (!signature_text)
        return NULL;
    json_auto_t *envelope =
        json_pack("{s:s, s:s, s:s}", "key", trust_public_text(&key->public, public), "signature",
                  signature_text, "body", text);
    return envelope ? json_dumps(envelope, JSON_COMPACT) : NULL;
}

static int check(const char *context, const char *key_text, const char *signature_text,
                 const char *body, size_t len, struct trust_public *ret_key)
{
    uint8_t signature[TRUST_SIGNATURE_SIZE];
    _autobuf_ struct buf b = BUF_INIT;
    if (trust_public_parse(key_text, ret_key) < 0 ||
        str_unbase64_exact(signature_text, signature, sizeof(signature)) < 0)
        return -EBADMSG;
    int r = signed_bytes(&b, context, body, len);
    if (r < 0)
        return r;
    if (crypto_sign_verify_detached(signature, (const uint8_t *)b.data, b.len, ret_key->b) != 0)
        return -EKEYREJECTED;
    return 0;
}

int trust_envelope_open(const char *context, const char *text, size_t len,
                        const struct trust_public *expected, struct trust_public *ret_key,
                        json_t **ret_body)
{
    const char *key_text, *signature, *body;
    size_t body_len;
    struct trust_public key;
    if (len > TRUST_ENVELOPE_MAX)
        return -EBADMSG;
    json_auto_t *envelope = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!envelope || json_unpack(envelope, "{s:s, s:s, s:s%}", "key", &key_text, "signature",
                                 &signature, "body", &body, &body_len) != 0)
        return -EBADMSG;
    int r = check(context, key_text, signature, body, body_len, &key);
    if (r < 0)
        return r;
    if (expected && sodium_memcmp(expected->b, key.b, sizeof(key.b)) != 0)
        return -EKEYREJECTED;
    json_t *parsed = json_loadb(body, body_len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return -EBADMSG;
    }
    if (ret_key)
        *ret_key = key;
    *ret_body = parsed;
    return 0;
}
