/* SPDX-License-Identifier: Apache-2.0 */
#include "server/machine-act.h"

#include "base/log.h"
#include "base/str.h"

struct act {
    struct server *server;
    char *task, *cluster, *token_id, *reason, *message;
    struct machine_act what;
    struct machine_event event;
    struct machine_change change;
};

static void act_free(struct act *act)
{
    if (act->what.hello)
        protocol_hello_free(act->what.hello);
    if (act->what.report)
        protocol_report_free(act->what.report);
    free(act->what.hello);
    free(act->what.report);
    free(act->task);
    free(act->cluster);
    free(act->token_id);
    free(act->reason);
    free(act->message);
    free(act);
}

static int decide(void *data, json_t *object, struct err *err)
{
    struct act *act = data;
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (act->server->stopping)
        return err_set(err, -ESHUTDOWN, "the server is stopping");
    int r = machine_decode(object, &machine, err);
    if (r < 0)
        return r;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(act->server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    struct machine_view view;
    machines_view(act->server, machine, &effective, &view);
    machine_step(&view, &act->event, &act->change);
    return machine_change_apply(&act->change, &view, &act->event, object);
}

/* Notes go to the log and to the events that `kubectl describe` shows. */
static void tell(const struct act *act, const json_t *object)
{
    for (size_t i = 0; i < act->change.n_notes; i++) {
        const struct machine_note *n = &act->change.notes[i];
        char message[MACHINE_NOTE_SIZE];
        (void)log_quote(message, sizeof(message), n->message, strlen(n->message));
        log_at(n->warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s: %s: %s", object_name(object),
               n->reason, message);
        (void)!store_event(act->server->store, object, n->warning, n->reason, n->message);
    }
}

static void finish(struct act *act, json_t *object)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (!act->what.done)
        return;
    int r = act->server->stopping ? -ESHUTDOWN : machine_decode(object, &machine, NULL);
    if (r < 0) {
        act->what.done(act->what.data, r, NULL, NULL, NULL);
        return;
    }
    _cleanup_(profile_freep) struct profile *profile = machine_profile(act->server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    act->what.done(act->what.data, 0, &act->change, machine, &effective);
}

static void act_done(void *data, int rc, json_t *object, const struct err *err)
{
    struct act *act = data;
    if (rc == 0) {
        tell(act, object);
        finish(act, object);
    } else {
        log_at(rc == -ESHUTDOWN ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
               "a Machine's change could not be saved: %s", err_text(err));
        if (act->what.done)
            act->what.done(act->what.data, rc, NULL, NULL, NULL);
    }
    act_free(act);
}

/* A copy of a text that may be NULL; *ok turns false when there is no memory for it. */
static char *copy(const char *text, bool *ok)
{
    char *result = text ? strdup(text) : NULL;
    *ok = *ok && (result || !text);
    return result;
}

static struct act *act_new(struct server *server, const struct machine_act *what)
{
    struct act *act = calloc(1, sizeof(*act));
    bool ok = act != NULL;
    if (!ok)
        return NULL;
    act->server = server;
    act->task = copy(what->task, &ok);
    act->cluster = copy(what->cluster, &ok);
    act->token_id = copy(what->token_id, &ok);
    act->reason = copy(what->reason, &ok);
    act->message = copy(what->message, &ok);
    if (!ok) {
        act_free(act);
        return NULL;
    }
    act->what = *what;
    return act;
}

void machine_act(struct server *server, const char *name, const struct machine_act *what)
{
    struct act *act = act_new(server, what);
    if (!act) {
        if (what->done)
            what->done(what->data, -ENOMEM, NULL, NULL, NULL);
        return;
    }
    act->event = (struct machine_event){
        .type = what->type,
        .now_ms = clock_wall(server->clock),
        .key = &act->what.key,
        .hello = act->what.hello,
        .report = act->what.report,
        .generation = act->what.generation,
        .task = act->task,
        .cluster = act->cluster,
        .role = act->what.role,
        .token_id = act->token_id,
        .token_expires_ms = act->what.token_expires_ms,
        .reason = act->reason,
        .message = act->message,
        .node_ready = act->what.node_ready,
        .node_unknown = act->what.node_unknown,
    };
    int r = store_mutate(server->store, &kind_machine, STORE_STATUS, name, decide, act_done, act);
    if (r < 0)
        act_done(act, r, NULL, &(struct err){.code = r});
}
