/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pairs (Ed25519) that servers and machines sign with, and boxes sealed to them (X25519,
 * derived from the same pair). A key's fingerprint is shown to people as words that can be read
 * aloud.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

enum {
    TRUST_PUBLIC_SIZE = 32,
    TRUST_SECRET_SIZE = 64,
    TRUST_SIGNATURE_SIZE = 64,
    TRUST_DIGEST_SIZE = 32,
    TRUST_PUBLIC_TEXT_SIZE = 44,      /* base64url without padding, and NUL */
    TRUST_FINGERPRINT_TEXT_SIZE = 32, /* five words "lusab-babad-gutih-tugad-dobil" and NUL */
};

struct trust_public {
    uint8_t b[TRUST_PUBLIC_SIZE];
};

struct trust_key {
    struct trust_public public;
    uint8_t secret[TRUST_SECRET_SIZE];
};

#define _autokey_ _cleanup_(trust_key_wipe)

/* Makes libsodium ready: once per program, before anything here. 0 or -EIO. */
int trust_init(void) _must_check_;

/* A new random pair. */
void trust_key_generate(struct trust_key *ret_key);

/* Overwrites the secret. */
void trust_key_wipe(struct trust_key *key);

/*
 * Reads the pair kept in path, or makes a new one and writes it there with mode 0600 when the file
 * is missing. A file that others may read is refused (-EPERM).
 */
int trust_key_load_or_create(const char *path, struct trust_key *ret_key, struct err *err)
    _must_check_;

/* The pair from its 32-byte seed in base64 (how identities are stored). 0 or -EINVAL. */
int trust_key_from_text(const char *seed_base64, struct trust_key *ret_key) _must_check_;
/* The reverse; malloc'd, the caller wipes it. NULL when out of memory. */
char *trust_key_to_text(const struct trust_key *key);

/* Public half as text: base64url without padding, as on the kernel command line. */
const char *trust_public_text(const struct trust_public *public,
                              char dst[static TRUST_PUBLIC_TEXT_SIZE]);
int trust_public_parse(const char *text, struct trust_public *ret_public) _must_check_;

/*
 * 80 bits of the key's BLAKE2b digest as five pronounceable words. Enough that nobody finds a
 * second key with the same words, few enough to compare with a screen across the room.
 */
const char *trust_fingerprint(const struct trust_public *public,
                              char dst[static TRUST_FINGERPRINT_TEXT_SIZE]);

/* Encrypts so that only the owner of `to` can read. *ret is malloc'd base64. 0, -EINVAL, -ENOMEM.
 */
int trust_seal(const struct trust_public *to, const void *data, size_t len, char **ret)
    _must_check_;
/* Opens what was sealed to key. *ret_data is malloc'd and NUL-terminated. 0, -EBADMSG, ... */
int trust_unseal(const struct trust_key *key, const char *sealed, size_t max, char **ret_data,
                 size_t *ret_len) _must_check_;

/* BLAKE2b-256 of data. */
void trust_digest(const void *data, size_t len, uint8_t ret[static TRUST_DIGEST_SIZE]);
