/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-follow.h"

#include "base/str.h"

static bool is_unfinished(const struct cluster_view *v)
{
    bool running = v->state && v->state->outcome == PROTOCOL_TASK_RUNNING;
    bool about_it = v->state && str_eq(v->state->task, v->task);
    return running || (v->task && !about_it);
}

/* Nobody works on a task that is not finished. */
static enum cluster_move revive(const struct cluster_view *v, int64_t now, int64_t *until)
{
    if (!v->task)
        return CLUSTER_GIVE_UP;
    if (v->starts == 0)
        return CLUSTER_START;
    if (!v->seen_locked && now < v->started + CLUSTER_PATIENCE_MS) {
        *until = v->started + CLUSTER_PATIENCE_MS;
        return CLUSTER_FOLLOW;
    }
    return v->starts < CLUSTER_STARTS_MAX ? CLUSTER_START : CLUSTER_GIVE_UP;
}

/* Only the unit may write where manifests are. */
static enum cluster_move run_again(const struct cluster_view *v, int64_t now, int64_t *until)
{
    if (v->starts == 0 || now >= v->started + CLUSTER_PATIENCE_MS)
        return CLUSTER_START;
    *until = v->started + CLUSTER_PATIENCE_MS;
    return CLUSTER_FOLLOW;
}

enum cluster_move cluster_next(const struct cluster_view *view, int64_t now, int64_t *ret_until)
{
    *ret_until = INT64_MAX;
    if (view->locked)
        return CLUSTER_FOLLOW;
    if (is_unfinished(view))
        return revive(view, now, ret_until);
    if (view->task)
        return CLUSTER_TIDY;
    bool stranded = view->stopped && view->state && view->state->outcome == PROTOCOL_TASK_FAILED;
    return stranded ? run_again(view, now, ret_until) : CLUSTER_REST;
}

enum cluster_answer cluster_accept(const struct cluster_view *view,
                                   const struct protocol_task *task)
{
    const struct protocol_task_state *state = view->state;
    if (str_eq(view->task, task->id) || (state && str_eq(state->task, task->id)))
        return CLUSTER_KNOWN;
    if (view->locked || is_unfinished(view))
        return CLUSTER_BUSY;
    bool member = state && state->outcome == PROTOCOL_TASK_DONE && state->node_name;
    bool as_member = task->kind == PROTOCOL_TASK_RESET || task->kind == PROTOCOL_TASK_SAVE ||
                     task->kind == PROTOCOL_TASK_RESUME;
    return member && !as_member ? CLUSTER_MEMBER : CLUSTER_TAKE;
}
