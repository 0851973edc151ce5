/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a Machine as one pure decision: from what is known of it and what just happened to
 * what shall be written to its status, told to people, and answered. Server, tests and simulation
 * call the same function; time and randomness come in as values.
 */
#pragma once

#include "protocol/message.h"
#include "resource/machine.h"

enum machine_event_type {
    MACHINE_EVENT_SPEC,       /* its specification, Profile or Image changed */
    MACHINE_EVENT_HELLO,      /* stage2 or the installed system said hello */
    MACHINE_EVENT_REPORT,     /* either reported what it is doing */
    MACHINE_EVENT_PHONE_HOME, /* cloud-init of an imported image posted its one-time token */
    MACHINE_EVENT_TICK,       /* time passed */
    MACHINE_EVENT_TASK,       /* it is about to be given a task of its Cluster */
    MACHINE_EVENT_NODE,       /* its Node was seen, or is gone */
    MACHINE_EVENT_LEFT,       /* it is a member of its Cluster no more */
    MACHINE_EVENT_WAITS,      /* it was told to wait before it may join its Cluster */
};

struct machine_event {
    enum machine_event_type type;
    int64_t now_ms;                       /* wall */
    const struct trust_public *key;       /* HELLO, REPORT: who signed; TASK: who gets it */
    const struct protocol_hello *hello;   /* HELLO */
    const struct protocol_report *report; /* REPORT */
    uint64_t generation;                  /* PHONE_HOME: which installation calls */
    const char *task;                     /* TASK: its identifier */
    const char *cluster;                  /* TASK: that it is a task of */
    enum machine_role role;               /* TASK: what it makes of the machine */
    const char *token_id;                 /* TASK: of its bootstrap token, or NULL */
    int64_t token_expires_ms;             /* TASK: wall */
    const char *reason;                   /* NODE: CamelCase */
    const char *message;                  /* TASK, NODE, LEFT, WAITS: for people */
    bool node_ready;                      /* NODE */
    bool node_unknown;                    /* NODE: nobody can tell */
};

enum { MACHINE_NOTES_MAX = 4, MACHINE_CONDITIONS_MAX = 6, MACHINE_NOTE_SIZE = 512 };

/* What the decision rests on. */
struct machine_view {
    const struct machine *machine;
    const struct machine_spec *effective; /* with its Profile */
    bool image_ready;                 /* the Image it shall get is there and verified readable */
    const char *image_problem;        /* why not, for people */
    char hold[MACHINE_NOTE_SIZE];     /* what comes before its disks may be written; "": nothing */
    int64_t provisioning_deadline_ms; /* without a word from stage2 while installing */
    int64_t first_boot_deadline_ms;   /* from installed to the first word of the installed system */
    int64_t node_deadline_ms;         /* from the end of a join until its Node is Ready */
    int64_t attempts_max;             /* installations begun for one generation */
};

/* For the event list and the timeline. */
struct machine_note {
    bool warning;
    const char *reason; /* CamelCase constant */
    char message[MACHINE_NOTE_SIZE];
};

struct machine_condition {
    const char *type;
    enum condition_status status;
    const char *reason;
    char message[MACHINE_NOTE_SIZE];
};

/* What to write: fields that are unset stay as they are. */
struct machine_change {
    enum machine_phase phase; /* UNSET: keep */
    bool identity;            /* take the event's key */
    bool candidate;           /* note the event's key as one that asks but is not approved */
    bool clear_candidate;
    bool boot_id;   /* take the hello's boot ID */
    bool inventory; /* take the hello's inventory */
    bool addresses; /* take the hello's addresses */
    bool progress;  /* take the report's progress */
    bool clear_progress, clear_failure;
    bool seen;                    /* lastSeen = now */
    bool observe;                 /* observedGeneration = metadata.generation */
    int64_t installed_generation; /* -1: keep */
    bool installing_image;        /* status.installingImage = the effective Image */
    bool installed_image;         /* status.installedImage = that one */
    int64_t attempts;             /* -1: keep */
    bool join;                    /* take the hello's task state */
    bool join_lost;               /* the task that was given did not arrive */
    bool join_times;              /* its task's times are not in the future */
    bool task;                    /* note the event's task as given */
    bool clear_join;              /* it is a member no more: its disk is written anew */
    int64_t wiping_generation;    /* -1: keep; of the release whose wiping begins */
    int64_t released_generation;  /* -1: keep; else all that it was is forgotten */
    bool restart;                 /* restartedAt = now */
    bool clear_restart;           /* what it was restarted for has begun */
    bool failure;                 /* take failure_* */
    const char *failure_reason;
    char failure_step[64];
    char failure_message[MACHINE_NOTE_SIZE];
    bool failure_said; /* the report's message instead of that one */
    struct machine_condition conditions[MACHINE_CONDITIONS_MAX];
    size_t n_conditions;
    struct machine_note notes[MACHINE_NOTES_MAX];
    size_t n_notes;

    /* The answer to HELLO and REPORT. */
    enum protocol_action action;
    char reason[MACHINE_NOTE_SIZE];
    uint32_t poll_seconds;
    bool kubelet_log; /* HELLO: the machine shall hand over the end of kubelet's log */
};

void machine_step(const struct machine_view *view, const struct machine_event *event,
                  struct machine_change *ret_change);

/*
 * Whether it is Failed because it did not become a member of its Cluster. Its system runs, and it
 * is given its task again, as often as that takes.
 */
bool machine_join_failed(const struct machine *machine);

/*
 * Whether the Machine has that condition already, in the same words: that a duration in them has
 * grown is not worth a write.
 */
bool machine_shows(const struct machine *machine, const char *type, enum condition_status status,
                   const char *reason, const char *message);

/* Whether that key speaks for the machine, which nobody has rejected. */
bool machine_is_spoken_for(const struct machine *machine, const struct machine_spec *effective,
                           const struct trust_public *key);

/* True when applying the change would write something worth a new version. */
bool machine_change_writes(const struct machine_change *change);

/* Writes the change into the Machine's JSON. 0, -EINVAL or -ENOMEM. */
int machine_change_apply(const struct machine_change *change, const struct machine_view *view,
                         const struct machine_event *event, json_t *object) _must_check_;
