/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the server is and who we are to it: the Unix socket in the state folder of a server on this
 * machine, or what a kubeconfig says.
 */
#pragma once

#include "cli/command.h"

struct connection {
    char *url;       /* "https://10.0.0.1:6780", without a slash at the end; "http://slipway" */
    char *socket;    /* path of a Unix socket, NULL: TCP */
    char *token;     /* bearer token; NULL: none */
    char *authority; /* PEM of the CA that signed the server's certificate; NULL: the system's */
    char *where;     /* for messages: the socket's path or the URL */
};

/*
 * --kubeconfig or --server, else $SLIPWAY_KUBECONFIG, else the socket of --state, $SLIPWAY_STATE or
 * the default folder. 0 or a negative errno with err naming what is missing.
 */
int connection_find(const struct cli *cli, const struct args *args, struct connection *ret,
                    struct err *err) _must_check_;
void connection_clear(struct connection *connection);

/* The part of a kubeconfig's text that context (NULL: its current one) names. file is for messages.
 */
int connection_from_kubeconfig(const char *file, const char *text, const char *context,
                               struct connection *ret, struct err *err) _must_check_;
