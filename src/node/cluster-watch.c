/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-watch.h"

#include <string.h>
#include <sys/inotify.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

/* The kernel tells of a close a moment before it lets go of the lock: look again a few times. */
enum { CLOSING_MS = 100, CLOSING_LOOKS = 5 };

static struct cluster_view view_of(const struct cluster_watch *w)
{
    return (struct cluster_view){
        .task = w->task,
        .state = w->has_state ? &w->state : NULL,
        .locked = w->locked,
        .starts = w->starts,
        .seen_locked = w->seen_locked,
        .started = w->started,
        .stopped = w->stopped,
    };
}

/* ---- looking ---- */

static bool is_running(const struct cluster_watch *w)
{
    return w->has_state && w->state.outcome == PROTOCOL_TASK_RUNNING;
}

/* What has changed between two looks. */
static void compare(struct cluster_watch *w, const struct protocol_task_state *before)
{
    bool same_task = str_eq(before->task, w->state.task);
    bool was_open = !same_task || before->outcome == PROTOCOL_TASK_RUNNING;
    if (is_running(w))
        w->news |= w->state.phase && !str_eq(w->state.phase, w->said);
    else if (was_open) {
        w->ended = true;
        w->news = w->state.outcome == PROTOCOL_TASK_FAILED;
        free(TAKE_PTR(w->said));
    }
}

static void look(struct cluster_watch *w)
{
    struct protocol_task_state now = {0};
    w->locked = cluster_is_locked(w->node);
    w->seen_locked |= w->locked;
    w->stopped = cluster_is_stopped(w->node);
    w->looks -= w->looks > 0;
    w->look_again = w->locked && w->looks ? clock_now(w->node->clock) + CLOSING_MS : 0;
    if (cluster_state_load(w->node, &now) < 0)
        return;
    struct protocol_task_state before = w->state;
    bool had_state = w->has_state;
    w->state = now;
    w->has_state = true;
    if (had_state || w->task)
        compare(w, &before);
    protocol_task_state_free(&before);
}

/* Whether one of them is about the state or the lock, not about some other file of the folder. */
static bool take_events(struct cluster_watch *w, const char *events, size_t len)
{
    bool matters = false;
    for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
        const struct inotify_event *event = (const void *)(events + at);
        const char *name = event->len ? event->name : "";
        bool closed = str_eq(name, "lock"), lost = event->mask & IN_Q_OVERFLOW;
        if (closed || lost)
            w->looks = CLOSING_LOOKS;
        /* Whoever closes it has held it, even if that was too short to be seen. */
        w->seen_locked |= closed;
        matters |= closed || lost || (str_eq(name, "state.json") && event->mask & IN_MOVED_TO);
        at += sizeof(*event) + event->len;
    }
    return matters;
}

void cluster_watch_read(struct cluster_watch *w)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool matters = false;
    for (ssize_t n; (n = read(w->fd, events, sizeof(events))) > 0;)
        matters |= take_events(w, events, (size_t)n);
    if (matters)
        look(w);
}

/* ---- doing ---- */

static void write_down(struct cluster_watch *w, const char *failure, const char *message)
{
    struct err err = ERR_INIT;
    int r = str_replace(&w->state.task, w->task ? w->task : w->state.task);
    if (r == 0)
        r = str_replace(&w->state.failure, failure);
    if (r == 0)
        r = str_replace(&w->state.message, message);
    free(TAKE_PTR(w->state.phase));
    w->state.outcome = PROTOCOL_TASK_FAILED;
    w->has_state = w->ended = w->news = true;
    if (r == 0)
        r = cluster_state_save(w->node, &w->state, &err);
    if (r < 0)
        log_error("%s", err_text(&err));
}

static void tidy(struct cluster_watch *w)
{
    struct err err = ERR_INIT;
    if (cluster_task_remove(w->node, &err) < 0)
        log_error("%s", err_text(&err));
    free(TAKE_PTR(w->task));
    w->starts = 0;
    w->stopped = cluster_is_stopped(w->node);
}

static void start_unit(struct cluster_watch *w)
{
    struct err err = ERR_INIT;
    w->starts++;
    w->started = clock_now(w->node->clock);
    w->seen_locked = false;
    if (w->start(w->data, &err) == 0)
        return;
    log_error("%s", err_text(&err));
    if (!w->task)
        return; /* what is to run again does so later */
    write_down(w, PROTOCOL_FAILURE_INTERRUPTED, err_text(&err));
    tidy(w);
}

static bool carry_out(struct cluster_watch *w, enum cluster_move move)
{
    switch (move) {
    case CLUSTER_START:
        start_unit(w);
        return true;
    case CLUSTER_TIDY:
        tidy(w);
        return true;
    case CLUSTER_GIVE_UP:
        write_down(w, PROTOCOL_FAILURE_INTERRUPTED, "the task ended without saying how");
        tidy(w);
        return true;
    case CLUSTER_REST:
    case CLUSTER_FOLLOW:
        break;
    }
    return false;
}

void cluster_watch_step(struct cluster_watch *w, int64_t *ret_until)
{
    *ret_until = INT64_MAX;
    if (w->fd < 0 || !w->start)
        return;
    int64_t now = clock_now(w->node->clock);
    if (w->look_again && now >= w->look_again)
        look(w);
    struct cluster_view view = view_of(w);
    bool again = carry_out(w, cluster_next(&view, now, ret_until));
    if (w->look_again && w->look_again < *ret_until)
        *ret_until = w->look_again;
    if (again)
        *ret_until = now;
}

/* ---- taking ---- */

