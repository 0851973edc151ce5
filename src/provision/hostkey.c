/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/hostkey.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/wr.h"
#include "provision/value.h"

#define KEY_TYPE "ssh-ed25519"
#define COMMENT_MAX 200

enum { BLOB_MAX = 128, PRIVATE_MAX = 1024 };

/* RFC 4251 section 5: a string is its length and its bytes. */
static void put_string(struct wr *w, const void *data, size_t len)
{
    wr_u32(w, (uint32_t)len);
    wr_bytes(w, data, len);
}

static void put_text(struct wr *w, const char *text)
{
    put_string(w, text, strlen(text));
}

/* RFC 8709 section 4. */
static size_t public_blob(const uint8_t *public, uint8_t dst[static BLOB_MAX])
{
    struct wr w = wr_init(dst, BLOB_MAX);
    put_text(&w, KEY_TYPE);
    put_string(&w, public, crypto_sign_PUBLICKEYBYTES);
    return w.pos;
}

static void put_private_section(struct wr *w, uint32_t check, const uint8_t *public,
                                const uint8_t *secret, const char *comment)
{
    uint8_t section[PRIVATE_MAX];
    struct wr s = wr_init(section, sizeof(section));
    wr_u32(&s, check);
    wr_u32(&s, check);
    put_text(&s, KEY_TYPE);
    put_string(&s, public, crypto_sign_PUBLICKEYBYTES);
    put_string(&s, secret, crypto_sign_SECRETKEYBYTES);
    put_text(&s, comment);
    for (uint8_t pad = 1; s.pos % 8; pad++)
        wr_u8(&s, pad);
    put_string(w, section, s.pos);
    sodium_memzero(section, sizeof(section));
}

/* "-----BEGIN ...", base64 in lines of 70, "-----END ...". NULL when out of memory. */
static char *pem(const uint8_t *data, size_t len)
{
    _autobuf_ struct buf out = BUF_INIT;
    char *text = str_base64(data, len);
    if (!text)
        return NULL;
    size_t total = strlen(text);
    (void)buf_room(&out, total * 2 + 128);
    buf_adds(&out, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for (size_t i = 0; i < total; i += 70)
        buf_printf(&out, "%.70s\n", text + i);
    buf_adds(&out, "-----END OPENSSH PRIVATE KEY-----\n");
    sodium_memzero(text, total);
    free(text);
    return buf_steal(&out);
}

static char *private_text(uint32_t check, const uint8_t *public, const uint8_t *secret,
                          const char *comment)
{
    uint8_t data[PRIVATE_MAX + 256], blob[BLOB_MAX];
    struct wr w = wr_init(data, sizeof(data));
    wr_cstr(&w, "openssh-key-v1");
    put_text(&w, "none"); /* cipher */
    put_text(&w, "none"); /* key derivation */
    put_text(&w, "");
    wr_u32(&w, 1);
    put_string(&w, blob, public_blob(public, blob));
    put_private_section(&w, check, public, secret, comment);
    char *text = wr_ok(&w) ? pem(data, w.pos) : NULL;
    sodium_memzero(data, sizeof(data));
    return text;
}

static char *public_text(const uint8_t *public, const char *comment)
{
    uint8_t blob[BLOB_MAX];
    _autofree_ char *text = str_base64(blob, public_blob(public, blob));
    return text ? str_format(KEY_TYPE " %s %s", text, comment) : NULL;
}

int hostkey_generate(struct rng *rng, const char *comment, struct provision_host_key *ret)
{
    if (strlen(comment) > COMMENT_MAX || !value_is_line(comment))
        return -EINVAL;
    uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES],
        secret[crypto_sign_SECRETKEYBYTES];
    uint32_t check = 0;
    rng_fill(rng, seed, sizeof(seed));
    rng_fill(rng, &check, sizeof(check));
    (void)crypto_sign_seed_keypair(public, secret, seed);
    *ret = (struct provision_host_key){
        .type = strdup("ed25519"),
        .private = private_text(check, public, secret, comment),
        .public = public_text(public, comment),
    };
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
    if (ret->type && ret->private && ret->public)
        return 0;
    free(ret->type);
    free(ret->private);
    free(ret->public);
    *ret = (struct provision_host_key){0};
    return -ENOMEM;
}

/* The base64 field of "TYPE KEY COMMENT", malloc'd; NULL when there is none. */
static char *key_field(const char *line)
{
    const char *space = strchr(line, ' ');
    return space ? strndup(space + 1, strcspn(space + 1, " \n")) : NULL;
}

const char *hostkey_fingerprint(const char *public_line, char dst[static HOSTKEY_FINGERPRINT_SIZE])
{
    _autofree_ char *text = key_field(public_line);
    _autofree_ uint8_t *blob = NULL;
    size_t len = 0;
    if (!text || str_unbase64(text, 4096, &blob, &len) < 0)
        return NULL;
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, blob, len);
    static const char prefix[] = "SHA256:";
    memcpy(dst, prefix, sizeof(prefix));
    (void)sodium_bin2base64(dst + sizeof(prefix) - 1, HOSTKEY_FINGERPRINT_SIZE - sizeof(prefix),
                            digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return dst;
}

char *hostkey_known_hosts_line(const char *host, const char *public_line)
{
    _autofree_ char *key = key_field(public_line);
    if (!key)
        return NULL;
    return str_format("%s %.*s %s", host, (int)strcspn(public_line, " "), public_line, key);
}
