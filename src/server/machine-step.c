/* SPDX-License-Identifier: Apache-2.0 */
#include "server/machine-step-parts.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/str.h"
#include "cluster/plan.h"
#include "resource/format.h"

enum { SEEN_MS = 10000 }; /* how exact lastSeen is: each new value is a write */

/* What anybody on the network can make the server write is bounded in time. */
enum {
    CANDIDATE_STALE_MS = 10 * 60 * 1000, /* it asks no more */
    NOTE_AGAIN_MS = 60 * 1000,           /* between two warnings of one reason */
    CLOCK_APART_MS = 60 * 1000,          /* a machine's clock that is worth a warning */
};

#define JOIN_FAILURE "JoinFailed" /* reason */

void step_note(struct machine_change *c, bool warning, const char *reason, const char *format, ...)
{
    if (c->n_notes == MACHINE_NOTES_MAX)
        return;
    struct machine_note *n = &c->notes[c->n_notes++];
    n->warning = warning;
    n->reason = reason;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(n->message, sizeof(n->message), format, args);
    va_end(args);
}

void step_condition(struct machine_change *c, const char *type, enum condition_status status,
                    const char *reason, const char *message)
{
    if (c->n_conditions == MACHINE_CONDITIONS_MAX)
        return;
    struct machine_condition *k = &c->conditions[c->n_conditions++];
    k->type = type;
    k->status = status;
    k->reason = reason;
    (void)snprintf(k->message, sizeof(k->message), "%s", message);
}

void step_answer(struct machine_change *c, enum protocol_action action, uint32_t poll,
                 const char *format, ...)
{
    c->action = action;
    c->poll_seconds = poll;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->reason, sizeof(c->reason), format, args);
    va_end(args);
}

/* Notes a phase change once; repetitions are silent. */
void step_enter(struct machine_change *c, const struct machine_view *v, enum machine_phase phase,
                const char *reason, const char *message)
{
    if (v->machine->status.phase == phase)
        return;
    c->phase = phase;
    step_note(c, phase == MACHINE_FAILED || phase == MACHINE_REJECTED, reason, "%s", message);
}

/* A warning about what strangers do, who may do it a thousand times a second. */
static void warn_rarely(struct machine_change *c, const struct machine_view *v, int64_t now,
                        const char *reason, const char *message)
{
    const struct machine_status *s = &v->machine->status;
    for (size_t i = 0; i < s->n_timeline; i++) {
        int64_t age = now - s->timeline[i].time;
        if (str_eq(s->timeline[i].event, reason) && age >= 0 && age < NOTE_AGAIN_MS)
            return;
    }
    step_note(c, true, reason, "%s", message);
}

bool step_key_is(const char *known, const struct trust_public *key)
{
    char text[TRUST_PUBLIC_TEXT_SIZE];
    return known && str_eq(known, trust_public_text(key, text));
}

static bool is_identity(const struct machine_view *v, const struct trust_public *key)
{
    return step_key_is(v->machine->status.identity.public_key, key);
}

/* A key of the life before the release: whoever has it now, it is worth nothing. */
static bool is_revoked(const struct machine_view *v, const struct trust_public *key)
{
    return step_key_is(v->machine->status.revoked_key, key);
}

/* The one key that may speak for the machine: the approved one, else the one it registered with. */
static bool is_bound(const struct machine_view *v, const struct trust_public *key)
{
    const char *approved = v->effective->approved_key;
    if (is_revoked(v, key))
        return false;
    return approved ? step_key_is(approved, key) : is_identity(v, key);
}

/*
 * Whether no other key is taken: it is the approved one, or that of the system that was installed,
 * which stage2 finds on the disk. Whoever else says that it is this machine, to be installed anew
 * or wiped, would get what its Cluster gives it.
 */
static bool has_fixed_key(const struct machine_view *v)
{
    const struct machine_status *s = &v->machine->status;
    return v->effective->approved_key || (s->identity.public_key && s->installed_generation > 0);
}

bool machine_is_spoken_for(const struct machine *machine, const struct machine_spec *effective,
                           const struct trust_public *key)
{
    const struct machine_view view = {.machine = machine, .effective = effective};
    return effective->approved != TRI_FALSE && is_bound(&view, key);
}

