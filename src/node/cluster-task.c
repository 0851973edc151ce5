/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-task.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "node/cluster-run.h"
#include "node/service-manager.h"

enum {
    UNDO_DEADLINE_S = 600,
    MESSAGE_SIZE = 3500,
};

/* ---- what the steps share ---- */

int cluster_left_ms(const struct cluster_run *run)
{
    int64_t left = run->deadline - clock_now(run->node->clock);
    if (left < 1)
        return 1;
    return left > INT_MAX ? INT_MAX : (int)left;
}

bool cluster_is_cancelled(const struct cluster_run *run)
{
    return run->tools->cancel && *run->tools->cancel;
}

static int save_state(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    int r = cluster_state_save(run->node, &run->state, &err);
    if (r < 0)
        log_error("%s", err_text(&err));
    return r;
}

void cluster_set_phase(struct cluster_run *run, const char *phase)
{
    char text[128];
    if (str_eq(run->state.phase, phase) || str_replace(&run->state.phase, phase) < 0)
        return;
    (void)snprintf(text, sizeof(text), "STATUS=%s", phase);
    service_manager_tell(text);
    if (run->tools->on_phase)
        run->tools->on_phase(run->tools->data, phase);
    /* By hand, there may be no task that this would be the state of. */
    if (run->state.task)
        (void)save_state(run);
}

int cluster_fail(struct cluster_run *run, int code, const char *failure, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    (void)!str_replace(&run->state.failure, failure);
    (void)!str_replace(&run->state.message, message);
    return code;
}

/* ---- begin and end ---- */

static void set_deadline(struct cluster_run *run, uint32_t seconds)
{
    run->deadline = clock_now(run->node->clock) + (int64_t)seconds * 1000;
    service_manager_tell("READY=1");
}

/* The name of the Node stays: as long as it is there, there is something to undo. */
static int begin(struct cluster_run *run)
{
    struct protocol_task_state *s = &run->state;
    free(TAKE_PTR(s->failure));
    free(TAKE_PTR(s->message));
    free(TAKE_PTR(s->phase));
    s->outcome = PROTOCOL_TASK_RUNNING;
    set_deadline(run, run->task.deadline_seconds);
    int r = str_replace(&s->task, run->task.id);
    return r < 0 ? r : save_state(run);
}

static void remove_secrets(const struct cluster_run *run)
{
    for (size_t i = 0; i < run->task.remove_after_count; i++) {
        struct err err = ERR_INIT;
        if (cluster_secret_remove(run->node, run->task.remove_after[i], &err) < 0)
            log_error("%s", err_text(&err));
    }
}

/* For the journal: the lines of kubeadm are there already. */
static int fail_with_state(const struct cluster_run *run, int code, struct err *err)
{
    const char *message = run->state.message ? run->state.message : "";
    return err_set(err, code, "%s: %.*s", run->state.failure ? run->state.failure : "Failed",
                   (int)strcspn(message, "\n"), message);
}

/* kubeadm and kubelet leave their files to the page cache: once the server knows that it is done,
 * no other task will write them again. */
static int make_durable(const struct cluster_run *run)
{
    struct err err = ERR_INIT;
    bool becomes_node =
        run->task.kind == PROTOCOL_TASK_INIT || run->task.kind == PROTOCOL_TASK_JOIN;
    int r = becomes_node ? node_sync(run->node, &err) : 0;
    if (r < 0)
        log_error("%s", err_text(&err));
    return r;
}

/* Files first, then the state: whoever reads that it has ended finds no secret any more. */
static int finish(struct cluster_run *run, int result, struct err *err)
{
    struct err removal = ERR_INIT;
    remove_secrets(run);
    run->state.outcome = result < 0 ? PROTOCOL_TASK_FAILED : PROTOCOL_TASK_DONE;
    if (result == 0 && run->task.kind != PROTOCOL_TASK_SAVE)
        free(TAKE_PTR(run->state.phase));
    int r = result < 0 ? 0 : make_durable(run);
    if (r == 0)
        r = save_state(run);
    if (r == 0)
        r = cluster_task_remove(run->node, &removal);
    if (r < 0)
        log_error("%s", err_text(&removal));
    if (result < 0)
        return fail_with_state(run, result, err);
    return r < 0 ? err_set(err, r, "cannot write down that the task has ended") : 0;
}

/* ---- kinds of runs ---- */

