/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of machine_step(): a Machine whose JSON lives on from step to step, as in the store. */
#pragma once

#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "server/machine-step.h"

struct fixture {
    json_t *object;
    struct trust_key key;
    struct clock_fake clock;
    bool image_ready;
    const char *hold;    /* what keeps it from being written; NULL: nothing */
    const char *boot_id; /* of the stage2 that speaks; NULL: it says none */
    struct machine_change change;
};

void fixture_init(struct fixture *f, const char *spec);
void fixture_free(struct fixture *f);
void step(struct fixture *f, struct machine_event event);
void hello(struct fixture *f, enum protocol_program program, uint64_t generation);
void report(struct fixture *f, const char *name, const char *failure, bool final);
void tick(struct fixture *f, int64_t ms);

#define APPROVED "{\"approved\": true, \"image\": \"debian\", \"installGeneration\": 1}"

#define assert_phase(f, text) assert_string_equal(object_text((f)->object, "status.phase"), text)
