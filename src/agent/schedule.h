/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns a manifest into jobs for the imaging threads, in the order of the disk. Neighbouring small
 * frames become one range request, runs of zero chunks one request to the device. Pure: threads ask
 * for the next job under a lock of their own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/manifest.h"

enum {
    SCHEDULE_FETCH_MAX = 2 << 20,  /* bytes asked for at once, unless one frame is larger */
    SCHEDULE_GAP_MAX = 16 << 10,   /* bytes of zero frames that are fetched in passing */
    SCHEDULE_ZERO_MAX = 256 << 20, /* bytes zeroed at once, so that progress is seen */
    SCHEDULE_JOB_CHUNKS_MAX = 64,
};

enum job_kind { JOB_FETCH, JOB_ZERO };

struct job {
    enum job_kind kind;
    size_t first, count;     /* chunks; of JOB_FETCH some in the middle may be zero chunks */
    uint64_t offset, length; /* JOB_FETCH: of the frames in the data file */
};

struct schedule {
    const struct image_manifest *manifest; /* borrowed */
    size_t next;                           /* chunk */
    size_t end;
};

/*
 * All chunks but the first, which holds the partition table: it is written last, so that a disk
 * whose installation was interrupted is never taken for a whole one.
 */
static inline void schedule_init(struct schedule *s, const struct image_manifest *manifest)
{
    *s = (struct schedule){.manifest = manifest, .next = 1, .end = manifest->chunk_count};
}

/* Only the first chunk. */
static inline void schedule_init_first(struct schedule *s, const struct image_manifest *manifest)
{
    *s = (struct schedule){.manifest = manifest, .next = 0, .end = 1};
}

/* The next job; false when all were handed out. */
bool schedule_next(struct schedule *s, struct job *ret);

/*
 * Whether it is still worth reading the disk to see what it holds already. After so many misses in
 * a row the disk holds nothing more of use (chunks are written in order).
 */
enum { REUSE_MISSES_MAX = 48 };
struct reuse {
    bool on;
    uint32_t misses;
};
static inline bool reuse_worthwhile(const struct reuse *r)
{
    return r->on && r->misses < REUSE_MISSES_MAX;
}
static inline void reuse_note(struct reuse *r, bool hit)
{
    r->misses = hit ? 0 : r->misses + 1;
}
