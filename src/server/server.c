/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "server/api.h"
#include "server/boot-files.h"
#include "server/notify.h"
#include "server/private.h"
#include "server/privilege.h"

enum {
    STOP_GRACE_MS = 3000, /* for requests under way */
    MESSAGE_MAX = PROTOCOL_BODY_MAX,
    FORM_MAX = 64 << 10,
    GUARD_KEYS_MAX = 65536,
};

/* The running process: the server, and what starts and stops it. */
struct process {
    struct server server;
    struct server_options options;
    struct server_config config;
    uv_signal_t terminate, interrupt, reload;
    bool signals;
};

/* ---- folders and keys ---- */

static int prepare_folders(struct server *s, struct err *err)
{
    const struct server_config *c = s->config;
    s->state_dir = realpath(c->state_dir, NULL);
    if (!s->state_dir)
        return err_errno(err, -errno, "cannot use the state folder %s", c->state_dir);
    s->boot_dir = c->boot_dir ? strdup(c->boot_dir) : str_format("%s/boot", s->state_dir);
    s->images_dir = c->images_dir ? strdup(c->images_dir) : str_format("%s/images", s->state_dir);
    s->keys_dir = str_format("%s/keys", s->state_dir);
    if (!s->boot_dir || !s->images_dir || !s->keys_dir)
        return err_set(err, -ENOMEM, "out of memory");
    int r = dir_make(s->boot_dir, 0755, err);
    if (r == 0)
        r = dir_make(s->images_dir, 0755, err);
    return r < 0 ? r : dir_make(s->keys_dir, 0700, err);
}

static int prepare_keys(struct server *s, struct err *err)
{
    _autofree_ char *path = str_format("%s/server.key", s->keys_dir);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = trust_key_load_or_create(path, &s->key, err);
    if (r < 0)
        return r;
    (void)trust_public_text(&s->key.public, s->key_text);
    s->guard = protocol_guard_new(&s->key, s->rng, GUARD_KEYS_MAX);
    return s->guard ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int open_store(struct server *s, struct err *err)
{
    _autofree_ char *path = str_format("%s/slipway.db", s->state_dir);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    store_uv_init(&s->store_uv, &s->loop);
    const struct store_options options = {.path = path, .executor = &s->store_uv.executor};
    return store_open(&options, &s->store, err);
}

/* ---- HTTP ---- */

static int open_boot_http(struct server *s, struct err *err)
{
    const struct http_route routes[] = {
        {.path = BOOT_PATH_IPXE, .handler = boot_route_ipxe, .data = s},
        {.path = "/boot/", .folder = s->boot_dir},
        {.path = "/images/", .folder = s->images_dir},
        {.path = PROTOCOL_PATH_HELLO,
         .handler = machine_route_hello,
         .data = s,
         .body_max = MESSAGE_MAX},
        {.path = PROTOCOL_PATH_REPORT,
         .handler = machine_route_report,
         .data = s,
         .body_max = MESSAGE_MAX},
        {.path = PROTOCOL_PATH_SAVE,
         .handler = machine_route_save,
         .data = s,
         .body_max = MESSAGE_MAX},
        {.path = PROTOCOL_PATH_SAVED,
         .handler = machine_route_saved,
         .data = s,
         .body_max = MESSAGE_MAX},
        {.path = PHONE_HOME_PATH,
         .handler = machine_route_phone_home,
         .data = s,
         .body_max = FORM_MAX},
    };
    int r = http_site_new(s->http, routes, ARRAY_SIZE(routes), &s->boot_site, err);
    if (r < 0)
        return r;
    const struct http_listen listen = {.transport = HTTP_TCP,
                                       .fd = -1,
                                       .address = "0.0.0.0",
                                       .port = (uint16_t)s->config->http.port};
    struct http_listener *listener = NULL;
    r = http_listen(s->http, s->boot_site, &listen, &listener, err);
    if (r < 0)
        err_wrap(err, "the boot server (http.port)");
    return r;
}

/* By an I/O thread. Parts of an image's data are the bulk of what is served. */
static void on_http_access(void *data, const struct http_access *access)
{
    struct server *s = data;
    if (!access->complete || access->status >= 300 || !str_after(access->target, "/images/") ||
        !str_ends_with(access->target, ".zst"))
        return;
    atomic_fetch_add(&s->image_data.requests, 1);
    atomic_fetch_add(&s->image_data.bytes, access->bytes);
}

static int open_http(struct server *s, struct err *err)
{
    const struct http_options options = {.loop = &s->loop, .on_access = on_http_access, .data = s};
    int r = http_server_new(&options, &s->http, err);
    if (r == 0)
        r = open_boot_http(s, err);
    return r < 0 ? r : api_listen(s, err);
}

/* ---- DHCP ---- */

static int open_dhcp(struct server *s, struct err *err)
{
    if (s->config->dhcp.enabled == TRI_FALSE)
        return 0;
    const struct dhcp_server_options options = {
        .loop = &s->loop,
        .hooks = {.data = s,
                  .find_host = dhcp_view_find_host,
                  .plan_boot = dhcp_view_plan_boot,
                  .journal = lease_journal_write,
                  .event = dhcp_events_note},
    };
    int r = dhcp_server_new(&options, &s->dhcp, err);
    return r < 0 ? r : lease_journal_restore(s, err);
}

/* ---- start and stop ---- */

static int start(struct server *s, struct err *err)
{
    int r = prepare_folders(s, err);
    if (r == 0)
        r = prepare_keys(s, err);
    if (r == 0)
        r = open_store(s, err);
    if (r == 0)
        r = open_http(s, err);
    if (r == 0)
        r = open_dhcp(s, err);
    if (r == 0)
        r = boot_files_prepare(s, err);
    if (r == 0)
        r = boot_files_serve(s, err);
    if (r == 0)
        r = images_new(s, err);
    if (r == 0)
        r = networks_new(s, err);
    if (r == 0)
        r = profiles_new(s, err);
    if (r == 0)
        r = health_new(s, err);
    if (r == 0)
        r = timelines_new(s, err);
    if (r == 0)
        r = clusters_new(s, err);
    if (r == 0)
        r = machines_new(s, err);
    return r < 0 ? r : privilege_drop(err);
}

static void close_store(void *data)
{
    struct server *s = data;
    store_close(s->store);
    s->store = NULL;
}

/* Each part is asked to close; the loop ends when the last handle is gone. */
static void stop(struct process *p)
{
    struct server *s = &p->server;
    if (s->stopping)
        return;
    s->stopping = true;
    (void)notify_service_manager("STOPPING=1");
    log_info("stopping");
    machines_free(s);
    clusters_free(s);
    timelines_free(s);
    health_free(s);
    profiles_free(s);
    networks_free(s);
    images_free(s);
    boot_files_close(s);
    if (s->api)
        api_close(s->api, NULL, NULL);
    s->api = NULL;
    if (s->dhcp)
        dhcp_server_close(s->dhcp, NULL, NULL);
    s->dhcp = NULL;
    if (s->http)
        http_server_close(s->http, STOP_GRACE_MS, NULL, NULL);
    s->http = NULL;
    if (p->signals) {
        uv_close((uv_handle_t *)&p->terminate, NULL);
        uv_close((uv_handle_t *)&p->interrupt, NULL);
        uv_close((uv_handle_t *)&p->reload, NULL);
    }
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data);
}

