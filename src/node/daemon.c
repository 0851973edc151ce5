/* SPDX-License-Identifier: Apache-2.0 */
#include "node/daemon.h"

#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "net/link.h"
#include "node/addresses.h"
#include "node/cluster-watch.h"
#include "node/commands.h"
#include "node/duty.h"
#include "node/facts.h"
#include "node/kubelet-report.h"
#include "node/service-manager.h"
#include "node/state.h"
#include "node/units.h"
#include "provision/seed.h"

enum {
    IDENTITY_MAX = 16384,
    POLL_LONGEST_MS = 3600000,
    NO_MEMORY_MS = 1000,
};

struct daemon {
    const struct node *node;
    const struct node_daemon_options *options;
    struct conversation talk;
    struct node_state state;
    struct provision provision;
    struct duties duties;
    struct cluster_watch cluster;
    json_t *addresses; /* of the machine, as they were looked at last */
    uint32_t tries;
    bool heard; /* the server answered at least once */
    int net, events;
};

int node_load_identity(const struct node *node, struct provision_identity *ret, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int r = node_read(node, NODE_IDENTITY_FILE, IDENTITY_MAX, &text, &len, err);
    if (r == 0) {
        r = provision_identity_parse(text, len, ret, err);
        if (r < 0)
            err_wrap(err, "%s", NODE_IDENTITY_FILE);
    }
    seed_text_free(text);
    return r;
}

int node_load_provision(const struct node *node, struct provision *ret, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int r = node_read(node, NODE_PROVISION_FILE, PROVISION_JSON_MAX, &text, &len, err);
    if (r == 0) {
        r = provision_parse(text, len, ret, err);
        if (r < 0)
            err_wrap(err, "%s", NODE_PROVISION_FILE);
    }
    seed_text_free(text);
    return r;
}

/* ---- talking ---- */

static void status(const char *text)
{
    char state[256];
    (void)snprintf(state, sizeof(state), "STATUS=%s", text);
    service_manager_tell(state);
}

static void server_silent(struct daemon *d, const struct err *err)
{
    uint32_t random = rng_below(d->options->rng, UINT32_MAX);
    d->duties.next_try = clock_now(d->node->clock) + duty_backoff_ms(d->tries, random);
    /* The first tries race with the network coming up. */
    if (d->tries == 4)
        log_warn("The server does not answer: %s. Trying for ever.", err_text(err));
    else
        log_debug("The server does not answer: %s.", err_text(err));
    d->tries++;
}

static void server_answered(struct daemon *d, const struct protocol_answer *answer)
{
    uint32_t seconds =
        duty_poll_seconds(answer->action == PROTOCOL_WAIT, answer->poll_seconds, d->duties.failed);
    d->duties.next_heartbeat = clock_now(d->node->clock) + (int64_t)seconds * 1000;
    d->tries = 0;
    if (answer->action == PROTOCOL_REJECT)
        log_warn("The server rejects this machine: %s.", answer->reason ? answer->reason : "?");
    else if (!d->heard)
        log_info("Reported to the server %lld ms after the kernel started.",
                 (long long)clock_now(d->node->clock));
    d->heard = true;
}

static bool send_report(struct daemon *d, struct protocol_report *report);

static bool say_restart(struct daemon *d, const char *failure, const char *message)
{
    struct protocol_report report = {
        .step = strdup(PROTOCOL_STEP_RESTARTING),
        .message = message ? strdup(message) : NULL,
        .failure = failure ? strdup(failure) : NULL,
    };
    bool told = report.step && send_report(d, &report);
    protocol_report_free(&report);
    return told;
}

/* The server paces this: a machine that comes back as it was is told again after a while. */
static void restart(struct daemon *d, const struct protocol_answer *answer)
{
    struct err err = ERR_INIT;
    if (!d->options->restart)
        return;
    log_info("The server wants this machine to %s.", answer->reason ? answer->reason : "restart");
    status("restarting");
    (void)say_restart(d, NULL, answer->reason);
    if (d->options->restart(d->options->start_data, &err) == 0)
        return;
    log_error("The machine does not restart: %s", err_text(&err));
    (void)say_restart(d, "RestartFailed", err_text(&err));
}

/* The server asks when the Node of this machine is not Ready for long. */
static void say_kubelet(struct daemon *d)
{
    struct protocol_report report = {0};
    if (!d->options->journalctl)
        return;
    if (kubelet_report(d->options->journalctl, &report) == 0)
        (void)send_report(d, &report);
    protocol_report_free(&report);
}

static void take_answer(struct daemon *d, const struct protocol_answer *answer)
{
    server_answered(d, answer);
    if (answer->action == PROTOCOL_REBOOT) {
        restart(d, answer);
        return;
    }
    if (answer->action == PROTOCOL_REJECT)
        status("rejected by the server");
    else if (answer->action == PROTOCOL_WAIT && answer->reason)
        status(answer->reason);
    else
        status("reported to the server");
    if (answer->action == PROTOCOL_TASK)
        cluster_watch_take(&d->cluster, answer->sealed_task, &d->talk.key);
    if (answer->kubelet_log)
        say_kubelet(d);
}

