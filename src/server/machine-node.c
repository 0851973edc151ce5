/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the end of a join and the end of its membership: what the Cluster says of a Machine's
 * Node, and what is told when the Node is not Ready for long.
 */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "protocol/task.h"
#include "server/machine-step-parts.h"

enum {
    ANSWER_MS = 30 * 1000,         /* for the machine to hand over kubelet's log */
    LOG_AGAIN_MS = 10 * 60 * 1000, /* how old it may become */
};

/* ---- conditions ---- */

static const struct condition *condition_of(const struct machine *machine, const char *type)
{
    return condition_find(machine->status.conditions, machine->status.n_conditions, type);
}

/* The length of a duration such as "3m7.5s" or "35 s" that begins at s; 0: none does. */
static size_t duration_length(const char *text, const char *s)
{
    bool begins = isdigit((unsigned char)*s) && (s == text || s[-1] == ' ');
    size_t n = begins ? strspn(s, "0123456789.hmnus") : 0;
    if (n && s[n] == ' ' && s[n + 1] == 's' && !isalnum((unsigned char)s[n + 2]))
        n += 2;
    return n && s[n - 1] == 's' ? n : 0;
}

static bool same_words(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x && *y) {
        size_t n = duration_length(a, x), m = duration_length(b, y);
        if ((!n || !m) && *x != *y)
            return false;
        x += n && m ? n : 1;
        y += n && m ? m : 1;
    }
    return *x == *y;
}

bool machine_shows(const struct machine *machine, const char *type, enum condition_status status,
                   const char *reason, const char *message)
{
    const struct condition *k = condition_of(machine, type);
    return k && k->status == status && str_eq(k->reason, reason) &&
           same_words(k->message ? k->message : "", message ? message : "");
}

/* ---- what its Node says ---- */

static void show_node(const struct machine_view *v, const struct machine_event *e,
                      struct machine_change *c)
{
    enum condition_status status = e->node_ready     ? CONDITION_TRUE
                                   : e->node_unknown ? CONDITION_UNKNOWN
                                                     : CONDITION_FALSE;
    if (!machine_shows(v->machine, "NodeReady", status, e->reason, e->message))
        step_condition(c, "NodeReady", status, e->reason, e->message);
}

static void node_is_ready(const struct machine_view *v, struct machine_change *c)
{
    static const char message[] = "its Node is Ready";
    bool news = v->machine->status.phase != MACHINE_READY;
    c->clear_progress = news;
    c->clear_failure = news;
    step_enter(c, v, MACHINE_READY, "Ready", message);
    step_condition(c, "Joined", CONDITION_TRUE, "NodeReady", message);
    step_condition(c, "Healthy", CONDITION_TRUE, "NodeReady", message);
}

static void node_is_ready_no_more(const struct machine_view *v, const struct machine_event *e,
                                  struct machine_change *c)
{
    char message[MACHINE_NOTE_SIZE];
    (void)snprintf(message, sizeof(message), "its Node is not Ready: %s", e->message);
    step_enter(c, v, MACHINE_RUNNING, "NodeNotReady", message);
    step_condition(c, "Healthy", CONDITION_FALSE, "NodeNotReady", message);
}

void step_node_seen(const struct machine_view *v, const struct machine_event *e,
                    struct machine_change *c)
{
    enum machine_phase phase = v->machine->status.phase;
    if (phase != MACHINE_JOINING && phase != MACHINE_READY && phase != MACHINE_RUNNING &&
        !machine_join_failed(v->machine))
        return;
    show_node(v, e, c);
    if (e->node_ready)
        node_is_ready(v, c);
    else if (phase == MACHINE_READY)
        node_is_ready_no_more(v, e, c);
}

/* ---- which step it is ---- */

struct trouble {
    const char *reason; /* of protocol/task.h */
    const char *step;   /* for people */
};

static const struct trouble troubles[] = {
    {PROTOCOL_FAILURE_CNI, "CNI"},
    {PROTOCOL_FAILURE_RUNTIME, "container runtime"},
    {PROTOCOL_FAILURE_IMAGE, "image"},
    {PROTOCOL_FAILURE_API, "API server"},
    {PROTOCOL_FAILURE_BOOTSTRAP, "TLS bootstrap"},
    {PROTOCOL_FAILURE_DISCOVERY, "TLS bootstrap"},
    {PROTOCOL_FAILURE_CERTIFICATE, "certificate request"},
    {PROTOCOL_FAILURE_KUBELET, "kubelet"},
    {PROTOCOL_FAILURE_NODE, "kubelet"},
};

static const struct trouble *trouble_of(const char *reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        if (str_eq(troubles[i].reason, reason))
            return &troubles[i];
    }
    return &troubles[ARRAY_SIZE(troubles) - 1];
}

/*
 * What kubelet itself says of the Node: "runtime network not ready: NetworkReady=false
 * reason:NetworkPluginNotReady message:..." and "[container runtime is down, PLEG is not healthy:
 * ...]". NULL: nothing that tells the step.
 */
static const struct trouble *judge_node(const struct condition *node)
{
    const char *message = node->message ? node->message : "";
    if (strstr(message, "network not ready"))
        return trouble_of(PROTOCOL_FAILURE_CNI);
    if (strstr(message, "container runtime is down") ||
        strstr(message, "container runtime status check may not have completed"))
        return trouble_of(PROTOCOL_FAILURE_RUNTIME);
    return NULL;
}

