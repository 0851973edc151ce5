/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of the conversation: opens requests, refuses replays, wraps answers. The guard
 * remembers the last sequence number of each key within one epoch. When it restarts, or has seen
 * more keys than it may remember, it begins a new epoch and every machine resynchronises with one
 * more round trip; nothing needs to be stored. Not thread safe.
 */
#pragma once

#include <jansson.h>

#include "base/random.h"
#include "trust/key.h"

struct protocol_guard;

struct protocol_request {
    struct trust_public key; /* who signed */
    json_t *body;            /* owned; free with protocol_request_free() */
    char nonce[33];
    uint64_t last_sequence; /* what the guard remembers of this key */
};
void protocol_request_free(struct protocol_request *request);

/* `key` (borrowed) signs answers. NULL when out of memory. */
struct protocol_guard *protocol_guard_new(const struct trust_key *key, struct rng *rng,
                                          size_t keys_max);
void protocol_guard_free(struct protocol_guard *guard);
DEFINE_CLEANUP(struct protocol_guard *, protocol_guard_free)

/*
 * Opens a request. 0; -ESTALE when its epoch or sequence is not current: *ret_request is filled and
 * the caller sends protocol_guard_resync(); -EBADMSG or -EKEYREJECTED: not answered.
 */
int protocol_guard_open(struct protocol_guard *guard, const char *text, size_t len,
                        struct protocol_request *ret_request) _must_check_;

/* The signed answer text with the request's nonce, malloc'd; NULL when out of memory. */
char *protocol_guard_answer(struct protocol_guard *guard, const struct protocol_request *request,
                            json_t *body);

/* The signed "resync" answer to a stale request, malloc'd; NULL when out of memory. */
char *protocol_guard_resync(struct protocol_guard *guard, const struct protocol_request *request);
