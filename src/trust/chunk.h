/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long data, sealed in chunks with a key of its own (XChaCha20-Poly1305): whoever keeps the chunks
 * can neither read nor change, exchange or leave out one without notice, because each is bound to
 * its index and to whether it is the last one. A key is for one data only: the same chunk sealed
 * again is the same text, so it may be sent twice, but no other data may ever be sealed with that
 * key.
 *
 * Everything here is thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TRUST_CHUNK_KEY_SIZE = 32 };

/* *ret is malloc'd base64. 0 or -ENOMEM. */
int trust_chunk_seal(const uint8_t key[static TRUST_CHUNK_KEY_SIZE], uint64_t index, bool last,
                     const void *data, size_t len, char **ret) _must_check_;

/*
 * The reverse. *ret_data is malloc'd. 0, -EBADMSG (another key, index or end, or changed) or
 * -ENOMEM.
 */
int trust_chunk_open(const uint8_t key[static TRUST_CHUNK_KEY_SIZE], uint64_t index, bool last,
                     const char *sealed, size_t max, char **ret_data, size_t *ret_len) _must_check_;

/* A key for `purpose` out of a secret text, another one for each `id`. */
void trust_chunk_key(const char *secret, const char *purpose, const char *id,
                     uint8_t ret[static TRUST_CHUNK_KEY_SIZE]);