static int carry_out(struct cluster_run *run)
{
    if (run->task.kind == PROTOCOL_TASK_SAVE)
        return cluster_save(run);
    if (run->task.kind == PROTOCOL_TASK_RESUME)
        return cluster_start_again(run);
    int r = cluster_undo(run);
    if (r < 0 || run->task.kind == PROTOCOL_TASK_RESET)
        return r;
    r = cluster_write_files(run);
    if (r == 0)
        r = cluster_restore(run);
    if (r == 0)
        r = cluster_wait_for_runtime(run);
    if (r == 0)
        r = cluster_run_kubeadm(run);
    return r;
}

/* It was begun and nobody wrote down its end. A save is no reason to leave the cluster. */
static int clean_up(struct cluster_run *run)
{
    bool stays = run->task.kind == PROTOCOL_TASK_SAVE || run->task.kind == PROTOCOL_TASK_RESUME;
    log_warn("The task was interrupted: undoing it.");
    set_deadline(run, UNDO_DEADLINE_S);
    _autofree_ char *phase = run->state.phase ? strdup(run->state.phase) : NULL;
    int r = stays ? cluster_start_again(run) : cluster_undo(run);
    if (r < 0)
        return r;
    return cluster_fail(run, -EINTR, PROTOCOL_FAILURE_INTERRUPTED,
                        "the task was interrupted in its phase %s, and undone",
                        phase ? phase : "start");
}

static int run_loaded(struct cluster_run *run, struct err *err)
{
    bool same = str_eq(run->state.task, run->task.id);
    if (same && run->state.outcome != PROTOCOL_TASK_RUNNING) {
        remove_secrets(run);
        return cluster_task_remove(run->node, err);
    }
    if (same)
        return finish(run, clean_up(run), err);
    int r = begin(run);
    if (r < 0)
        return err_set(err, r, "cannot write down that the task begins");
    log_info("Task %s of the cluster begins.", run->task.id);
    return finish(run, carry_out(run), err);
}

/* Without a task: the one that stopped the control plane has failed, and could not do this. */
static int start_stranded(struct cluster_run *run, struct err *err)
{
    if (run->state.outcome != PROTOCOL_TASK_FAILED || !cluster_is_stopped(run->node)) {
        log_info("There is no task to do.");
        return 0;
    }
    set_deadline(run, UNDO_DEADLINE_S);
    int r = cluster_start_again(run);
    return r < 0 ? err_set(err, r, "%s", run->state.message) : 0;
}

static void run_free(struct cluster_run *run)
{
    protocol_task_free(&run->task);
    protocol_task_state_free(&run->state);
    cluster_tail_free(&run->tail);
}

static int load_state(struct cluster_run *run, struct err *err)
{
    int r = cluster_state_load(run->node, &run->state);
    return r < 0 && r != -ENOENT ? err_errno(err, r, "cannot read %s", CLUSTER_STATE_FILE) : 0;
}

int cluster_task_run(const struct node *node, const struct cluster_tools *tools, struct err *err)
{
    _cleanup_(run_free) struct cluster_run run = {.node = node, .tools = tools};
    _autofd_ int lock = -1;
    int r = cluster_lock(node, &lock, err);
    if (r == 0)
        r = load_state(&run, err);
    if (r < 0)
        return r;
    r = cluster_task_load(node, &run.task, err);
    if (r == -ENOENT) {
        return start_stranded(&run, err);
    }
    return r < 0 ? r : run_loaded(&run, err);
}

int cluster_reset_by_hand(const struct node *node, const struct cluster_tools *tools,
                          struct err *err)
{
    _cleanup_(run_free) struct cluster_run run = {.node = node, .tools = tools};
    _autofd_ int lock = -1;
    int r = cluster_lock(node, &lock, err);
    if (r == 0)
        r = load_state(&run, err);
    if (r < 0)
        return r;
    /* A task that waits, or was interrupted, does not go on after this; a damaged one neither. */
    r = cluster_task_load(node, &run.task, NULL);
    if (r == 0)
        (void)!str_replace(&run.state.task, run.task.id);
    set_deadline(&run, UNDO_DEADLINE_S);
    run.by_hand = true;
    r = cluster_undo(&run);
    if (r < 0)
        return fail_with_state(&run, r, err);
    remove_secrets(&run);
    (void)cluster_fail(&run, 0, PROTOCOL_FAILURE_RESET, "slipway-node reset was run here");
    run.state.outcome = PROTOCOL_TASK_FAILED;
    if (run.state.task)
        r = cluster_state_save(node, &run.state, err);
    return r < 0 ? r : cluster_task_remove(node, err);
}