/* The machine itself speaks: a candidate that was approved, or went away, is one no more. */
static void settle_candidate(const struct machine_view *v, const struct machine_event *e,
                             struct machine_change *c)
{
    const struct machine_candidate *k = &v->machine->status.candidate;
    int64_t age = e->now_ms - k->seen;
    c->clear_candidate =
        k->public_key && (!has_fixed_key(v) || step_key_is(k->public_key, e->key) || age < 0 ||
                          age >= CANDIDATE_STALE_MS);
}

static bool candidate_waits(const struct machine_view *v, const struct machine_change *c)
{
    const struct machine_candidate *k = &v->machine->status.candidate;
    const char *approved = v->effective->approved_key;
    const char *bound = approved ? approved : v->machine->status.identity.public_key;
    return k->public_key && !c->clear_candidate && has_fixed_key(v) &&
           !str_eq(k->public_key, bound);
}

bool step_wants_install(const struct machine_view *v)
{
    return v->effective->install_generation > v->machine->status.installed_generation;
}

static void fail(struct machine_change *c, const struct machine_view *v, const char *step,
                 const char *reason, const char *message)
{
    c->failure = true;
    c->failure_reason = reason;
    (void)snprintf(c->failure_step, sizeof(c->failure_step), "%s", step);
    (void)snprintf(c->failure_message, sizeof(c->failure_message), "%s", message);
    step_enter(c, v, MACHINE_FAILED, reason, message);
    step_condition(c, "Healthy", CONDITION_FALSE, reason, message);
}

bool machine_join_failed(const struct machine *machine)
{
    return machine->status.phase == MACHINE_FAILED &&
           str_eq(machine->status.failure.reason, JOIN_FAILURE);
}

/* ---- approval, shared by hello and specification changes ---- */

static void key_changed(struct machine_change *c)
{
    step_condition(c, "Approved", CONDITION_FALSE, "KeyChanged",
                   "a key that is not the approved one asks as this machine: see status.candidate");
}

/*
 * Decides what holds before any installation; true when it may go on to one. `here`: the machine
 * itself has just spoken, so that it is Discovered now.
 */
bool step_admitted(const struct machine_view *v, struct machine_change *c, bool here)
{
    const struct machine *m = v->machine;
    switch (v->effective->approved) {
    case TRI_FALSE:
        step_enter(c, v, MACHINE_REJECTED, "Rejected", "an administrator rejected this machine");
        step_condition(c, "Approved", CONDITION_FALSE, "Rejected", "spec.approved is false");
        step_answer(c, PROTOCOL_REJECT, POLL_REJECTED, "this machine was rejected");
        return false;
    case TRI_UNSET:
        if (m->status.phase == MACHINE_REJECTED || (here && m->status.phase == MACHINE_PHASE_UNSET))
            step_enter(c, v, MACHINE_DISCOVERED, "Discovered",
                       "reported itself, waits for approval");
        step_condition(c, "Approved", CONDITION_UNKNOWN, "Undecided", "waits for approval");
        step_answer(c, PROTOCOL_WAIT, POLL_SOON, "waiting for approval: slipway approve %s",
                    m->meta.name);
        return false;
    case TRI_TRUE:
        if (candidate_waits(v, c))
            key_changed(c);
        else
            step_condition(c, "Approved", CONDITION_TRUE, "Approved", "spec.approved is true");
        return true;
    }
    return false;
}

/* ---- stage2 says hello ---- */

bool step_is_held(const struct machine_view *v, struct machine_change *c)
{
    if (!v->hold[0])
        return false;
    step_condition(c, "Leaving", CONDITION_TRUE, "LeavesCluster", v->hold);
    step_answer(c, PROTOCOL_WAIT, POLL_WAITING, "%s", v->hold);
    return true;
}

void step_stays(const struct machine_view *v, struct machine_change *c, const char *reason,
                const char *message)
{
    const struct machine_status *s = &v->machine->status;
    const struct condition *leaving = condition_find(s->conditions, s->n_conditions, "Leaving");
    if (leaving && leaving->status == CONDITION_TRUE)
        step_condition(c, "Leaving", CONDITION_FALSE, reason, message);
}

