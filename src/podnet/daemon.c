/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/daemon.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/str.h"
#include "podnet/apply.h"
#include "podnet/host.h"
#include "podnet/session.h"

enum {
    SETTLE_MS = 150,  /* changes come in groups */
    RETRY_MS = 5000,  /* after something failed */
    CHECK_MS = 60000, /* when nothing happens */
    N_FOLDERS = 3,    /* of the configuration, the kubeconfig and the certificate */
};

struct folder {
    uv_fs_event_t event;
    char path[PATH_MAX]; /* "" when it is not followed */
};

struct daemon {
    const struct podnet_daemon_options *options;
    struct podnet_config config;
    struct podnet_session *session;
    struct podnet_applied applied;
    uv_loop_t loop;
    uv_timer_t timer; /* the next reconcile() */
    uv_poll_t links;
    uv_signal_t signals[2];
    struct folder folders[N_FOLDERS];
    int net, events;
    bool reread;      /* files may have changed */
    uint64_t read_at; /* uv_now() of the last time */
    /* what was said last, so that it is said once */
    char *waiting, *problems, *troubles, *unread;
};

static void reconcile_within(struct daemon *d, uint64_t ms);

/* ---- saying things once ---- */

/* Whether text is new; remembers it. */
static bool is_news(char **said, const char *text)
{
    if (str_eq(*said ? *said : "", text))
        return false;
    (void)!str_replace(said, text);
    return text[0];
}

static void say_lines(void (*say)(const char *line), const char *lines)
{
    char line[1024];
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        size_t n = (size_t)(end - lines) < sizeof(line) ? (size_t)(end - lines) : sizeof(line) - 1;
        memcpy(line, lines, n);
        line[n] = '\0';
        say(line);
    }
}

static void say_info(const char *line)
{
    log_info("%s", line);
}

static void say_warning(const char *line)
{
    log_warn("%s", line);
}

/* ---- the plan ---- */

static int make_plan(struct daemon *d, struct podnet_plan *ret, struct err *err)
{
    _autosnapshot_ struct podnet_snapshot snapshot = {0};
    _autofree_ struct podnet_node *nodes = NULL;
    size_t n = 0;
    int r = podnet_snapshot_take(d->net, d->config.bin_dir, &snapshot, err);
    if (r < 0)
        return r;
    r = podnet_session_nodes(d->session, &nodes, &n);
    log_debug("Looking at %zu Nodes, %zu links and %zu addresses.", n, snapshot.host.n_links,
              snapshot.host.n_addresses);
    if (r == 0)
        r = podnet_plan_make(&d->config, nodes, n, &snapshot.host, ret);
    return r < 0 ? err_errno(err, r, "cannot plan") : 0;
}

/* true when all is as it shall be. */
static bool reconcile(struct daemon *d)
{
    _autoplan_ struct podnet_plan plan = {0};
    _autooutcome_ struct podnet_outcome outcome = {0};
    struct err err = ERR_INIT;
    if (make_plan(d, &plan, &err) < 0) {
        if (is_news(&d->troubles, err_text(&err)))
            log_error("%s", err_text(&err));
        return false;
    }
    if (is_news(&d->problems, buf_str(&plan.problems)))
        say_lines(say_warning, buf_str(&plan.problems));
    if (is_news(&d->waiting, plan.waiting))
        log_info("Waiting: %s.", plan.waiting);
    if (plan.waiting[0])
        return true; /* what is waited for comes with an event */
    int r = podnet_apply(d->net, &d->config, &plan, &d->applied, &outcome);
    say_lines(say_info, buf_str(&outcome.changes));
    if (is_news(&d->troubles, buf_str(&outcome.troubles)))
        say_lines(say_warning, buf_str(&outcome.troubles));
    return r == 0;
}

/* ---- files ---- */

static void on_file(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct daemon *d = event->data;
    (void)name;
    (void)events;
    (void)status;
    d->reread = true;
    reconcile_within(d, SETTLE_MS);
}

/*
 * Anew each time, because the folder may have been removed and made again (`kubeadm reset`). One
 * that is not there yet is tried again with the next check.
 */
static void follow_folder(struct folder *f, const char *path)
{
    (void)uv_fs_event_stop(&f->event);
    if (str_copy(f->path, sizeof(f->path), path) < 0 ||
        uv_fs_event_start(&f->event, on_file, path, 0) < 0)
        f->path[0] = '\0';
}

static void follow_parent(struct folder *f, const char *file)
{
    char path[PATH_MAX];
    const char *slash = strrchr(file, '/');
    if (!slash)
        follow_folder(f, ".");
    else if (str_copy(path, sizeof(path), file) == 0) {
        path[slash == file ? 1 : slash - file] = '\0';
        follow_folder(f, path);
    }
}

/* The certificate's folder is known once the kubeconfig was read. */
static void follow_certificate(struct daemon *d)
{
    const char *path = podnet_session_folder(d->session);
    if (path && !str_eq(d->folders[2].path, path))
        follow_folder(&d->folders[2], path);
}

