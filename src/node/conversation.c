/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conversation.h"

#include <string.h>

#include "base/str.h"

int conversation_init(struct conversation *c, const struct provision_identity *identity,
                      unsigned generation, const struct node_transport *transport, struct rng *rng,
                      struct err *err)
{
    struct trust_public server;
    *c = (struct conversation){.transport = *transport, .generation = generation};
    if (trust_public_parse(identity->server_key, &server) < 0)
        return err_set(err, -EINVAL, "the server's key is malformed");
    if (trust_key_from_text(identity->private_key, &c->key) < 0)
        return err_set(err, -EINVAL, "this machine's key is malformed");
    protocol_session_init(&c->session, &c->key, &server, rng);
    c->machine = identity->machine ? strdup(identity->machine) : NULL;
    if (identity->machine && !c->machine)
        return err_set(err, -ENOMEM, "out of memory");
    return 0;
}

void conversation_free(struct conversation *c)
{
    trust_key_wipe(&c->key);
    free(c->machine);
    c->machine = NULL;
}

static int exchange_once(struct conversation *c, const char *path, json_t *body, json_t **ret,
                         struct err *err)
{
    _autofree_ char *request = NULL;
    _autofree_ char *answer = NULL;
    size_t len = 0;
    int r = protocol_session_wrap(&c->session, body, &request);
    if (r < 0)
        return err_errno(err, r, "cannot sign a message");
    r = c->transport.post(c->transport.data, path, request, strlen(request), &answer, &len, err);
    if (r < 0)
        return r;
    r = protocol_session_unwrap(&c->session, answer, len, ret);
    if (r == -EKEYREJECTED)
        return err_set(err, r, "the answer is not signed by our server");
    return r < 0 && r != -EAGAIN ? err_errno(err, r, "the server's answer") : r;
}

/* A server that was started anew first tells its epoch: then the same is said once more. */
static int exchange_json(struct conversation *c, const char *path, json_t *body, json_t **ret,
                         struct err *err)
{
    int r = -EAGAIN;
    for (int attempt = 0; r == -EAGAIN && attempt < 3; attempt++)
        r = exchange_once(c, path, body, ret, err);
    return r == -EAGAIN ? err_set(err, r, "the server does not accept our sequence numbers") : r;
}

static int exchange(struct conversation *c, const char *path, json_t *body,
                    struct protocol_answer *ret, struct err *err)
{
    json_auto_t *answer = NULL;
    int r = exchange_json(c, path, body, &answer, err);
    return r < 0 ? r : protocol_answer_parse(answer, ret, err);
}

int conversation_hello(struct conversation *c, struct protocol_hello *hello,
                       struct protocol_answer *ret_answer, struct err *err)
{
    hello->install_generation = c->generation;
    if (str_replace(&hello->name, c->machine) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    json_t *body = protocol_hello_to_json(hello);
    if (!body)
        return err_set(err, -ENOMEM, "out of memory");
    int r = exchange(c, PROTOCOL_PATH_HELLO, body, ret_answer, err);
    json_decref(body);
    return r;
}

int conversation_report(struct conversation *c, struct protocol_report *report,
                        struct protocol_answer *ret_answer, struct err *err)
{
    report->program = PROTOCOL_NODE;
    report->install_generation = c->generation;
    json_t *body = protocol_report_to_json(report);
    if (!body)
        return err_set(err, -ENOMEM, "out of memory");
    int r = exchange(c, PROTOCOL_PATH_REPORT, body, ret_answer, err);
    json_decref(body);
    return r;
}

/* ---- chunks ---- */

static int take_chunk(json_t *answer, struct protocol_chunk *chunk, struct err *err)
{
    _autochunk_ struct protocol_chunk got = {0};
    int r = protocol_chunk_parse(json_object_get(answer, "chunk"), &got, err);
    if (r < 0)
        return r;
    if (!got.sealed || got.index != chunk->index || !str_eq(got.id, chunk->id))
        return err_set(err, -EBADMSG, "the server's answer: not the chunk that was asked for");
    chunk->sealed = TAKE_PTR(got.sealed);
    chunk->last = got.last;
    return 0;
}

int conversation_chunk(void *data, const char *path, struct protocol_chunk *chunk, struct err *err)
{
    struct conversation *c = data;
    struct protocol_answer said = {0};
    json_auto_t *body = protocol_chunk_to_json(chunk), *answer = NULL;
    if (!body)
        return err_set(err, -ENOMEM, "out of memory");
    int r = exchange_json(c, path, body, &answer, err);
    if (r == 0)
        r = protocol_answer_parse(answer, &said, err);
    if (r < 0)
        return r;
    if (said.action != PROTOCOL_OK)
        r = err_set(err, said.action == PROTOCOL_WAIT ? -EAGAIN : -EPERM, "the server: %s",
                    said.reason ? said.reason : "refused");
    else if (str_eq(path, PROTOCOL_PATH_SAVED))
        r = take_chunk(answer, chunk, err);
    protocol_answer_free(&said);
    return r;
}