/* What keeps an installation from beginning; answers then. */
bool step_must_wait(const struct machine_view *v, struct machine_change *c)
{
    if (step_is_held(v, c))
        return true;
    if (!v->image_ready)
        step_answer(c, PROTOCOL_WAIT, POLL_WAITING, "Image %s is not ready: %s",
                    v->effective->image, v->image_problem ? v->image_problem : "not found");
    else
        return false;
    return true;
}

/* Counts a start of stage2 that begins; true when there were too many of them. */
bool step_is_exhausted(const struct machine_view *v, struct machine_change *c, const char *command)
{
    c->attempts = v->machine->status.attempts + 1;
    if (c->attempts <= v->attempts_max)
        return false;
    fail(c, v, "start", "AttemptsExhausted", "it was begun too often without an end");
    step_answer(c, PROTOCOL_WAIT, POLL_FAILED, "too many attempts: slipway %s %s", command,
                v->machine->meta.name);
    return true;
}

/* The installed system will not be there any more. */
void step_leave_old_life(const struct machine_view *v, struct machine_change *c)
{
    c->clear_join = v->machine->status.join.task != NULL;
    c->clear_restart = v->machine->status.restarted_at != 0;
}

static void hello_install(const struct machine_view *v, struct machine_change *c, bool new_boot)
{
    const struct machine *m = v->machine;
    if (m->status.phase == MACHINE_FAILED) {
        step_answer(c, PROTOCOL_WAIT, POLL_FAILED,
                    "installing failed (%s: %s); mend the cause, then: slipway reinstall %s",
                    m->status.failure.reason ? m->status.failure.reason : "unknown",
                    m->status.failure.message ? m->status.failure.message : "", m->meta.name);
        return;
    }
    if (step_must_wait(v, c))
        return;
    if (new_boot) {
        if (step_is_exhausted(v, c, "reinstall"))
            return;
        step_note(c, false, "InstallStarted",
                  "writing Image %s, generation %" PRId64 ", attempt %" PRId64, v->effective->image,
                  v->effective->install_generation, c->attempts);
    }
    step_leave_old_life(v, c);
    step_enter(c, v, MACHINE_PROVISIONING, "Provisioning", "stage2 has its plan");
    c->installing_image = true;
    step_answer(c, PROTOCOL_INSTALL, POLL_WAITING, "installing Image %s", v->effective->image);
}

/* Not the approved key: it gets nothing, and all that changes is who is seen to ask. */
static void hello_stranger(const struct machine_view *v, const struct machine_event *e,
                           struct machine_change *c)
{
    const struct machine_candidate *known = &v->machine->status.candidate;
    bool same = step_key_is(known->public_key, e->key);
    int64_t age = e->now_ms - known->seen;
    if (v->effective->approved == TRI_FALSE) {
        step_answer(c, PROTOCOL_REJECT, POLL_REJECTED, "this machine was rejected");
        return;
    }
    step_answer(c, PROTOCOL_WAIT, POLL_WAITING,
                "its key is not the approved one; compare the words on its console, then: slipway "
                "approve %s",
                v->machine->meta.name);
    if (known->public_key && age >= 0 && age < (same ? CANDIDATE_SAME_MS : CANDIDATE_OTHER_MS))
        return;
    c->candidate = true;
    key_changed(c);
    if (!same)
        warn_rarely(c, v, e->now_ms, "KeyChanged",
                    "a stage2 whose key is not the approved one asks as this machine");
}

/* The hello's boot ID when stage2 was started since the last one, else NULL. */
static const char *new_boot_id(const struct machine_view *v, const struct machine_event *e)
{
    const char *id = json_string_value(json_object_get(e->hello->system, "bootID"));
    bool valid = id && format_uuid.check(id);
    return valid && !str_eq(id, v->machine->status.boot_id) ? id : NULL;
}

/*
 * Only the approved key is let in. A machine that nobody bound to a key is trusted on first use: a
 * new key is taken until its first installation has ended.
 */