/* said: the reason that the machine took from kubelet's log, NULL when it said nothing. */
static const struct trouble *judge(const struct condition *node, const char *said)
{
    const struct trouble *t = judge_node(node);
    if (t)
        return t;
    if (said && !str_eq(said, PROTOCOL_FAILURE_NODE))
        return trouble_of(said);
    return trouble_of(node->status == CONDITION_UNKNOWN ? PROTOCOL_FAILURE_API
                                                        : PROTOCOL_FAILURE_NODE);
}

/* ---- when it lasts ---- */

/* The condition, when it is a member whose Node is not Ready; else NULL. */
static const struct condition *missing_node(const struct machine_view *v)
{
    const struct machine_status *s = &v->machine->status;
    const struct condition *node = condition_of(v->machine, "NodeReady");
    bool member =
        s->join.state == JOIN_DONE && (s->phase == MACHINE_JOINING || s->phase == MACHINE_RUNNING);
    return member && node && node->status != CONDITION_TRUE ? node : NULL;
}

bool step_node_is_missing(const struct machine_view *v)
{
    return missing_node(v) != NULL;
}

/* The condition may be of an earlier membership. */
static int64_t missing_since(const struct machine_view *v, const struct condition *node)
{
    int64_t joined = v->machine->status.join.ended_at;
    return node->last_transition_time > joined ? node->last_transition_time : joined;
}

/* Something was told of it since it is missing this time. */
static bool is_told(const struct machine_view *v, const struct condition *node)
{
    const struct machine_failure *f = &v->machine->status.failure;
    return f->reason && f->time >= missing_since(v, node);
}

/* What was told is not what keeps it now, and that since a while. */
static bool is_outdated(const struct machine_view *v, const struct condition *node, int64_t now)
{
    const struct machine_failure *f = &v->machine->status.failure;
    const struct trouble *t = judge_node(node);
    return t && !str_eq(t->reason, f->reason) && now - f->time >= v->node_deadline_ms;
}

bool step_wants_log(const struct machine_view *v, int64_t now)
{
    const struct condition *node = missing_node(v);
    if (!node || now - missing_since(v, node) < v->node_deadline_ms)
        return false;
    return !is_told(v, node) || is_outdated(v, node, now) ||
           now - v->machine->status.failure.time >= LOG_AGAIN_MS;
}

/* The first line of a text and as many of its last ones as there is room for. */
static void shorten(char *dst, size_t size, const char *text)
{
    size_t first = strcspn(text, "\n"), rest = strlen(text + first);
    if (first >= size)
        first = size - 1;
    size_t room = size - 1 - first;
    const char *tail = text + strlen(text) - (rest > room ? room : rest);
    if (rest > room && strchr(tail, '\n'))
        tail = strchr(tail, '\n');
    else if (rest > room)
        tail = "";
    (void)snprintf(dst, size, "%.*s%s", (int)first, text, tail);
}

/* A failure that was told is told again only when it is another one. */
static void tell(const struct machine_view *v, struct machine_change *c,
                 const struct condition *node, const struct trouble *t, const char *text)
{
    char message[MACHINE_NOTE_SIZE], all[2 * MACHINE_NOTE_SIZE];
    bool news = !is_told(v, node) || !str_eq(v->machine->status.failure.reason, t->reason);
    (void)snprintf(message, sizeof(message), "%s: its Node is not Ready: %s", t->step,
                   node->message ? node->message : "");
    c->failure = true;
    c->failure_reason = t->reason;
    (void)snprintf(c->failure_step, sizeof(c->failure_step), "%s", t->step);
    step_condition(c, "Healthy", CONDITION_FALSE, t->reason, message);
    (void)snprintf(all, sizeof(all), "%s; ", message);
    size_t used = strlen(all);
    shorten(all + used, used < MACHINE_NOTE_SIZE ? MACHINE_NOTE_SIZE - used : 1, text);
    if (news)
        step_note(c, true, t->reason, "%s", all);
}

void step_report_kubelet(const struct machine_view *v, const struct machine_event *e,
                         struct machine_change *c)
{
    const struct protocol_report *r = e->report;
    const struct condition *node = missing_node(v);
    if (!step_wants_log(v, e->now_ms) || !r->message)
        return;
    c->failure_said = true;
    tell(v, c, node, judge(node, r->failure), r->message);
}

void step_node_overdue(const struct machine_view *v, int64_t now, struct machine_change *c)
{
    static const char silent[] = "the machine does not say what its kubelet does";
    const struct condition *node = missing_node(v);
    if (!node || is_told(v, node) || now - missing_since(v, node) < v->node_deadline_ms + ANSWER_MS)
        return;
    (void)snprintf(c->failure_message, sizeof(c->failure_message), "%s; %s",
                   node->message ? node->message : "", silent);
    tell(v, c, node, judge(node, NULL), silent);
}

/* ---- before it may join ---- */

void step_waits(const struct machine_view *v, const struct machine_event *e,
                struct machine_change *c)
{
    const struct machine_status *s = &v->machine->status;
    bool may_join = s->phase == MACHINE_RUNNING || s->phase == MACHINE_JOINING ||
                    machine_join_failed(v->machine);
    if (may_join && s->join.state != JOIN_DONE &&
        !machine_shows(v->machine, "Joined", CONDITION_FALSE, "Waiting", e->message))
        step_condition(c, "Joined", CONDITION_FALSE, "Waiting", e->message);
}
