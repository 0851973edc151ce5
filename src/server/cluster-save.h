/* SPDX-License-Identifier: Apache-2.0 */
/* What cluster-save.c and cluster-chunks.c share: a save that is under way. */
#pragma once

#include "server/cluster-entry.h"

struct cluster_save {
    char *machine;
    char *id;
    int64_t generation; /* of the installation that it comes before */
    uint64_t next;      /* chunks that are kept */
    uint64_t bytes;
    bool writing;  /* the next one is on its way to the disk */
    bool recorded; /* status.saved says that all of it is here */
};