static void hello_agent(const struct machine_view *v, const struct machine_event *e,
                        struct machine_change *c)
{
    const struct machine *m = v->machine;
    bool same_key = is_identity(v, e->key), bound = is_bound(v, e->key);
    bool release = machine_release_is_open(m);
    bool installed = m->status.installed_generation > 0 && !step_wants_install(v) && !release;
    if (is_revoked(v, e->key)) {
        step_answer(c, PROTOCOL_WAIT, POLL_REJECTED,
                    "its key was given up when it was released: power it off and on");
        return;
    }
    if (machine_is_released(m) && !release) {
        step_hello_released(v, e, c);
        return;
    }
    if (installed && !bound) {
        warn_rarely(c, v, e->now_ms, "UnexpectedStage2",
                    "a stage2 with another key asked as this machine, whose system is installed");
        step_answer(c, PROTOCOL_BOOT, POLL_WAITING, "this machine is installed: booting its disk");
        return;
    }
    if (has_fixed_key(v) && !bound) {
        hello_stranger(v, e, c);
        return;
    }
    settle_candidate(v, e, c);
    c->identity = !same_key;
    c->boot_id = new_boot_id(v, e) != NULL;
    c->inventory = e->hello->inventory != NULL;
    c->seen = true;
    if (!same_key && m->status.identity.public_key)
        step_note(c, false, "NewKey", "stage2 started anew, with a new key");
    if (!step_admitted(v, c, true))
        return;
    bool new_boot = !same_key || c->boot_id || m->status.attempts == 0;
    if (release) {
        step_hello_release(v, c, new_boot);
        return;
    }
    if (installed) {
        step_answer(c, PROTOCOL_BOOT, POLL_WAITING, "this machine is installed: booting its disk");
        return;
    }
    if (!v->effective->image) {
        step_enter(c, v, MACHINE_AVAILABLE, "Available", "approved; no Image is assigned");
        step_answer(c, PROTOCOL_WAIT, POLL_WAITING,
                    "approved; no Image is assigned to this machine");
        return;
    }
    hello_install(v, c, new_boot);
}

/* ---- the installed system ---- */

/* Only while an installation is due do other keys matter. */
void step_forget_candidate(const struct machine_view *v, struct machine_change *c)
{
    c->clear_candidate = v->machine->status.candidate.public_key != NULL;
}

static void running(const struct machine_view *v, struct machine_change *c, const char *message)
{
    enum machine_phase phase = v->machine->status.phase;
    bool join_failed = machine_join_failed(v->machine);
    c->seen = true;
    c->clear_failure = phase != MACHINE_JOINING && !join_failed && !step_node_is_missing(v);
    c->clear_progress = phase != MACHINE_JOINING && !join_failed;
    step_forget_candidate(v, c);
    if (phase != MACHINE_JOINING && phase != MACHINE_READY && phase != MACHINE_RELEASING &&
        !join_failed)
        step_enter(c, v, MACHINE_RUNNING, "Running", message);
    step_condition(c, "Booted", CONDITION_TRUE, "Reported", message);
    if (!join_failed && !step_node_is_missing(v))
        step_condition(c, "Healthy", CONDITION_TRUE, "Reported", message);
    step_stays(v, c, "Stays", "it is neither released nor installed anew");
    step_answer(c, PROTOCOL_OK, POLL_WAITING, "noted");
}

/* The report that the image is on the disk may have been lost: what runs is proof enough. */
static void note_installed(const struct machine_view *v, struct machine_change *c,
                           uint64_t generation)
{
    if ((int64_t)generation <= v->machine->status.installed_generation ||
        (int64_t)generation > v->effective->install_generation)
        return;
    c->installed_generation = (int64_t)generation;
    c->installed_image = true;
    c->clear_restart = v->machine->status.restarted_at != 0;
    c->attempts = 0;
    step_condition(c, "Imaged", CONDITION_TRUE, "Installed", "the image is on its disk");
}

static bool is_known_node(const struct machine_view *v, const struct machine_event *e,
                          struct machine_change *c)
{
    if (is_bound(v, e->key)) {
        settle_candidate(v, e, c);
        return true;
    }
    warn_rarely(c, v, e->now_ms, "UnknownIdentity",
                "a message signed with a key that is not this machine's");
    step_answer(c, PROTOCOL_REJECT, POLL_REJECTED, "this key is not this machine's");
    return false;
}

/* ---- becoming a member of a Cluster ---- */

