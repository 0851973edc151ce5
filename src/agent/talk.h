/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with the server: signed hellos and reports over one connection. Thread safe:
 * one exchange at a time.
 */
#pragma once

#include <pthread.h>

#include "agent/fetch.h"
#include "protocol/message.h"
#include "protocol/session.h"

struct talk {
    pthread_mutex_t lock;
    struct fetch *fetch;
    struct protocol_session session;
};

/* key and rng are borrowed for the talk's life. 0 or a negative errno. */
int talk_init(struct talk *talk, const char *server, const struct trust_key *key,
              const struct trust_public *server_key, struct rng *rng, struct err *err) _must_check_;
void talk_clear(struct talk *talk);

/* Speaks with another key from the next message on; borrowed. */
void talk_set_key(struct talk *talk, const struct trust_key *key);

/*
 * Sends, and gives the server's answer (protocol_answer_free()). 0; -EKEYREJECTED when somebody
 * else answered; -EBADMSG; or an errno of the connection.
 */
int talk_hello(struct talk *talk, const struct protocol_hello *hello, struct protocol_answer *ret,
               struct err *err) _must_check_;
int talk_report(struct talk *talk, const struct protocol_report *report,
                struct protocol_answer *ret, struct err *err) _must_check_;
