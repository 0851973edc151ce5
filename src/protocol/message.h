/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stage2 (slipway-agent), the installed system (slipway-node) and the server say to each
 * other: typed values and their JSON. Each message travels in a signed envelope (trust/envelope.h)
 * that protocol/session.h makes and protocol/guard.h checks. Parsing refuses what is malformed or
 * too large; unknown fields are ignored, so that an older side understands a newer one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "trust/key.h"

#define PROTOCOL_PATH_HELLO "/v1/hello"
#define PROTOCOL_PATH_REPORT "/v1/report"

enum {
    PROTOCOL_MACS_MAX = 64,
    PROTOCOL_TEXT_MAX = 4096, /* longest name, reason or message */
    PROTOCOL_BODY_MAX = 1 << 20,
};

enum protocol_program { PROTOCOL_AGENT, PROTOCOL_NODE };

/* "Here I am, this is what I have": machine to server. */
struct protocol_hello {
    enum protocol_program program;
    char *name; /* Machine name as the sender knows it, or NULL */
    struct mac macs[PROTOCOL_MACS_MAX];
    size_t mac_count;
    char *uuid;        /* SMBIOS system UUID in lower case, or NULL */
    char *serial;      /* or NULL */
    json_t *inventory; /* as Machine.status.inventory, or NULL */
    json_t *addresses; /* array of strings "10.0.0.5/24", or NULL */
    json_t *system;    /* {bootID}, of a node also kernel, osImage, hostKeys[], and once it had a
                          task "cluster" (struct protocol_task_state of task.h); or NULL */
    uint64_t install_generation; /* node: which installation this is; 0 in stage2 */
};
void protocol_hello_free(struct protocol_hello *hello);
json_t *protocol_hello_to_json(const struct protocol_hello *hello);
int protocol_hello_parse(json_t *body, struct protocol_hello *ret, struct err *err) _must_check_;

/* "This is what I am doing": machine to server. */
struct protocol_report {
    enum protocol_program program;
    char *step;                       /* for example "imaging"; never NULL */
    char *message;                    /* or NULL */
    char *failure;                    /* CamelCase reason when the step failed, else NULL */
    bool final;                       /* with failure: the retry budget is used up */
    uint64_t bytes_done, bytes_total; /* 0, 0 when the step has no size */
    uint64_t install_generation;      /* the plan being carried out, or 0 */
};
void protocol_report_free(struct protocol_report *report);
json_t *protocol_report_to_json(const struct protocol_report *report);
int protocol_report_parse(json_t *body, struct protocol_report *ret, struct err *err) _must_check_;

/* The steps that agents report, in the order in which an installation passes them. */
#define PROTOCOL_STEP_DISK "disk"
#define PROTOCOL_STEP_IMAGING "imaging"
#define PROTOCOL_STEP_SEED "seed"
#define PROTOCOL_STEP_INSTALLED                                                                    \
    "installed"                         /* everything is on the disk; the next start is local      \
                                         */
#define PROTOCOL_STEP_BOOTING "booting" /* kexec or reboot follows */
#define PROTOCOL_STEP_FIRST_BOOT "firstBoot"
#define PROTOCOL_STEP_RUNNING "running"
#define PROTOCOL_STEP_RESTARTING "restarting" /* the installed system ends, to be stage2's */
/* The wipe plan is carried out: each disk's end is a message; released: all disks are done. */
#define PROTOCOL_STEP_WIPING "wiping"
#define PROTOCOL_STEP_RELEASED "released"
/* A task is under way: the message is its phase, the failure one of task.h. */
#define PROTOCOL_STEP_JOINING "joining"
/* Asked for by an answer's kubelet_log: the failure is what kubelet's log tells, one of task.h; the
 * message has its last lines. */
#define PROTOCOL_STEP_KUBELET "kubelet"

/* Which disk to write: every rule that is set must hold, and exactly one disk must match. */
struct protocol_disk_rule {
    char *serial, *wwn, *path, *model, *type; /* NULL: any */
    uint64_t min_size, max_size;              /* bytes; 0: any */
    int rotational;                           /* -1: any */
    bool allow_overwrite;                     /* also a disk whose contents Slipway did not write */
};

struct protocol_plan {
    char *image;
    char *manifest_path; /* on the server, "/images/NAME.json" */
    uint8_t manifest_digest[TRUST_DIGEST_SIZE];
    char *data_path;
    uint64_t install_generation; /* above 0 */
    struct protocol_disk_rule disk;
    char *kernel_arguments; /* appended to the image's command line, or NULL */
    char *sealed_seed;      /* sealed to the machine's key: JSON of provision/seed.h */
    bool reboot;            /* true: never kexec */
};

enum protocol_wipe_method {
    PROTOCOL_WIPE_AUTO, /* for each disk the quickest that reads back as zeros */
    PROTOCOL_WIPE_SECURE_ERASE,
    PROTOCOL_WIPE_DISCARD,
    PROTOCOL_WIPE_ZERO,
    PROTOCOL_WIPE_NONE, /* remove the machine's identity only */
};

/* What is to become of the disks of a machine that is released. */
struct protocol_wipe {
    uint64_t generation; /* of the release; above 0 */
    enum protocol_wipe_method method;
    bool root_only;                 /* only the disk that `root` chooses, else all */
    struct protocol_disk_rule root; /* with root_only */
    bool power_off;                 /* in the end; else go on waiting in stage2 */
};

enum protocol_action {
    PROTOCOL_RESYNC,  /* repeat with the answer's epoch and sequence */
    PROTOCOL_OK,      /* taken note of */
    PROTOCOL_WAIT,    /* ask again in poll_seconds; reason says what for */
    PROTOCOL_INSTALL, /* carry out the plan */
    PROTOCOL_BOOT,    /* start what is on the disk */
    PROTOCOL_REJECT,  /* an administrator rejected this machine: show it and ask again later */
    PROTOCOL_TASK,    /* carry out sealed_task, once: for an installed machine */
    PROTOCOL_REBOOT,  /* for an installed machine: restart, to boot from the network */
    PROTOCOL_WIPE,    /* carry out the wipe plan */
};

/* The server's answer to either. */
struct protocol_answer {
    enum protocol_action action;
    char *machine;         /* the Machine's name, or NULL */
    char *reason;          /* for people, or NULL */
    uint32_t poll_seconds; /* before the next hello */
    uint64_t time_ms;      /* the server's wall clock as it answered; 0: not told */
    bool has_plan;
    struct protocol_plan plan;
    bool has_wipe;
    struct protocol_wipe wipe;
    char *sealed_task; /* PROTOCOL_TASK: protocol_task_seal()'s text; else NULL */
    bool kubelet_log;  /* for an installed machine: report PROTOCOL_STEP_KUBELET */
};
void protocol_answer_free(struct protocol_answer *answer);
json_t *protocol_answer_to_json(const struct protocol_answer *answer);
int protocol_answer_parse(json_t *body, struct protocol_answer *ret, struct err *err) _must_check_;
