/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/session.h"

#include <sodium.h>

#include "base/str.h"
#include "trust/envelope.h"

void protocol_session_init(struct protocol_session *session, const struct trust_key *key,
                           const struct trust_public *server, struct rng *rng)
{
    *session = (struct protocol_session){.key = key, .server = *server, .rng = rng};
}

int protocol_session_wrap(struct protocol_session *session, json_t *body, char **ret)
{
    uint8_t nonce[PROTOCOL_NONCE_SIZE];
    rng_fill(session->rng, nonce, sizeof(nonce));
    sodium_bin2hex(session->nonce, sizeof(session->nonce), nonce, sizeof(nonce));
    session->sequence++;
    json_auto_t *message = json_copy(body);
    if (!message || json_object_set_new(message, "nonce", json_string(session->nonce)) < 0 ||
        json_object_set_new(message, "epoch", json_string(session->epoch)) < 0 ||
        json_object_set_new(message, "sequence", json_integer((json_int_t)session->sequence)) < 0)
        return -ENOMEM;
    *ret = trust_envelope_sign(PROTOCOL_CONTEXT_REQUEST, message, session->key);
    return *ret ? 0 : -ENOMEM;
}

static int take_resync(struct protocol_session *session, json_t *body)
{
    const char *epoch = json_string_value(json_object_get(body, "epoch"));
    json_int_t sequence = json_integer_value(json_object_get(body, "sequence"));
    if (!epoch || sequence < 0 || str_copy(session->epoch, sizeof(session->epoch), epoch) < 0)
        return -EBADMSG;
    if ((uint64_t)sequence > session->sequence)
        session->sequence = (uint64_t)sequence;
    return -EAGAIN;
}

int protocol_session_unwrap(struct protocol_session *session, const char *text, size_t len,
                            json_t **ret_body)
{
    json_auto_t *body = NULL;
    int r = trust_envelope_open(PROTOCOL_CONTEXT_ANSWER, text, len, &session->server, NULL, &body);
    if (r < 0)
        return r;
    const char *nonce = json_string_value(json_object_get(body, "nonce"));
    if (!nonce || !str_eq(nonce, session->nonce))
        return -EBADMSG;
    if (str_eq(json_string_value(json_object_get(body, "action")), "resync"))
        return take_resync(session, body);
    *ret_body = json_incref(body);
    return 0;
}