static void add_cluster(struct daemon *d, json_t *system)
{
    json_t *cluster = cluster_watch_facts(&d->cluster);
    if (cluster)
        (void)json_object_set_new(system, "cluster", cluster);
}

static void say_hello(struct daemon *d)
{
    struct protocol_hello hello;
    struct protocol_answer answer = {0};
    struct err err = ERR_INIT;
    int r = facts_collect(d->node, d->net, d->options->sys, &hello, &err);
    /* Asking systemd takes a process: not before the machine counts as running. */
    if (r == 0 && d->heard)
        units_add_failed(hello.system);
    if (r == 0) {
        add_cluster(d, hello.system);
        r = conversation_hello(&d->talk, &hello, &answer, &err);
    }
    protocol_hello_free(&hello);
    if (r < 0) {
        server_silent(d, &err);
        return;
    }
    d->duties.said_hello = true;
    cluster_watch_greeted(&d->cluster);
    take_answer(d, &answer);
    protocol_answer_free(&answer);
}

/* Sends a report; true when the server took note. */
static bool send_report(struct daemon *d, struct protocol_report *report)
{
    struct protocol_answer answer = {0};
    struct err err = ERR_INIT;
    int r = conversation_report(&d->talk, report, &answer, &err);
    if (r == 0)
        server_answered(d, &answer);
    protocol_answer_free(&answer);
    if (r < 0)
        server_silent(d, &err);
    return r == 0;
}

static bool say_report(struct daemon *d, const char *failure, const char *message)
{
    struct protocol_report report = {
        .step = strdup(PROTOCOL_STEP_FIRST_BOOT),
        .message = strdup(message),
        .failure = failure ? strdup(failure) : NULL,
        .final = failure,
    };
    bool told = report.step && report.message && send_report(d, &report);
    protocol_report_free(&report);
    return told;
}

/* How far the task has come; what comes meanwhile is told together, next time. */
static void say_task(struct daemon *d)
{
    struct protocol_report report = {0};
    if (cluster_watch_report(&d->cluster, &report) < 0) {
        d->duties.next_try = clock_now(d->node->clock) + NO_MEMORY_MS;
        return;
    }
    if (send_report(d, &report))
        cluster_watch_told(&d->cluster, &report);
    protocol_report_free(&report);
}

static void say_failure(struct daemon *d)
{
    if (d->state.command_failure) {
        d->duties.said_failure = say_report(d, "CommandFailed", d->state.command_failure);
        return;
    }
    char message[1024] = "first boot did not finish";
    for (size_t i = 0; i < d->state.steps.count; i++) {
        const struct node_step *step = &d->state.steps.items[i];
        if (!step->failure)
            continue;
        (void)snprintf(message, sizeof(message), "%s: %s", step->name, step->failure);
        break;
    }
    d->duties.said_failure = say_report(d, "ConfigurationFailed", message);
}

/* ---- local work ---- */

static void announce(struct daemon *d)
{
    char message[64];
    (void)snprintf(message, sizeof(message), "running %zu commands", d->provision.commands.count);
    (void)say_report(d, NULL, message);
    d->duties.announced = true;
    d->duties.next_try = 0;
}

static void run_commands(struct daemon *d)
{
    struct err err = ERR_INIT;
    status("running the commands of first boot");
    int r = commands_run(d->node, &d->provision.commands, &d->state, &err);
    if (r < 0)
        log_error("First boot: %s", err_text(&err));
    d->duties.commands_pending = false;
    d->duties.failed |= r < 0;
}

/* ---- waiting ---- */

static void on_event(void *data, const struct net_event *event)
{
    bool *changed = data;
    *changed |= event->kind == NET_ADDRESS_CHANGED || event->kind == NET_EVENTS_LOST;
}

/* Looks at the machine's addresses; true when they are others. Those of pods come and go. */
static bool look_at_addresses(struct daemon *d)
{
    json_t *addresses = NULL;
    if (addresses_list(d->net, &addresses) < 0)
        return false;
    bool changed = !json_equal(addresses, d->addresses);
    json_decref(d->addresses);
    d->addresses = addresses;
    d->duties.has_address = json_array_size(addresses) > 0;
    return changed;
}

static int take_addresses(struct daemon *d)
{
    bool changed = false;
    int r = net_events_read(d->events, on_event, &changed);
    if (!changed || !look_at_addresses(d))
        return r;
    d->duties.said_hello = false;
    d->duties.said_failure = false;
    d->duties.next_try = 0;
    d->tries = 0;
    return r;
}

