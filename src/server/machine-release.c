/* SPDX-License-Identifier: Apache-2.0 */
/* How a running system makes way for stage2, and how a machine is given back. */
#include <inttypes.h>

#include "base/str.h"
#include "server/machine-step-parts.h"

/* Until a machine that came back without booting from the network is told to restart again. */
enum { RESTART_AGAIN_MS = 10 * 60 * 1000 };

/* ---- stage2 of a machine that is given back ---- */

void step_hello_release(const struct machine_view *v, struct machine_change *c, bool new_boot)
{
    const struct machine *m = v->machine;
    int64_t generation = machine_release_generation(m);
    bool silent = str_eq(m->status.failure.reason, "Silent");
    if (m->status.phase == MACHINE_FAILED && !silent) {
        step_answer(c, PROTOCOL_WAIT, POLL_FAILED,
                    "wiping failed (%s: %s); mend the cause, then: slipway release %s",
                    m->status.failure.reason ? m->status.failure.reason : "unknown",
                    m->status.failure.message ? m->status.failure.message : "", m->meta.name);
        return;
    }
    if (step_is_held(v, c))
        return;
    if (new_boot) {
        if (step_is_exhausted(v, c, "release"))
            return;
        step_note(c, false, "WipeStarted",
                  "wiping its disks, release generation %" PRId64 ", attempt %" PRId64, generation,
                  c->attempts);
    }
    if (generation != m->status.wiping_generation)
        c->wiping_generation = generation;
    c->clear_failure = silent;
    step_leave_old_life(v, c);
    step_enter(c, v, MACHINE_RELEASING, "Releasing", "stage2 wipes its disks");
    step_answer(c, PROTOCOL_WIPE, POLL_WAITING, "wiping the disks of this machine");
}

/* It has no key that counts: which one asks is shown, for approving it. */
void step_hello_released(const struct machine_view *v, const struct machine_event *e,
                         struct machine_change *c)
{
    const struct machine_candidate *known = &v->machine->status.candidate;
    bool same = step_key_is(known->public_key, e->key);
    int64_t age = e->now_ms - known->seen;
    c->seen = true;
    if (!step_admitted(v, c, true))
        return;
    c->n_conditions = 0; /* nothing is to be said of the approval of a key that is gone */
    step_answer(c, PROTOCOL_WAIT, POLL_WAITING, "released: slipway reinstall %s to use it again",
                v->machine->meta.name);
    c->candidate =
        !known->public_key || age < 0 || age >= (same ? CANDIDATE_SAME_MS : CANDIDATE_OTHER_MS);
}

/* ---- leaving the installed system for stage2 ---- */

static void restart(const struct machine_view *v, const struct machine_event *e,
                    struct machine_change *c)
{
    int64_t age = e->now_ms - v->machine->status.restarted_at;
    bool told = v->machine->status.restarted_at != 0;
    if (told && age >= 0 && age < RESTART_AGAIN_MS) {
        const char *text = "waits for the machine to boot from the network";
        step_condition(c, "Booted", CONDITION_FALSE, "WaitsForNetworkBoot", text);
        step_answer(c, PROTOCOL_WAIT, POLL_FAILED, "%s", text);
        return;
    }
    c->restart = true;
    c->clear_join = v->machine->status.join.task != NULL;
    if (told)
        step_note(
            c, true, "NoNetworkBoot",
            "it came back without booting from the network, and restarts again: its firmware has "
            "to try the network first");
    else
        step_note(c, false, "Restarting", "its system ends, for stage2 to %s",
                  machine_release_is_open(v->machine) ? "wipe its disks" : "install it");
    step_answer(c, PROTOCOL_REBOOT, POLL_FAILED, "restart and boot from the network");
}

/*
 * What the installed system of a machine hears that is to be released or installed anew; no task of
 * its Cluster, in any case. It is restarted when nothing holds it any more.
 */
void step_hello_leaving(const struct machine_view *v, const struct machine_event *e,
                        struct machine_change *c)
{
    bool release = machine_release_is_open(v->machine);
    c->seen = true;
    step_forget_candidate(v, c);
    if (release ? step_is_held(v, c) : step_must_wait(v, c))
        return;
    if (!release && v->effective->install_when == INSTALL_NEXT_BOOT)
        step_answer(c, PROTOCOL_WAIT, POLL_REJECTED, "will be installed at its next network boot");
    else
        restart(v, e, c);
}

/* `installed`: what the disk holds, as far as is known now. */
bool step_is_leaving(const struct machine_view *v, int64_t installed)
{
    return machine_release_is_open(v->machine) ||
           (!str_empty(v->effective->image) && v->effective->install_generation > installed);
}

/* Only the wiping that was begun by order counts. */
void step_report_released(const struct machine_view *v, const struct protocol_report *r,
                          struct machine_change *c)
{
    int64_t wiping = v->machine->status.wiping_generation;
    const char *message = r->message ? r->message : "its disks are wiped";
    if ((int64_t)r->install_generation != wiping ||
        wiping <= v->machine->status.released_generation)
        return;
    c->released_generation = machine_release_generation(v->machine);
    step_enter(c, v, MACHINE_RELEASED, "Released", message);
    step_condition(c, "Imaged", CONDITION_FALSE, "Released", message);
    step_condition(c, "Booted", CONDITION_FALSE, "Released", message);
    step_condition(c, "Joined", CONDITION_FALSE, "Released", message);
    step_condition(c, "Healthy", CONDITION_UNKNOWN, "Released", message);
}

/* The release that was begun is not wanted any more, and nothing is lost yet. */
static void release_undone(const struct machine_view *v, struct machine_change *c)
{
    const char *message = "its release was undone";
    c->attempts = 0;
    if (v->machine->status.installed_generation > 0 && !step_wants_install(v))
        step_enter(c, v, MACHINE_RUNNING, "ReleaseUndone", message);
    else
        step_enter(c, v, MACHINE_AVAILABLE, "ReleaseUndone", message);
}

/* What a release makes of the phase; false when there is none. */
bool step_release_changed(const struct machine_view *v, struct machine_change *c, bool changed)
{
    const struct machine *m = v->machine;
    enum machine_phase phase = m->status.phase;
    if (machine_release_is_open(m)) {
        if (phase == MACHINE_RELEASING || (phase == MACHINE_FAILED && !changed))
            return true;
        c->clear_failure = true;
        c->clear_progress = true;
        c->attempts = 0;
        step_enter(c, v, MACHINE_RELEASING, "Releasing",
                   m->status.join.task ? "it leaves its Cluster, then its disks are wiped"
                                       : "its disks are wiped as soon as it is in stage2");
        return true;
    }
    if (machine_is_released(m)) {
        step_enter(c, v, MACHINE_RELEASED, "Released", "its disks are wiped");
        return true;
    }
    if (phase == MACHINE_RELEASING) {
        release_undone(v, c);
        return true;
    }
    if (phase == MACHINE_RELEASED) {
        c->attempts = 0;
        step_enter(c, v, MACHINE_AVAILABLE, "UsedAgain", "is to be installed again");
        return true;
    }
    return false;
}
