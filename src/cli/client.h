/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the API: requests over a Unix socket or TLS, answers as JSON, errors as err. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/command.h"

struct client;

/* Finds the server as --state, --kubeconfig, ... say; connects at the first request. */
int client_open(const struct cli *cli, const struct args *args, struct client **ret,
                struct err *err) _must_check_;
void client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free)

struct client_request {
    const char *method; /* NULL: GET */
    const char *path;   /* with the query, escaped */
    const char *accept; /* NULL: application/json */
    const char *type;   /* of the body */
    const char *body;   /* NULL: none */
};

#define ACCEPT_TABLE "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

/*
 * Sends the request and reads the JSON answer. A Status of failure becomes an error: -ENOENT
 * (NotFound), -EEXIST (AlreadyExists), -ESTALE (Conflict), -EINVAL (Invalid, BadRequest), -EACCES
 * (Unauthorized, Forbidden), ... with the server's message. -ECONNREFUSED and friends when there is
 * no answer. *ret_status (may be NULL) is the HTTP status; *ret is owned by the caller.
 */
int client_call(struct client *client, const struct client_request *request, json_t **ret,
                long *ret_status, struct err *err) _must_check_;

/*
 * Reads a stream of JSON lines and calls on_value with each (borrowed); a nonzero return ends the
 * stream and is returned. 0 at its end.
 */
int client_stream(struct client *client, const struct client_request *request,
                  int (*on_value)(void *data, json_t *value), void *data, struct err *err)
    _must_check_;

/* The text of a path that does not answer JSON (/metrics). */
int client_text(struct client *client, const char *path, struct buf *ret, struct err *err)
    _must_check_;