/* Waits for the time, for an address that comes or goes, or for the task of the cluster. */
static int wait_for_change(struct daemon *d, int64_t until)
{
    int64_t left = until - clock_now(d->node->clock);
    if (left < 0)
        left = 0;
    struct pollfd fds[] = {{.fd = d->events, .events = POLLIN},
                           {.fd = d->cluster.fd, .events = POLLIN}};
    int n = poll(fds, ARRAY_SIZE(fds), left > POLL_LONGEST_MS ? POLL_LONGEST_MS : (int)left);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[1].revents)
        cluster_watch_read(&d->cluster);
    return fds[0].revents ? take_addresses(d) : 0;
}

/* Local: it needs no server. */
static int64_t tend_cluster(struct daemon *d)
{
    int64_t until = INT64_MAX;
    cluster_watch_step(&d->cluster, &until);
    if (d->cluster.ended) {
        d->cluster.ended = false;
        d->duties.said_hello = false;
        d->duties.next_try = 0;
    }
    d->duties.task_news = d->cluster.news;
    return until;
}

static void forget_at_heartbeat(struct daemon *d, int64_t now)
{
    if (!d->duties.next_heartbeat || now < d->duties.next_heartbeat)
        return;
    d->duties.next_heartbeat = 0;
    /* A hello would tell the server that all is well. */
    if (d->duties.failed)
        d->duties.said_failure = false;
    else
        d->duties.said_hello = false;
}

static bool is_finished(const struct daemon *d)
{
    const struct duties *duties = &d->duties;
    bool told =
        !duties->has_identity || (duties->said_hello && (!duties->failed || duties->said_failure));
    bool news = d->cluster.news || d->cluster.ended;
    bool busy = d->options->start_task && (news || cluster_watch_is_busy(&d->cluster));
    return told && !busy && !duties->commands_pending;
}

static int carry_out(struct daemon *d, enum duty duty, int64_t until)
{
    switch (duty) {
    case DUTY_WAIT:
        return wait_for_change(d, until);
    case DUTY_ANNOUNCE:
        announce(d);
        return 0;
    case DUTY_COMMANDS:
        run_commands(d);
        return 0;
    case DUTY_HELLO:
        say_hello(d);
        return 0;
    case DUTY_FAILURE:
        say_failure(d);
        return 0;
    case DUTY_TASK:
        say_task(d);
        return 0;
    }
    return -EINVAL;
}

static int run_loop(struct daemon *d, struct err *err)
{
    bool leave = d->options->once || !d->duties.has_identity;
    while (!leave || !is_finished(d)) {
        int64_t until = 0, task_until = tend_cluster(d), now = clock_now(d->node->clock);
        forget_at_heartbeat(d, now);
        enum duty duty = duty_next(&d->duties, now, &until);
        int r = carry_out(d, duty, task_until < until ? task_until : until);
        if (r < 0)
            return err_errno(err, r, "cannot watch the network");
    }
    return 0;
}

/* ---- start ---- */

static int load(struct daemon *d, struct err *err)
{
    _autoidentity_ struct provision_identity identity = {0};
    int r = node_state_load(d->node, &d->state);
    if (r < 0)
        return err_set(err, r, "out of memory");
    r = node_load_provision(d->node, &d->provision, err);
    if (r < 0 && r != -ENOENT)
        return r;
    r = node_load_identity(d->node, &identity, err);
    d->duties.has_identity = r == 0;
    if (r == 0)
        r = conversation_init(&d->talk, &identity, d->provision.generation, &d->options->transport,
                              d->options->rng, err);
    return r == -ENOENT ? 0 : r;
}

static void start_duties(struct daemon *d)
{
    d->duties.started = clock_now(d->node->clock);
    (void)look_at_addresses(d);
    d->duties.failed = d->state.instance && !d->state.configured;
    /* Commands may need what could not be configured. */
    d->duties.commands_pending =
        !d->duties.failed && d->state.commands_done < d->provision.commands.count;
}

static int open_network(struct daemon *d, struct err *err)
{
    int r = net_events_open(&d->events);
    if (r == 0)
        r = net_open(&d->net);
    return r < 0 ? err_errno(err, r, "cannot watch the network") : 0;
}

static void daemon_free(struct daemon *d)
{
    cleanup_fd(&d->net);
    cleanup_fd(&d->events);
    conversation_free(&d->talk);
    cluster_watch_free(&d->cluster);
    json_decref(d->addresses);
    node_state_free(&d->state);
    provision_free(&d->provision);
}

int node_daemon_run(const struct node *node, const struct node_daemon_options *options,
                    struct err *err)
{
    _cleanup_(daemon_free) struct daemon d = {
        .node = node, .options = options, .net = -1, .events = -1, .cluster = {.fd = -1}};
    int r = load(&d, err);
    if (r == 0 && d.duties.has_identity)
        r = cluster_watch_open(&d.cluster, node, options->start_task, options->start_data, err);
    if (r == 0)
        r = open_network(&d, err);
    if (r < 0)
        return r;
    start_duties(&d);
    service_manager_tell("READY=1\nSTATUS=waiting for the network");
    return run_loop(&d, err);
}