/* Before they are read, so that no change is missed. */
static void follow_files(struct daemon *d)
{
    follow_parent(&d->folders[0], d->options->config);
    follow_parent(&d->folders[1], d->options->kubeconfig);
    d->folders[2].path[0] = '\0';
    follow_certificate(d);
}

/* -ENOENT when the configuration is gone, else 0: what cannot be read leaves the old as it is. */
static int read_files(struct daemon *d)
{
    struct err err = ERR_INIT;
    follow_files(d);
    int r = podnet_config_load(d->options->config, &d->config, &err);
    if (r == -ENOENT)
        return r;
    if (r == 0)
        r = podnet_session_refresh(d->session, &err);
    follow_certificate(d);
    d->reread = r < 0;
    d->read_at = uv_now(&d->loop);
    if (is_news(&d->unread, r < 0 ? err_text(&err) : ""))
        log_warn("%s", err_text(&err));
    return 0;
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    bool due = d->reread || uv_now(&d->loop) - d->read_at >= CHECK_MS;
    if (due && read_files(d) == -ENOENT) {
        log_info("%s is gone: nothing more to do.", d->options->config);
        uv_stop(&d->loop);
        return;
    }
    bool good = !d->reread;
    if (podnet_session_is_synced(d->session))
        good = reconcile(d) && good;
    reconcile_within(d, good ? CHECK_MS : RETRY_MS);
}

/* An earlier time that is set already stays. */
static void reconcile_within(struct daemon *d, uint64_t ms)
{
    if (uv_is_active((uv_handle_t *)&d->timer) && uv_timer_get_due_in(&d->timer) <= ms)
        return;
    (void)uv_timer_start(&d->timer, on_timer, ms, 0);
}

static void on_nodes(void *user)
{
    reconcile_within(user, SETTLE_MS);
}

static void on_refused(void *user)
{
    struct daemon *d = user;
    d->reread = true;
    reconcile_within(d, SETTLE_MS);
}

static void on_link_event(void *user, const struct net_event *event)
{
    (void)event;
    reconcile_within(user, SETTLE_MS);
}

static void on_links(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    (void)events;
    int r = status < 0 ? status : net_events_read(d->events, on_link_event, d);
    if (r == 0)
        return;
    log_error("Changes of links are not noticed any more but once a minute: %s", strerror(-r));
    (void)uv_poll_stop(poll);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct daemon *d = signal->data;
    log_info("Signal %d: ends. Routes and rules stay.", number);
    uv_stop(&d->loop);
}

static int start_handles(struct daemon *d)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    int r = uv_timer_init(&d->loop, &d->timer);
    d->timer.data = d;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++) {
        r = uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        if (r == 0)
            r = uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }
    for (size_t i = 0; r == 0 && i < N_FOLDERS; i++) {
        r = uv_fs_event_init(&d->loop, &d->folders[i].event);
        d->folders[i].event.data = d;
    }
    if (r == 0)
        r = uv_poll_init(&d->loop, &d->links, d->events);
    d->links.data = d;
    return r < 0 ? r : uv_poll_start(&d->links, UV_READABLE, on_links);
}

/* What was never initialised has no loop. */
static void close_handle(void *handle)
{
    uv_handle_t *h = handle;
    if (h->loop)
        uv_close(h, NULL);
}

static void stop(struct daemon *d)
{
    podnet_session_free(TAKE_PTR(d->session));
    close_handle(&d->timer);
    close_handle(&d->links);
    for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
        close_handle(&d->signals[i]);
    for (size_t i = 0; i < N_FOLDERS; i++)
        close_handle(&d->folders[i].event);
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&d->loop);
    podnet_applied_clear(&d->applied);
    cleanup_fd(&d->net);
    cleanup_fd(&d->events);
    free(d->waiting);
    free(d->problems);
    free(d->troubles);
    free(d->unread);
}

static int start(struct daemon *d, struct err *err)
{
    struct podnet_session_options options = {.loop = &d->loop,
                                             .kubeconfig = d->options->kubeconfig,
                                             .user = d,
                                             .changed = on_nodes,
                                             .refused = on_refused};
    int r = net_open(&d->net);
    if (r == 0)
        r = net_events_open(&d->events);
    if (r == 0)
        r = start_handles(d);
    if (r == 0)
        r = podnet_session_new(&options, &d->session);
    if (r < 0)
        return err_errno(err, r, "cannot start");
    log_info("Keeping the pods' network of Node %s.", d->config.node_name);
    d->reread = true;
    reconcile_within(d, 0);
    return 0;
}

int podnet_daemon_run(const struct podnet_daemon_options *options, struct err *err)
{
    struct daemon d = {.options = options, .net = -1, .events = -1};
    int r = podnet_config_load(options->config, &d.config, err);
    if (r < 0)
        return r;
    r = uv_loop_init(&d.loop);
    if (r < 0)
        return err_errno(err, r, "cannot start");
    r = start(&d, err);
    if (r == 0)
        (void)uv_run(&d.loop, UV_RUN_DEFAULT);
    stop(&d);
    return r;
}
