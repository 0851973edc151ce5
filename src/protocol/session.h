/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's side of the conversation: wraps requests, checks answers. A request carries the
 * server's epoch (its guard's life), a sequence number that only grows within it, and a nonce that
 * the answer must echo; so neither a recorded request nor a recorded answer is worth anything
 * later.
 *
 *     protocol_session_wrap(&s, body, &text);      POST text
 *     r = protocol_session_unwrap(&s, answer, len, &body);
 *     -EAGAIN: the session now knows the server's epoch and sequence: wrap and send again.
 *
 * Not thread safe: one thread talks.
 */
#pragma once

#include <jansson.h>

#include "base/random.h"
#include "trust/key.h"

#define PROTOCOL_CONTEXT_REQUEST "slipway request 1"
#define PROTOCOL_CONTEXT_ANSWER "slipway answer 1"

enum { PROTOCOL_NONCE_SIZE = 16, PROTOCOL_NONCE_TEXT_SIZE = 33, PROTOCOL_EPOCH_TEXT_SIZE = 33 };

struct protocol_session {
    const struct trust_key *key; /* ours; borrowed */
    struct trust_public server;
    struct rng *rng;
    char epoch[PROTOCOL_EPOCH_TEXT_SIZE]; /* "" until the server told it */
    uint64_t sequence;
    char nonce[PROTOCOL_NONCE_TEXT_SIZE]; /* of the request under way */
};

void protocol_session_init(struct protocol_session *session, const struct trust_key *key,
                           const struct trust_public *server, struct rng *rng);

/* Adds epoch, sequence and nonce to body (which stays the caller's) and signs. *ret is malloc'd. */
int protocol_session_wrap(struct protocol_session *session, json_t *body, char **ret) _must_check_;

/*
 * Checks the answer to the last wrapped request. 0 and *ret_body (new reference); -EAGAIN to
 * repeat; -EKEYREJECTED when the server's key did not sign it; -EBADMSG when it is malformed or
 * answers another request.
 */
int protocol_session_unwrap(struct protocol_session *session, const char *text, size_t len,
                            json_t **ret_body) _must_check_;
