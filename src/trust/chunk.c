/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/chunk.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"

enum { EXTRA = crypto_aead_xchacha20poly1305_ietf_ABYTES };

_Static_assert(TRUST_CHUNK_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

/* The index, and whether it is the last one: so the end cannot be moved. */
static void make_nonce(uint64_t index, bool last,
                       uint8_t ret[static crypto_aead_xchacha20poly1305_ietf_NPUBBYTES])
{
    memset(ret, 0, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    for (size_t i = 0; i < sizeof(index); i++)
        ret[i] = (uint8_t)(index >> (8 * i));
    ret[sizeof(index)] = last;
}

int trust_chunk_seal(const uint8_t key[static TRUST_CHUNK_KEY_SIZE], uint64_t index, bool last,
                     const void *data, size_t len, char **ret)
{
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    size_t size;
    if (__builtin_add_overflow(len, (size_t)EXTRA, &size))
        return -ENOMEM;
    _autofree_ uint8_t *box = malloc(size);
    if (!box)
        return -ENOMEM;
    make_nonce(index, last, nonce);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, data, len, NULL, 0, NULL, nonce,
                                                     key);
    *ret = str_base64(box, size);
    return *ret ? 0 : -ENOMEM;
}

int trust_chunk_open(const uint8_t key[static TRUST_CHUNK_KEY_SIZE], uint64_t index, bool last,
                     const char *sealed, size_t max, char **ret_data, size_t *ret_len)
{
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    _autofree_ uint8_t *box = NULL;
    size_t size = 0;
    int r = str_unbase64(sealed, max + EXTRA, &box, &size);
    if (r < 0)
        return r == -ENOMEM ? r : -EBADMSG;
    if (size < EXTRA)
        return -EBADMSG;
    char *plain = malloc(size - EXTRA + 1);
    if (!plain)
        return -ENOMEM;
    make_nonce(index, last, nonce);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)plain, NULL, NULL, box, size, NULL, 0,
                                                   nonce, key) != 0) {
        free(plain);
        return -EBADMSG;
    }
    plain[size - EXTRA] = '\0';
    *ret_data = plain;
    *ret_len = size - EXTRA;
    return 0;
}

void trust_chunk_key(const char *secret, const char *purpose, const char *id,
                     uint8_t ret[static TRUST_CHUNK_KEY_SIZE])
{
    crypto_generichash_state state;
    uint8_t own[TRUST_CHUNK_KEY_SIZE];
    (void)crypto_generichash(own, sizeof(own), (const uint8_t *)secret, strlen(secret), NULL, 0);
    (void)crypto_generichash_init(&state, own, sizeof(own), TRUST_CHUNK_KEY_SIZE);
    /* with the NUL between them, no two pairs are the same bytes */
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    (void)crypto_generichash_update(&state, (const uint8_t *)id, strlen(id));
    (void)crypto_generichash_final(&state, ret, TRUST_CHUNK_KEY_SIZE);
    sodium_memzero(own, sizeof(own));
    sodium_memzero(&state, sizeof(state));
}
