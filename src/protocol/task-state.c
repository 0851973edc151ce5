/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "protocol/json.h"
#include "protocol/message.h"
#include "protocol/task.h"

static const char *const outcome_names[] = {[PROTOCOL_TASK_RUNNING] = "running",
                                            [PROTOCOL_TASK_DONE] = "done",
                                            [PROTOCOL_TASK_FAILED] = "failed"};

void protocol_task_state_free(struct protocol_task_state *state)
{
    free(state->task);
    free(state->phase);
    free(state->failure);
    free(state->message);
    free(state->node_name);
    *state = (struct protocol_task_state){0};
}

json_t *protocol_task_state_to_json(const struct protocol_task_state *state)
{
    json_t *object = json_object();
    set_string(object, "task", state->task);
    set_string(object, "state", outcome_names[state->outcome]);
    set_string(object, "phase", state->phase);
    set_string(object, "failure", state->failure);
    set_string(object, "message", state->message);
    set_string(object, "nodeName", state->node_name);
    return object;
}

/* An optional text of at most max bytes. */
static int field_short(json_t *object, const char *name, size_t max, char **ret, struct err *err)
{
    int r = field_string(object, name, ret, err);
    if (r == 0 && *ret && strlen(*ret) > max)
        return err_set(err, -EBADMSG, "%s: longer than %zu bytes", name, max);
    return r;
}

static int parse(json_t *object, struct protocol_task_state *state, struct err *err)
{
    enum { SHORT = 256 };
    int r = field_enum(object, "state", outcome_names, ARRAY_SIZE(outcome_names), err);
    if (r < 0)
        return r;
    state->outcome = (enum protocol_task_outcome)r;
    r = field_short(object, "task", PROTOCOL_TASK_ID_MAX, &state->task, err);
    if (r == 0)
        r = field_short(object, "phase", SHORT, &state->phase, err);
    if (r == 0)
        r = field_short(object, "failure", SHORT, &state->failure, err);
    if (r == 0)
        r = field_short(object, "message", PROTOCOL_TEXT_MAX, &state->message, err);
    if (r == 0)
        r = field_short(object, "nodeName", SHORT, &state->node_name, err);
    if (r == 0 && str_empty(state->task))
        r = err_set(err, -EBADMSG, "task: missing");
    return r;
}

int protocol_task_state_parse(json_t *object, struct protocol_task_state *ret, struct err *err)
{
    struct protocol_task_state state = {0};
    int r = parse(object, &state, err);
    if (r < 0) {
        protocol_task_state_free(&state);
        return r;
    }
    *ret = state;
    return 0;
}
