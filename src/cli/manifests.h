/* SPDX-License-Identifier: Apache-2.0 */
/* The resources that -f names: files, folders of *.yaml, *.yml and *.json, "-" for standard input.
 */
#pragma once

#include "cli/command.h"
#include "resource/read.h"

/* One resource with where it came from. */
struct manifest {
    const struct kind *kind;
    json_t *json; /* owned */
    char *place;  /* "FILE:LINE", owned */
};

struct manifests {
    struct manifest *items;
    size_t count;
};

void manifests_clear(struct manifests *manifests);

/*
 * Reads everything that the option -f ("filename") names, in order, and checks it. All problems of
 * all files are added to problems: -EINVAL. Other failures (a file is not there) are in err.
 */
int manifests_read(const struct args *args, struct manifests *ret, struct problems *problems,
                   struct err *err) _must_check_;
