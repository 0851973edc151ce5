/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one machine should boot now: a pure decision from what the server knows of it. The guard
 * against reinstall loops is here: an installation happens only while the wanted generation is
 * above the installed one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum boot_action {
    BOOT_NOTHING, /* do not answer: this machine is none of our business, or was rejected */
    BOOT_STAGE2,  /* boot slipway-agent, to be inventoried or installed */
    BOOT_LOCAL,   /* boot what is on its own disk */
};

/* The facts that decide. */
struct boot_facts {
    bool known;                    /* exactly one Machine matches the client */
    bool serve_unknown;            /* its Network serves unknown clients */
    bool rejected;                 /* spec.approved is false */
    bool has_image;                /* an Image is assigned, directly or by its Profile */
    bool releasing;                /* being released */
    bool released;                 /* and not asked for since */
    bool member;                   /* it has to leave its Cluster before its disks may be written */
    uint64_t install_generation;   /* wanted */
    uint64_t installed_generation; /* what its disk holds; 0: nothing of ours */
};

struct boot_plan {
    enum boot_action action;
    const char *reason; /* for people: log, timeline and the machine's screen. A constant. */
};

struct boot_plan boot_plan(const struct boot_facts *facts);

/* For a machine that is not known: the plan of those facts alone. */
struct boot_plan boot_plan_unknown(bool serve_unknown);