/* What the node says of its task; only the one that it was given last matters. */
static void hello_task(const struct machine_view *v, const struct machine_event *e,
                       struct machine_change *c, bool stays)
{
    const struct machine_join *known = &v->machine->status.join;
    const json_t *said = json_object_get(e->hello->system, "cluster");
    const char *state = json_string_value(json_object_get(said, "state"));
    const char *message = json_string_value(json_object_get(said, "message"));
    if (!known->task || (known->state != JOIN_RUNNING && known->state != JOIN_FAILED))
        return;
    bool same = str_eq(json_string_value(json_object_get(said, "task")), known->task);
    c->join = same;
    c->join_lost = !same && known->state == JOIN_RUNNING;
    if (stays && same && str_eq(state, "done") && machine_join_failed(v->machine)) {
        c->clear_failure = true;
        step_enter(c, v, MACHINE_JOINING, "Joined", "has joined; waits for its Node to be Ready");
    }
    if (known->state == JOIN_FAILED || (same && !str_eq(state, "failed")))
        return;
    if (!same)
        message = "the answer with the task did not arrive";
    else if (!message)
        message = "no details";
    step_note(c, true, "JoinFailed", "%s", message);
    if (stays && known->attempts >= PLAN_ATTEMPTS_MAX)
        fail(c, v, PROTOCOL_STEP_JOINING, JOIN_FAILURE, message);
}

/* What has changed while the task was prepared; NULL: it may have it. */
static const char *task_refusal(const struct machine_view *v, const struct machine_event *e)
{
    if (v->effective->approved != TRI_TRUE)
        return "it is not approved any more";
    if (!is_bound(v, e->key))
        return "its key is not the approved one any more";
    if (machine_release_is_open(v->machine) || step_wants_install(v))
        return "it is about to be released or installed anew";
    if (v->effective->role != e->role || !str_eq(v->effective->cluster, e->cluster))
        return "it has another role or another Cluster now";
    return NULL;
}

/* A task is about to be handed out. One that failed too often is seen as Failed until it succeeds.
 */
static void task_given(const struct machine_view *v, const struct machine_event *e,
                       struct machine_change *c)
{
    const char *refusal = task_refusal(v, e);
    bool failed = machine_join_failed(v->machine);
    if (refusal) {
        step_answer(c, PROTOCOL_WAIT, POLL_SOON, "%s", refusal);
        return;
    }
    c->task = true;
    c->clear_failure = !failed;
    c->clear_progress = true;
    if (v->machine->status.phase == MACHINE_JOINING || failed)
        step_note(c, false, "JoinRetried", "%s", e->message);
    else
        step_enter(c, v, MACHINE_JOINING, "JoinStarted", e->message);
    step_condition(c, "Joined", CONDITION_FALSE, "Joining", e->message);
}

/* It is drained, its Node is deleted: nothing that the Cluster needs is on its disks any more. */
static void left(const struct machine_view *v, const struct machine_event *e,
                 struct machine_change *c)
{
    enum machine_phase phase = v->machine->status.phase;
    const char *message = e->message ? e->message : "it is a member of its Cluster no more";
    c->clear_join = v->machine->status.join.task != NULL;
    step_condition(c, "Joined", CONDITION_FALSE, "Left", message);
    step_condition(c, "NodeReady", CONDITION_FALSE, "Left", message);
    step_stays(v, c, "Left", message);
    if (phase == MACHINE_READY || phase == MACHINE_JOINING)
        step_enter(c, v, MACHINE_RUNNING, "Left", message);
    else if (c->clear_join)
        step_note(c, false, "Left", "%s", message);
}

/* kubelet's certificates are not valid for a system whose clock is far from ours. */
static void check_clock(const struct machine_view *v, const struct machine_event *e,
                        struct machine_change *c)
{
    const json_t *said = json_object_get(e->hello->system, "clock");
    int64_t ahead = json_is_integer(said) ? json_integer_value(said) - e->now_ms : 0;
    char age[32], text[160];
    if (ahead > -CLOCK_APART_MS && ahead < CLOCK_APART_MS)
        return;
    (void)snprintf(text, sizeof(text),
                   "its clock is %s %s the server's: certificates may not be valid; check its NTP "
                   "servers (spec.network.ntp) and its battery",
                   clock_age_text(ahead < 0 ? -ahead : ahead, age, sizeof(age)),
                   ahead < 0 ? "behind" : "ahead of");
    warn_rarely(c, v, e->now_ms, "ClockSkew", text);
}

