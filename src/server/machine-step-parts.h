/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What machine-step.c, machine-release.c and machine-node.c share: the parts of one decision.
 * Nobody else includes this.
 */
#pragma once

#include "server/machine-step.h"

/* Seconds until the machine asks again. */
enum { POLL_SOON = 2, POLL_WAITING = 5, POLL_FAILED = 10, POLL_REJECTED = 60 };

enum {
    CANDIDATE_OTHER_MS = 10 * 1000, /* how long a candidate keeps its place */
    CANDIDATE_SAME_MS = 60 * 1000,  /* how exact its time is */
};

/* ---- machine-step.c ---- */

void step_note(struct machine_change *c, bool warning, const char *reason, const char *format, ...)
    _printf_(4, 5);
void step_condition(struct machine_change *c, const char *type, enum condition_status status,
                    const char *reason, const char *message);
/* What HELLO and REPORT are answered. */
void step_answer(struct machine_change *c, enum protocol_action action, uint32_t poll,
                 const char *format, ...) _printf_(4, 5);
/* Notes a phase change once; repetitions are silent. */
void step_enter(struct machine_change *c, const struct machine_view *v, enum machine_phase phase,
                const char *reason, const char *message);

bool step_key_is(const char *known, const struct trust_public *key);
bool step_wants_install(const struct machine_view *v);
/*
 * Decides what holds before any installation; true when it may go on to one. `here`: the machine
 * itself has just spoken, so that it is Discovered now.
 */
bool step_admitted(const struct machine_view *v, struct machine_change *c, bool here);
/* Whether it has to leave its Cluster first; shows and answers that then. */
bool step_is_held(const struct machine_view *v, struct machine_change *c);
/* The condition Leaving, if it is true, is so no more. */
void step_stays(const struct machine_view *v, struct machine_change *c, const char *reason,
                const char *message);
/* What keeps an installation from beginning; answers then. */
bool step_must_wait(const struct machine_view *v, struct machine_change *c);
/* Counts a start of stage2 that begins; true when there were too many of them. */
bool step_is_exhausted(const struct machine_view *v, struct machine_change *c, const char *command);
/* The installed system will not be there any more. */
void step_leave_old_life(const struct machine_view *v, struct machine_change *c);
/* Only while an installation is due do other keys matter. */
void step_forget_candidate(const struct machine_view *v, struct machine_change *c);

/* ---- machine-release.c ---- */

/* stage2 of a machine whose release is open, and of one that was released. */
void step_hello_release(const struct machine_view *v, struct machine_change *c, bool new_boot);
void step_hello_released(const struct machine_view *v, const struct machine_event *e,
                         struct machine_change *c);
/*
 * Whether the installed system has to make way for stage2, and what it hears then. `installed`:
 * what the disk holds, as far as is known now.
 */
bool step_is_leaving(const struct machine_view *v, int64_t installed);
void step_hello_leaving(const struct machine_view *v, const struct machine_event *e,
                        struct machine_change *c);
/* stage2 says that the disks are wiped. */
void step_report_released(const struct machine_view *v, const struct protocol_report *r,
                          struct machine_change *c);
/* What a release makes of the phase; false when there is none. changed: the specification is new.
 */
bool step_release_changed(const struct machine_view *v, struct machine_change *c, bool changed);

/* ---- machine-node.c ---- */

/* What the Cluster says of its Node. */
void step_node_seen(const struct machine_view *v, const struct machine_event *e,
                    struct machine_change *c);
/* Whether it is a member whose Node is not Ready, as far as is known. */
bool step_node_is_missing(const struct machine_view *v);
/* Whether that lasts too long, and the machine has not told why: then it is asked. */
bool step_wants_log(const struct machine_view *v, int64_t now);
/* It answers. */
void step_report_kubelet(const struct machine_view *v, const struct machine_event *e,
                         struct machine_change *c);
/* It did not answer: what is known is told without it. */
void step_node_overdue(const struct machine_view *v, int64_t now, struct machine_change *c);
/* Why it may not join yet. */
void step_waits(const struct machine_view *v, const struct machine_event *e,
                struct machine_change *c);
