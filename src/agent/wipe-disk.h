/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making one disk zero and seeing that it is. The first page is wiped last, so that what is there
 * (the machine's key, for going on after a power cut) lasts as long as anything else does.
 */
#pragma once

#include <stdatomic.h>

#include "agent/wipe-plan.h"
#include "base/random.h"

enum {
    WIPE_HEAD_SIZE = 4096,        /* bytes that are wiped last */
    WIPE_END_SIZE = 16 << 20,     /* bytes at either end that are read back whole */
    WIPE_SAMPLE_EVERY = 64 << 20, /* between them one block of WIPE_SAMPLE_SIZE in each of these */
    WIPE_SAMPLE_SIZE = 64 << 10,
};

struct wipe_target {
    int fd; /* for direct I/O */
    const struct disk *disk;
    /*
     * Lets the device erase a range, or all of itself (offset 0, the disk's size) where the way is
     * for the whole. 0, -EOPNOTSUPP when it does not do that, or another negative errno. Injected.
     */
    int (*erase)(void *data, enum wipe_way way, uint64_t offset, uint64_t len);
    void *data;
    const uint8_t *head; /* WIPE_HEAD_SIZE bytes that the start holds until the end; NULL: none */
    struct rng *rng;     /* where samples are taken */
    atomic_uint_fast64_t *done; /* bytes of the disk that are finished; for progress */
};

/*
 * Tries the ways in turn. 0 with a text for people in report ("discard, verified"; why a way was
 * left goes in there as well). -EIO and others when the disk fails; -EOPNOTSUPP when secure erase
 * was asked for and no way of that kind is there; -EBADMSG when it never read back as zeros.
 * `report` is filled in either case.
 */
int wipe_disk(const struct wipe_target *target, const enum wipe_way *ways, size_t count,
              bool must_be_secure, char *report, size_t size) _must_check_;

/* Whether the ends and samples from `start` on are zero. 1, 0, or a negative errno. */
int wipe_verify(const struct wipe_target *target, uint64_t start) _must_check_;
