/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/key.h"

#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

_Static_assert(TRUST_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519 secret key");
_Static_assert(TRUST_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(TRUST_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519 signature");

int trust_init(void)
{
    return sodium_init() < 0 ? -EIO : 0;
}

void trust_key_generate(struct trust_key *ret_key)
{
    (void)crypto_sign_keypair(ret_key->public.b, ret_key->secret);
}

void trust_key_wipe(struct trust_key *key)
{
    sodium_memzero(key->secret, sizeof(key->secret));
}

int trust_key_from_text(const char *seed_base64, struct trust_key *ret_key)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    int r = str_unbase64_exact(seed_base64, seed, sizeof(seed));
    if (r == 0)
        (void)crypto_sign_seed_keypair(ret_key->public.b, ret_key->secret, seed);
    sodium_memzero(seed, sizeof(seed));
    return r;
}

char *trust_key_to_text(const struct trust_key *key)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    (void)crypto_sign_ed25519_sk_to_seed(seed, key->secret);
    char *text = str_base64(seed, sizeof(seed));
    sodium_memzero(seed, sizeof(seed));
    return text;
}

static int load(const char *path, struct trust_key *ret_key, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (st.st_mode & 077)
        return err_set(err, -EPERM, "%s holds a secret key but others may access it: chmod 600 it",
                       path);
    char *text = NULL;
    int r = file_read(path, 4096, &text, NULL, err);
    if (r < 0)
        return r;
    text[strcspn(text, "\n")] = '\0';
    r = trust_key_from_text(text, ret_key);
    sodium_memzero(text, strlen(text));
    free(text);
    return r < 0 ? err_set(err, r, "%s is not a key: expected 32 bytes in base64", path) : 0;
}

static int create(const char *path, struct trust_key *ret_key, struct err *err)
{
    trust_key_generate(ret_key);
    char *text = trust_key_to_text(ret_key);
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    int r = file_write_atomic(path, text, strlen(text), 0600, err);
    sodium_memzero(text, strlen(text));
    free(text);
    return r;
}

int trust_key_load_or_create(const char *path, struct trust_key *ret_key, struct err *err)
{
    int r = load(path, ret_key, err);
    return r == -ENOENT ? create(path, ret_key, err) : r;
}

const char *trust_public_text(const struct trust_public *public,
                              char dst[static TRUST_PUBLIC_TEXT_SIZE])
{
    return sodium_bin2base64(dst, TRUST_PUBLIC_TEXT_SIZE, public->b, sizeof(public->b),
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int trust_public_parse(const char *text, struct trust_public *ret_public)
{
    struct trust_public public;
    size_t len = 0;
    if (!text || strlen(text) != TRUST_PUBLIC_TEXT_SIZE - 1 || !str_is_ascii(text))
        return -EINVAL;
    if (sodium_base642bin(public.b, sizeof(public.b), text, strlen(text), NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof(public.b))
        return -EINVAL;
    *ret_public = public;
    return 0;
}

/* Sixteen bits as consonant-vowel-consonant-vowel-consonant. */
static void add_word(char *dst, unsigned bits)
{
    static const char consonants[] = "bdfghjklmnprstvz", vowels[] = "aiou";
    dst[0] = consonants[bits >> 12 & 15];
    dst[1] = vowels[bits >> 10 & 3];
    dst[2] = consonants[bits >> 6 & 15];
    dst[3] = vowels[bits >> 4 & 3];
    dst[4] = consonants[bits & 15];
}

const char *trust_fingerprint(const struct trust_public *public,
                              char dst[static TRUST_FINGERPRINT_TEXT_SIZE])
{
    enum { WORDS = 5, WORD_SIZE = 6 };
    uint8_t digest[TRUST_DIGEST_SIZE];
    trust_digest(public->b, sizeof(public->b), digest);
    for (size_t i = 0; i < WORDS; i++) {
        add_word(dst + i * WORD_SIZE, (unsigned)digest[2 * i] << 8 | digest[2 * i + 1]);
        dst[i * WORD_SIZE + 5] = i + 1 < WORDS ? '-' : '\0';
    }
    return dst;
}

int trust_seal(const struct trust_public *to, const void *data, size_t len, char **ret)
{
    uint8_t box_key[crypto_box_PUBLICKEYBYTES];
    if (crypto_sign_ed25519_pk_to_curve25519(box_key, to->b) != 0)
        return -EINVAL;
    size_t size;
    if (__builtin_add_overflow(len, (size_t)crypto_box_SEALBYTES, &size))
        return -EINVAL;
    _autofree_ uint8_t *box = malloc(size);
    if (!box)
        return -ENOMEM;
    if (crypto_box_seal(box, data, len, box_key) != 0)
        return -EINVAL;
    *ret = str_base64(box, size);
    return *ret ? 0 : -ENOMEM;
}

static int open_box(const struct trust_key *key, const uint8_t *box, size_t size, char *plain)
{
    uint8_t public[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    int r = -EBADMSG;
    if (crypto_sign_ed25519_pk_to_curve25519(public, key->public.b) == 0 &&
        crypto_sign_ed25519_sk_to_curve25519(secret, key->secret) == 0 &&
        crypto_box_seal_open((uint8_t *)plain, box, size, public, secret) == 0)
        r = 0;
    sodium_memzero(secret, sizeof(secret));
    return r;
}

int trust_unseal(const struct trust_key *key, const char *sealed, size_t max, char **ret_data,
                 size_t *ret_len)
{
    _autofree_ uint8_t *box = NULL;
    size_t size = 0;
    int r = str_unbase64(sealed, max + crypto_box_SEALBYTES, &box, &size);
    if (r < 0)
        return r;
    if (size < crypto_box_SEALBYTES)
        return -EBADMSG;
    size_t len = size - crypto_box_SEALBYTES;
    _autofree_ char *plain = malloc(len + 1);
    if (!plain)
        return -ENOMEM;
    r = open_box(key, box, size, plain);
    if (r < 0)
        return r;
    plain[len] = '\0';
    *ret_data = TAKE_PTR(plain);
    *ret_len = len;
    return 0;
}

void trust_digest(const void *data, size_t len, uint8_t ret[static TRUST_DIGEST_SIZE])
{
    (void)crypto_generichash(ret, TRUST_DIGEST_SIZE, data, len, NULL, 0);
}
