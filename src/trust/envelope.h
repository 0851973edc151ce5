/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed messages: {"key": "...", "signature": "...", "body": "..."}. The body is JSON text carried
 * as a string, so that exactly the signed bytes are parsed. The signature covers a context (which
 * kind of message this is) besides the body, so that one message can never be taken for another
 * kind.
 */
#pragma once

#include <jansson.h>

#include "trust/key.h"

enum { TRUST_ENVELOPE_MAX = 8 << 20 };

/* The envelope text around body (a JSON object), malloc'd. NULL when out of memory. */
char *trust_envelope_sign(const char *context, json_t *body, const struct trust_key *key);

/*
 * Verifies and parses. *ret_key gets the signer's key (may be NULL), *ret_body the body (a new
 * reference, an object). When `expected` is given, only that key is accepted. 0, -EBADMSG for
 * anything malformed, -EKEYREJECTED for a wrong signature or signer, -ENOMEM.
 */
int trust_envelope_open(const char *context, const char *text, size_t len,
                        const struct trust_public *expected, struct trust_public *ret_key,
                        json_t **ret_body) _must_check_;