static int load_config(const struct server_options *options, struct server_config *ret,
                       struct err *err)
{
    const char *path = options->config_path ? options->config_path : CONFIG_PATH_DEFAULT;
    int r = server_config_load(path, options->config_path != NULL, ret, err);
    return r < 0 ? r : server_config_override(ret, options, err);
}

static void on_reload(uv_signal_t *handle, int number)
{
    struct process *p = handle->data;
    struct server_config config;
    struct err err = ERR_INIT;
    (void)number;
    (void)notify_service_manager("RELOADING=1");
    if (load_config(&p->options, &config, &err) < 0) {
        log_error("the configuration stays as it was: %s", err_text(&err));
    } else {
        server_config_note_restart(&p->config, &config);
        server_config_free(&p->config);
        p->config = config;
        log_init(server_config_log_level(&p->config), LOG_STYLE_AUTO);
        machines_recheck(&p->server);
        log_info("configuration read again");
    }
    (void)notify_service_manager("READY=1");
}

static void listen_to_signals(struct process *p)
{
    uv_loop_t *loop = &p->server.loop;
    (void)uv_signal_init(loop, &p->terminate);
    (void)uv_signal_init(loop, &p->interrupt);
    (void)uv_signal_init(loop, &p->reload);
    p->terminate.data = p->interrupt.data = p->reload.data = p;
    (void)uv_signal_start(&p->terminate, on_stop_signal, SIGTERM);
    (void)uv_signal_start(&p->interrupt, on_stop_signal, SIGINT);
    (void)uv_signal_start(&p->reload, on_reload, SIGHUP);
    p->signals = true;
}

static void free_server(struct server *s)
{
    if (s->guard)
        protocol_guard_free(s->guard);
    trust_key_wipe(&s->key);
    free(s->state_dir);
    free(s->boot_dir);
    free(s->images_dir);
    free(s->keys_dir);
    free(s->api_users_path);
}

static void announce(const struct server *s)
{
    log_info("serving: state %s, boot HTTP port %d, API socket %s/api.sock", s->state_dir,
             (int)s->config->http.port, s->state_dir);
    if (s->config->api.port > 0)
        log_info("for kubectl: KUBECONFIG=%s/kubeconfig", s->state_dir);
    (void)notify_service_manager("READY=1\nSTATUS=serving");
}

/* Lets the loop run until everything is closed, and the store's last writes are on the disk. */
static void drain(struct process *p)
{
    struct server *s = &p->server;
    stop(p);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    if (s->store) {
        store_on_idle(s->store, close_store, s);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    (void)uv_loop_close(&s->loop);
    free_server(s);
}

int server_run(const struct server_options *options, struct err *err)
{
    struct process p = {.options = *options};
    struct server *s = &p.server;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(022);
    int r = load_config(options, &p.config, err);
    if (r < 0)
        return r;
    log_init(server_config_log_level(&p.config), LOG_STYLE_AUTO);
    s->config = &p.config;
    s->clock = &clock_system;
    s->rng = &rng_system;
    s->started_ms = clock_wall(s->clock);
    r = trust_init() < 0 ? err_set(err, -EIO, "libsodium does not start") : 0;
    if (r == 0)
        r = dir_make(p.config.state_dir, 0700, err);
    if (r == 0 && uv_loop_init(&s->loop) < 0)
        r = err_set(err, -EIO, "libuv does not start");
    if (r < 0) {
        server_config_free(&p.config);
        return r;
    }
    r = start(s, err);
    if (r == 0) {
        listen_to_signals(&p);
        announce(s);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    drain(&p);
    server_config_free(&p.config);
    return r;
}