/* With an id the next hello says so, as it would of a task that failed; else a report does. */
static void refuse(struct cluster_watch *w, const char *id, const char *failure, const char *why)
{
    log_warn("A task of the cluster is refused: %s.", why);
    free(TAKE_PTR(w->refused));
    if (str_replace(&w->refusal, failure) < 0 || str_replace(&w->refused_why, why) < 0)
        return;
    w->refused = id ? strdup(id) : NULL;
    if (w->refused)
        w->ended = true;
    else
        w->news = true;
}

static void keep(struct cluster_watch *w, const struct protocol_task *task)
{
    struct err err = ERR_INIT;
    int r = cluster_task_save(w->node, task, &err);
    if (r < 0) {
        refuse(w, task->id, PROTOCOL_FAILURE_FILES, err_text(&err));
        return;
    }
    if (str_replace(&w->task, task->id) < 0)
        return;
    free(TAKE_PTR(w->said));
    w->starts = 0;
    log_info("The server hands out task %s of the cluster.", task->id);
}

void cluster_watch_take(struct cluster_watch *w, const char *sealed, const struct trust_key *key)
{
    _autotask_ struct protocol_task task = {0};
    struct err err = ERR_INIT;
    if (w->fd < 0 || !w->start)
        return;
    if (protocol_task_unseal(key, sealed, &task, &err) < 0) {
        refuse(w, NULL, PROTOCOL_FAILURE_TASK_INVALID, err_text(&err));
        return;
    }
    look(w);
    struct cluster_view view = view_of(w);
    switch (cluster_accept(&view, &task)) {
    case CLUSTER_TAKE:
        keep(w, &task);
        break;
    case CLUSTER_MEMBER:
        refuse(w, task.id, PROTOCOL_FAILURE_MEMBER,
               "this machine is a node already: reset it first");
        break;
    case CLUSTER_KNOWN:
    case CLUSTER_BUSY:
        log_debug("Task %s is not taken: one is known or under way.", task.id);
        break;
    }
}

/* ---- telling ---- */

bool cluster_watch_is_busy(const struct cluster_watch *w)
{
    return w->task || w->locked || is_running(w);
}

static json_t *refused_facts(const struct cluster_watch *w)
{
    const struct protocol_task_state state = {.task = w->refused,
                                              .outcome = PROTOCOL_TASK_FAILED,
                                              .failure = w->refusal,
                                              .message = w->refused_why};
    return protocol_task_state_to_json(&state);
}

json_t *cluster_watch_facts(const struct cluster_watch *w)
{
    if (w->refused)
        return refused_facts(w);
    bool begun = w->has_state && (!w->task || str_eq(w->task, w->state.task));
    if (begun)
        return protocol_task_state_to_json(&w->state);
    struct protocol_task_state taken = {.task = w->task, .outcome = PROTOCOL_TASK_RUNNING};
    return w->task ? protocol_task_state_to_json(&taken) : NULL;
}

static void forget_refusal(struct cluster_watch *w)
{
    free(TAKE_PTR(w->refused));
    free(TAKE_PTR(w->refusal));
    free(TAKE_PTR(w->refused_why));
}

void cluster_watch_greeted(struct cluster_watch *w)
{
    if (w->refused)
        forget_refusal(w);
}

int cluster_watch_report(const struct cluster_watch *w, struct protocol_report *ret)
{
    bool refusal = w->refusal && !w->refused;
    const char *failure = refusal ? w->refusal : w->state.failure;
    const char *message = refusal ? w->refused_why : w->state.message;
    if (!w->news)
        return -ENOENT;
    *ret = (struct protocol_report){.step = strdup(PROTOCOL_STEP_JOINING)};
    int r = 0;
    if (!refusal && is_running(w)) {
        r = str_replace(&ret->message, w->state.phase);
    } else {
        r = str_replace(&ret->message, message);
        if (r == 0)
            r = str_replace(&ret->failure, failure);
    }
    if (r < 0 || !ret->step) {
        protocol_report_free(ret);
        return -ENOMEM;
    }
    return 0;
}

void cluster_watch_told(struct cluster_watch *w, const struct protocol_report *report)
{
    bool refusal = w->refusal && !w->refused;
    if (refusal)
        forget_refusal(w);
    w->news = false;
    if (!report->failure) {
        (void)!str_replace(&w->said, report->message);
        w->news = is_running(w) && !str_eq(w->said, w->state.phase);
    } else if (refusal) {
        w->news = is_running(w) && w->state.phase && !str_eq(w->said, w->state.phase);
    }
}

/* ---- begin and end ---- */

static int load_task(struct cluster_watch *w, struct err *err)
{
    _autotask_ struct protocol_task task = {0};
    int r = cluster_task_load(w->node, &task, err);
    if (r == 0)
        return str_replace(&w->task, task.id);
    /* Nobody can do a damaged one; a state that says "running" then ends by giving up. */
    if (r == -EBADMSG)
        r = cluster_task_remove(w->node, err);
    return r == -ENOENT ? 0 : r;
}

int cluster_watch_open(struct cluster_watch *w, const struct node *node,
                       int (*start)(void *data, struct err *err), void *data, struct err *err)
{
    *w = (struct cluster_watch){.node = node, .start = start, .data = data, .fd = -1};
    _autofree_ char *folder = node_path(node, PROTOCOL_TASK_DIR);
    int r = folder ? cluster_folder_make(node, err) : -ENOMEM;
    if (r < 0)
        return r;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0 || inotify_add_watch(w->fd, folder, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
        return err_errno(err, -errno, "cannot watch %s", folder);
    r = load_task(w, err);
    if (r == 0)
        look(w);
    w->news = w->ended = false;
    return r;
}

void cluster_watch_free(struct cluster_watch *w)
{
    cleanup_fd(&w->fd);
    w->fd = -1;
    free(w->task);
    free(w->said);
    forget_refusal(w);
    protocol_task_state_free(&w->state);
}
