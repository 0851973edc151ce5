/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with nothing but the API: store, HTTP and API routes, without DHCP, TFTP or controllers,
 * so that the API's tests need no privilege. Usage: api-server STATE. It listens on STATE/api.sock
 * and with TLS on a free port of 127.0.0.1, writes STATE/kubeconfig and then STATE/ready, notes an
 * Event about each Machine that is added, and stops on SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "http/server.h"
#include "server/api-tls.h"
#include "server/api.h"
#include "store/executor-uv.h"
#include "store/store.h"

struct program {
    uv_loop_t loop;
    uv_signal_t term;
    struct store_uv executor;
    struct store *store;
    struct store_watch *machines;
    struct http_server *http;
    struct http_site *site;
    struct api *api;
    char *keys;
    char *users;
};

static void metrics(void *data, struct buf *out)
{
    const struct program *p = data;
    buf_printf(out, "slipway_machines %zu\n", store_count(p->store, &kind_machine));
}

static void on_wake(void *data)
{
    struct program *p = data;
    enum store_change change;
    json_t *object = NULL;
    while (store_watch_next(p->machines, &change, &object) == 1) {
        if (change == STORE_ADDED &&
            store_event(p->store, object, false, "Discovered", "seen for the first time") < 0)
            log_error("cannot note an event");
        json_decref(object);
    }
}

static int open_store(struct program *p, const char *state, struct err *err)
{
    _autofree_ char *path = str_format("%s/slipway.db", state);
    store_uv_init(&p->executor, &p->loop);
    const struct store_options options = {.path = path, .executor = &p->executor.executor};
    int r = store_open(&options, &p->store, err);
    if (r < 0)
        return r;
    const struct store_watch_options watch = {
        .kind = &kind_machine, .since = store_version(p->store), .wake = on_wake, .wake_data = p};
    return store_watch_new(p->store, &watch, &p->machines);
}

static int open_http(struct program *p, struct err *err)
{
    const struct http_options options = {.loop = &p->loop};
    const struct api_setup setup = {.loop = &p->loop,
                                    .store = p->store,
                                    .clock = &clock_system,
                                    .version = "0.0.0-test",
                                    .users_path = p->users,
                                    .admin_group = (gid_t)-1,
                                    .metrics = metrics,
                                    .data = p};
    int r = http_server_new(&options, &p->http, err);
    if (r == 0)
        r = api_new(&setup, &p->api, err);
    const struct http_route route = {
        .path = "/", .handler = api_handle, .data = p->api, .body_max = API_BODY_MAX};
    return r < 0 ? r : http_site_new(p->http, &route, 1, &p->site, err);
}

static int listen_unix(struct program *p, const char *state, struct err *err)
{
    _autofree_ char *path = str_format("%s/api.sock", state);
    const struct http_listen listen = {.transport = HTTP_UNIX, .fd = -1, .address = path};
    struct http_listener *listener;
    return http_listen(p->http, p->site, &listen, &listener, err);
}

static int listen_tls(struct program *p, const char *state, struct err *err)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};
    struct api_certificate certificate = {0};
    struct http_listener *listener = NULL;
    int r = api_certificate_make(p->keys, names, 2, clock_wall(&clock_system), &rng_system,
                                 &certificate, err);
    const struct http_listen listen = {.transport = HTTP_TLS,
                                       .fd = -1,
                                       .address = "127.0.0.1",
                                       .certificate_pem = certificate.certificate_pem,
                                       .key_pem = certificate.key_pem};
    if (r == 0)
        r = http_listen(p->http, p->site, &listen, &listener, err);
    _autofree_ char *url =
        r == 0 ? str_format("https://127.0.0.1:%u", http_listener_port(listener)) : NULL;
    if (r == 0)
        r = api_kubeconfig_ensure(state, p->keys, url, certificate.authority_pem, &rng_system, err);
    api_certificate_clear(&certificate);
    return r;
}

/* Stopping: watches end, writes become durable, connections close, the loop runs out. */
static void on_idle(void *data)
{
    struct program *p = data;
    http_server_close(p->http, 1000, NULL, NULL);
}

static void on_term(uv_signal_t *signal, int number)
{
    struct program *p = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    api_close(p->api, NULL, NULL);
    store_on_idle(p->store, on_idle, p);
}

static int start(struct program *p, const char *state, struct err *err)
{
    _autofree_ char *ready = str_format("%s/ready", state);
    p->keys = str_format("%s/keys", state);
    p->users = str_format("%s/keys/users.json", state);
    int r = dir_make(p->keys, 0700, err);
    if (r == 0)
        r = open_store(p, state, err);
    if (r == 0)
        r = open_http(p, err);
    if (r == 0)
        r = listen_unix(p, state, err);
    if (r == 0)
        r = listen_tls(p, state, err);
    return r < 0 ? r : file_write_atomic(ready, "", 0, 0644, err);
}

int main(int argc, char **argv)
{
    static struct program p;
    struct err err = ERR_INIT;
    if (argc != 2)
        return 2;
    log_init(LOG_LEVEL_INFO, LOG_STYLE_PLAIN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)uv_loop_init(&p.loop);
    (void)uv_signal_init(&p.loop, &p.term);
    p.term.data = &p;
    (void)uv_signal_start(&p.term, on_term, SIGTERM);
    if (start(&p, argv[1], &err) < 0) {
        (void)fprintf(stderr, "api-server: %s\n", err_text(&err));
        return 1;
    }
    (void)uv_run(&p.loop, UV_RUN_DEFAULT);
    store_watch_free(p.machines);
    store_close(p.store);
    (void)uv_loop_close(&p.loop);
    free(p.keys);
    free(p.users);
    return 0;
}