static void hello_node(const struct machine_view *v, const struct machine_event *e,
                       struct machine_change *c)
{
    if (!is_known_node(v, e, c) || !step_admitted(v, c, true))
        return;
    note_installed(v, c, e->hello->install_generation);
    c->addresses = e->hello->addresses != NULL;
    check_clock(v, e, c);
    if (step_is_leaving(v, c->installed_generation >= 0
                               ? c->installed_generation
                               : v->machine->status.installed_generation)) {
        step_hello_leaving(v, e, c);
        if (!c->clear_join)
            hello_task(v, e, c, false); /* what it has become is what it leaves as */
        return;
    }
    running(v, c, "the installed system reported in");
    hello_task(v, e, c, true);
    c->kubelet_log = step_wants_log(v, e->now_ms);
}

/* Calls of an earlier installation, or before this one was begun, say nothing. */
static void phone_home(const struct machine_view *v, const struct machine_event *e,
                       struct machine_change *c)
{
    if ((int64_t)e->generation != v->effective->install_generation ||
        v->effective->approved != TRI_TRUE || machine_release_is_open(v->machine) ||
        machine_is_released(v->machine))
        return;
    note_installed(v, c, e->generation);
    running(v, c, "cloud-init finished and called");
}

/* ---- reports ---- */

static void report_failure(const struct machine_view *v, const struct protocol_report *r,
                           struct machine_change *c)
{
    const char *message = r->message ? r->message : "no details";
    if (r->final) {
        /* The reason is the sender's text; it is shown, never interpreted. */
        fail(c, v, r->step, "StepFailed", message);
        c->failure_reason = r->failure;
    } else {
        step_note(c, true, "Retrying", "%s: %s: %s", r->step, r->failure, message);
    }
    c->progress = true;
}

static void report_installed(const struct machine_view *v, const struct protocol_report *r,
                             struct machine_change *c)
{
    note_installed(v, c, r->install_generation);
    c->clear_progress = true;
    c->clear_failure = true;
    step_forget_candidate(v, c);
    step_enter(c, v, MACHINE_INSTALLED, "Installed", "image and identity are on the disk");
}

/* Steps that have parts, each with a message of its own. */
static bool tells_by_message(const char *step)
{
    return str_eq(step, PROTOCOL_STEP_JOINING) || str_eq(step, PROTOCOL_STEP_WIPING);
}

static void report(const struct machine_view *v, const struct machine_event *e,
                   struct machine_change *c)
{
    const struct protocol_report *r = e->report;
    /* What nobody has approved has been told to do nothing that there could be a report of. */
    if (!is_known_node(v, e, c) || !step_admitted(v, c, true))
        return;
    c->seen = true;
    step_answer(c, PROTOCOL_OK, POLL_WAITING, "noted");
    if (str_eq(r->step, PROTOCOL_STEP_KUBELET)) {
        step_report_kubelet(v, e, c);
        return;
    }
    if (r->failure) {
        report_failure(v, r, c);
        return;
    }
    if (str_eq(r->step, PROTOCOL_STEP_INSTALLED)) {
        report_installed(v, r, c);
        return;
    }
    if (str_eq(r->step, PROTOCOL_STEP_RELEASED)) {
        step_report_released(v, r, c);
        return;
    }
    if (str_eq(r->step, PROTOCOL_STEP_RUNNING)) {
        running(v, c, "the installed system reported in");
        return;
    }
    c->progress = true;
    const struct machine_progress *before = &v->machine->status.progress;
    bool news = !str_eq(r->step, before->step) ||
                (tells_by_message(r->step) && r->message && !str_eq(r->message, before->message));
    if (news)
        step_note(c, false, "Step", "%s%s%s", r->step, r->message ? ": " : "",
                  r->message ? r->message : "");
}

/* ---- specification and time ---- */

