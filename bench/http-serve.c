/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves a folder with src/http and nothing else, for comparing with other servers.
 * Usage: http-serve FOLDER THREADS. Prints its port, runs until its standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "http/server.h"

static void on_input(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    uv_stop(poll->loop);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    uv_poll_t input;
    struct err err = ERR_INIT;
    struct http_server *server;
    struct http_site *site;
    struct http_listener *listener;
    if (argc != 3) {
        fprintf(stderr, "usage: http-serve FOLDER THREADS\n");
        return 2;
    }
    (void)uv_loop_init(&loop);
    const struct http_options options = {
        .loop = &loop, .threads = (unsigned)atoi(argv[2]), .connections_per_address = 1024};
    const struct http_route route = {.path = "/", .folder = argv[1]};
    const struct http_listen listen = {.fd = -1, .address = "127.0.0.1"};
    if (http_server_new(&options, &server, &err) < 0 ||
        http_site_new(server, &route, 1, &site, &err) < 0 ||
        http_listen(server, site, &listen, &listener, &err) < 0) {
        fprintf(stderr, "http-serve: %s\n", err_text(&err));
        return 1;
    }
    printf("%u\n", http_listener_port(listener));
    (void)fflush(stdout);
    (void)uv_poll_init(&loop, &input, 0);
    (void)uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, on_input);
    return uv_run(&loop, UV_RUN_DEFAULT) < 0;
}
