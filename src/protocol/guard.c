/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/guard.h"

#include <sodium.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "protocol/message.h"
#include "protocol/session.h"
#include "trust/envelope.h"

struct protocol_guard {
    const struct trust_key *key;
    struct rng *rng;
    size_t keys_max;
    char epoch[PROTOCOL_EPOCH_TEXT_SIZE];
    struct map *sequences; /* public key -> struct seen */
};

struct seen {
    uint64_t sequence;
};

static int begin_epoch(struct protocol_guard *guard)
{
    uint8_t epoch[16];
    struct map *sequences = map_new();
    if (!sequences)
        return -ENOMEM;
    map_free_with(guard->sequences, free);
    guard->sequences = sequences;
    rng_fill(guard->rng, epoch, sizeof(epoch));
    sodium_bin2hex(guard->epoch, sizeof(guard->epoch), epoch, sizeof(epoch));
    return 0;
}

struct protocol_guard *protocol_guard_new(const struct trust_key *key, struct rng *rng,
                                          size_t keys_max)
{
    _autofree_ struct protocol_guard *guard = calloc(1, sizeof(*guard));
    if (!guard)
        return NULL;
    *guard = (struct protocol_guard){.key = key, .rng = rng, .keys_max = keys_max};
    if (begin_epoch(guard) < 0)
        return NULL;
    return TAKE_PTR(guard);
}

void protocol_guard_free(struct protocol_guard *guard)
{
    map_free_with(guard->sequences, free);
    free(guard);
}

void protocol_request_free(struct protocol_request *request)
{
    json_decref(request->body);
    request->body = NULL;
}

/* 0 when this sequence number is new for the key, and is now remembered; -ESTALE otherwise. */
static int advance(struct protocol_guard *guard, struct protocol_request *request,
                   uint64_t sequence)
{
    struct seen *seen = map_get(guard->sequences, request->key.b, sizeof(request->key.b));
    if (seen) {
        request->last_sequence = seen->sequence;
        if (sequence <= seen->sequence)
            return -ESTALE;
        seen->sequence = sequence;
        return 0;
    }
    if (map_count(guard->sequences) >= guard->keys_max)
        return begin_epoch(guard) < 0 ? -ENOMEM : -ESTALE;
    seen = calloc(1, sizeof(*seen));
    if (!seen)
        return -ENOMEM;
    seen->sequence = sequence;
    int r = map_put(guard->sequences, request->key.b, sizeof(request->key.b), seen, NULL);
    if (r < 0)
        free(seen);
    return r;
}

static int check(struct protocol_guard *guard, struct protocol_request *request)
{
    const char *nonce = json_string_value(json_object_get(request->body, "nonce"));
    const char *epoch = json_string_value(json_object_get(request->body, "epoch"));
    json_int_t sequence = json_integer_value(json_object_get(request->body, "sequence"));
    if (!nonce || !epoch || sequence <= 0 ||
        str_copy(request->nonce, sizeof(request->nonce), nonce) < 0)
        return -EBADMSG;
    if (!str_eq(epoch, guard->epoch))
        return -ESTALE;
    return advance(guard, request, (uint64_t)sequence);
}

int protocol_guard_open(struct protocol_guard *guard, const char *text, size_t len,
                        struct protocol_request *ret_request)
{
    struct protocol_request request = {0};
    if (len > PROTOCOL_BODY_MAX)
        return -EBADMSG;
    int r =
        trust_envelope_open(PROTOCOL_CONTEXT_REQUEST, text, len, NULL, &request.key, &request.body);
    if (r < 0)
        return r;
    r = check(guard, &request);
    if (r < 0 && r != -ESTALE) {
        protocol_request_free(&request);
        return r;
    }
    *ret_request = request;
    return r;
}

char *protocol_guard_answer(struct protocol_guard *guard, const struct protocol_request *request,
                            json_t *body)
{
    json_auto_t *message = json_copy(body);
    if (!message || json_object_set_new(message, "nonce", json_string(request->nonce)) < 0)
        return NULL;
    return trust_envelope_sign(PROTOCOL_CONTEXT_ANSWER, message, guard->key);
}

char *protocol_guard_resync(struct protocol_guard *guard, const struct protocol_request *request)
{
    json_auto_t *body = json_pack("{s:s, s:s, s:I}", "action", "resync", "epoch", guard->epoch,
                                  "sequence", (json_int_t)request->last_sequence);
    return body ? protocol_guard_answer(guard, request, body) : NULL;
}