static void spec_changed(const struct machine_view *v, struct machine_change *c)
{
    const struct machine *m = v->machine;
    bool changed = m->status.observed_generation != m->meta.generation;
    c->observe = changed;
    if (!step_admitted(v, c, false) || step_release_changed(v, c, changed))
        return;
    bool restart = m->status.phase == MACHINE_PHASE_UNSET || m->status.phase == MACHINE_REJECTED ||
                   m->status.phase == MACHINE_DISCOVERED ||
                   (changed && m->status.phase == MACHINE_FAILED);
    if (!restart)
        return;
    if (m->status.phase == MACHINE_FAILED) {
        c->clear_failure = true;
        c->attempts = 0;
    }
    if (m->status.installed_generation > 0 && !step_wants_install(v))
        step_enter(c, v, MACHINE_INSTALLED, "Approved", "approved; its system is installed");
    else
        step_enter(c, v, MACHINE_AVAILABLE, "Approved", "approved");
}

static void tick(const struct machine_view *v, const struct machine_event *e,
                 struct machine_change *c)
{
    const struct machine *m = v->machine;
    int64_t silent = m->status.last_seen ? e->now_ms - m->status.last_seen : 0;
    if (m->status.phase == MACHINE_PROVISIONING && silent > v->provisioning_deadline_ms)
        fail(c, v, m->status.progress.step ? m->status.progress.step : "start", "Silent",
             "stage2 said nothing more; its console and the timeline tell what came last");
    else if (m->status.phase == MACHINE_RELEASING &&
             m->status.wiping_generation > m->status.released_generation &&
             silent > v->provisioning_deadline_ms)
        fail(c, v, PROTOCOL_STEP_WIPING, "Silent",
             "stage2 said nothing more while it wiped the disks; it goes on when it starts again");
    else if (m->status.phase == MACHINE_INSTALLED && silent > v->first_boot_deadline_ms)
        fail(c, v, PROTOCOL_STEP_FIRST_BOOT, "FirstBootSilent",
             "the installed system did not report in; see its console");
    else if (m->status.phase == MACHINE_JOINING && m->status.join.state != JOIN_DONE &&
             silent > v->first_boot_deadline_ms)
        fail(c, v, PROTOCOL_STEP_JOINING, "JoinSilent",
             "it said nothing more while it joined its Cluster; see its console, and whether it "
             "has power");
    else
        step_node_overdue(v, e->now_ms, c);
}

/*
 * The clock was set back: a task that begins or ends in time to come would be waited for until
 * then.
 */
static void repair_times(const struct machine_view *v, const struct machine_event *e,
                         struct machine_change *c)
{
    const struct machine_join *join = &v->machine->status.join;
    bool wrong = join->started_at > e->now_ms || join->ended_at > e->now_ms;
    c->join_times = join->task && wrong && !c->task && !c->clear_join;
}

/* A sign of life alone is not worth a write each time. */
static void drop_idle_sign(const struct machine_view *v, const struct machine_event *e,
                           struct machine_change *c)
{
    int64_t age = e->now_ms - v->machine->status.last_seen;
    if (c->phase == MACHINE_PHASE_UNSET && c->n_notes == 0 && age >= 0 && age < SEEN_MS)
        c->seen = false;
}

void machine_step(const struct machine_view *view, const struct machine_event *event,
                  struct machine_change *ret_change)
{
    *ret_change = (struct machine_change){.installed_generation = -1,
                                          .attempts = -1,
                                          .wiping_generation = -1,
                                          .released_generation = -1};
    ret_change->action = PROTOCOL_WAIT;
    ret_change->poll_seconds = POLL_WAITING;
    switch (event->type) {
    case MACHINE_EVENT_SPEC:
        spec_changed(view, ret_change);
        break;
    case MACHINE_EVENT_HELLO:
        if (event->hello->program == PROTOCOL_AGENT)
            hello_agent(view, event, ret_change);
        else
            hello_node(view, event, ret_change);
        break;
    case MACHINE_EVENT_REPORT:
        report(view, event, ret_change);
        break;
    case MACHINE_EVENT_PHONE_HOME:
        phone_home(view, event, ret_change);
        break;
    case MACHINE_EVENT_TICK:
        tick(view, event, ret_change);
        break;
    case MACHINE_EVENT_TASK:
        task_given(view, event, ret_change);
        break;
    case MACHINE_EVENT_NODE:
        step_node_seen(view, event, ret_change);
        break;
    case MACHINE_EVENT_LEFT:
        left(view, event, ret_change);
        break;
    case MACHINE_EVENT_WAITS:
        step_waits(view, event, ret_change);
        break;
    }
    repair_times(view, event, ret_change);
    drop_idle_sign(view, event, ret_change);
}
