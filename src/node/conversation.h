/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slipway-node's side of the protocol: signed hellos and reports to the server, over any transport.
 * Not thread safe on one conversation.
 */
#pragma once

#include "protocol/chunk.h"
#include "protocol/message.h"
#include "protocol/session.h"
#include "provision/identity.h"

/* Sends a POST and waits for the answer's body, malloc'd. 0 or a negative errno. */
struct node_transport {
    int (*post)(void *data, const char *path, const char *text, size_t len, char **ret_text,
                size_t *ret_len, struct err *err);
    void *data;
};

struct conversation {
    struct trust_key key;
    struct protocol_session session;
    struct node_transport transport;
    char *machine;       /* the Machine's name; NULL: not known */
    unsigned generation; /* of the installation */
};

/* Takes the keys out of the identity. 0, -EINVAL (a key is malformed) or -ENOMEM. */
int conversation_init(struct conversation *c, const struct provision_identity *identity,
                      unsigned generation, const struct node_transport *transport, struct rng *rng,
                      struct err *err) _must_check_;
void conversation_free(struct conversation *c);

/*
 * "Here I am." machine and generation are filled in. *ret_answer is freed by the caller with
 * protocol_answer_free(). 0, an error of the transport, -EKEYREJECTED (not our server) or -EBADMSG.
 */
int conversation_hello(struct conversation *c, struct protocol_hello *hello,
                       struct protocol_answer *ret_answer, struct err *err) _must_check_;

/* "This is what I am doing." */
int conversation_report(struct conversation *c, struct protocol_report *report,
                        struct protocol_answer *ret_answer, struct err *err) _must_check_;

/*
 * As struct cluster_tools wants it; data is a struct conversation. Leaves a chunk with the server
 * (PROTOCOL_PATH_SAVE), or asks for one (PROTOCOL_PATH_SAVED): then sealed and last are filled in.
 * 0; an error of the transport, -EAGAIN (the server asks to try again), -EPERM (it refuses, err
 * says why), -EKEYREJECTED or -EBADMSG.
 */
int conversation_chunk(void *data, const char *path, struct protocol_chunk *chunk, struct err *err)
    _must_check_;
