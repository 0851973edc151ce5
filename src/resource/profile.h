/* SPDX-License-Identifier: Apache-2.0 */
/* Profile: settings that many Machines share, with a quantity and selectors. */
#pragma once

#include "resource/machine.h"

/* Which Machines without a profile of their own this Profile takes; every given rule must hold. */
struct profile_selector {
    const struct pair *match_labels;
    size_t n_match_labels;
    const char *manufacturer;
    const char *product;
    uint64_t min_memory; /* bytes */
    uint64_t min_disk;   /* bytes: at least one disk is this large */
    int64_t min_cpus;
};
extern const struct field profile_selector_fields[];

struct profile_spec {
    struct machine_spec machine; /* only what Machines and Profiles share is set; first member */
    enum tristate auto_approve;
    int64_t quantity; /* at most this many selected Machines; -1: any number */
    struct profile_selector selector;
};

struct profile_status {
    int64_t observed_generation;
    const struct condition *conditions;
    size_t n_conditions;
    int64_t matched; /* Machines that have this Profile */
};

struct profile {
    struct meta meta;
    struct profile_spec spec;
    struct profile_status status;
};

extern const struct field profile_spec_fields[];
extern const struct field profile_status_fields[];

int profile_decode(const json_t *json, struct profile **ret, struct err *err) _must_check_;
void profile_free(struct profile *profile);
DEFINE_CLEANUP(struct profile *, profile_free)

/*
 * True when the selector has at least one rule and the machine fulfils all of them. Text compares
 * without regard to case; labels exactly.
 */
bool profile_selects(const struct profile *profile, const struct machine *machine);
