/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/talk.h"

#include <string.h>

#include "trust/envelope.h"

enum { RESYNC_MAX = 3 };

int talk_init(struct talk *talk, const char *server, const struct trust_key *key,
              const struct trust_public *server_key, struct rng *rng, struct err *err)
{
    *talk = (struct talk){0};
    (void)pthread_mutex_init(&talk->lock, NULL);
    protocol_session_init(&talk->session, key, server_key, rng);
    return fetch_new(server, &talk->fetch, err);
}

void talk_clear(struct talk *talk)
{
    if (talk->fetch)
        fetch_free(TAKE_PTR(talk->fetch));
    (void)pthread_mutex_destroy(&talk->lock);
}

void talk_set_key(struct talk *talk, const struct trust_key *key)
{
    (void)pthread_mutex_lock(&talk->lock);
    talk->session.key = key;
    (void)pthread_mutex_unlock(&talk->lock);
}

static int exchange_once(struct talk *talk, const char *path, json_t *body, json_t **ret,
                         struct err *err)
{
    _autofree_ char *text = NULL;
    struct buf answer _autobuf_ = BUF_INIT_MAX(TRUST_ENVELOPE_MAX);
    int r = protocol_session_wrap(&talk->session, body, &text);
    if (r < 0)
        return err_errno(err, r, "cannot sign the message");
    r = fetch_post(talk->fetch, path, text, strlen(text), TRUST_ENVELOPE_MAX, &answer, err);
    if (r < 0)
        return r;
    r = protocol_session_unwrap(&talk->session, answer.data, answer.len, ret);
    if (r == -EKEYREJECTED)
        return err_set(err, r, "the answer is not signed by the server that slipway.key names");
    if (r < 0 && r != -EAGAIN)
        return err_errno(err, r, "the server's answer is not valid");
    return r;
}

static int exchange(struct talk *talk, const char *path, json_t *body, struct protocol_answer *ret,
                    struct err *err)
{
    json_t *answer = NULL;
    int r = -EAGAIN;
    if (!body)
        return err_set(err, -ENOMEM, "out of memory");
    (void)pthread_mutex_lock(&talk->lock);
    for (int i = 0; i < RESYNC_MAX && r == -EAGAIN; i++)
        r = exchange_once(talk, path, body, &answer, err);
    (void)pthread_mutex_unlock(&talk->lock);
    json_decref(body);
    if (r == -EAGAIN)
        return err_set(err, -EBADMSG, "the server does not accept the sequence of messages");
    if (r == 0)
        r = protocol_answer_parse(answer, ret, err);
    json_decref(answer);
    return r;
}

int talk_hello(struct talk *talk, const struct protocol_hello *hello, struct protocol_answer *ret,
               struct err *err)
{
    return exchange(talk, PROTOCOL_PATH_HELLO, protocol_hello_to_json(hello), ret, err);
}

int talk_report(struct talk *talk, const struct protocol_report *report,
                struct protocol_answer *ret, struct err *err)
{
    return exchange(talk, PROTOCOL_PATH_REPORT, protocol_report_to_json(report), ret, err);
}
