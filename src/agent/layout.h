/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a written image to a disk of this machine: the partition table stretched to the disk's end,
 * the seed partition filled (or added, for images that have none), and the commit that makes the
 * disk whole.
 */
#pragma once

#include "image/efi-option.h"
#include "agent/imaging.h"
#include "base/random.h"
#include "provision/seed.h"

struct layout {
    uint64_t seed_offset, seed_size; /* bytes; size 0: no seed was written */
    unsigned seed_partition;         /* numbers from 1 */
    bool has_esp;
    struct efi_target esp; /* description and loader unset */
};

/*
 * Finishes the disk that imaging_write() wrote. 0, or a negative errno with imaging->reason and err
 * set. `rng` gives the identity of an added partition.
 */
int layout_finish(struct imaging *imaging, const struct seed *seed, struct rng *rng,
                  struct layout *ret, struct err *err) _must_check_;

/* Where an image of `sectors` sectors finds or gets its seed: a decision over the first chunk.
 * Pure. */
struct layout_plan {
    bool is_gpt;
    uint8_t tail[36 << 10]; /* GPT: for the disk's end */
    size_t tail_size;
    struct layout layout;
};
enum { LAYOUT_SEED_SIZE = 8 << 20 };

/*
 * Changes the first chunk in place to the table for a disk of disk_size bytes and says where the
 * rest goes. 0, -EBADMSG (no valid table), -ENOSPC (no room or no free entry for the seed).
 */
int layout_plan(uint8_t *first_chunk, size_t len, uint32_t sector_size, uint64_t disk_size,
                bool want_seed, struct rng *rng, struct layout_plan *ret, struct err *err)
    _must_check_;

/*
 * The seed partition's file system, malloc'd: layout->seed_size bytes without DISK_KEY_SEED_ROOM,
 * behind which layout_finish() puts imaging->key_block. Pure.
 */
int layout_seed(const struct layout *layout, const struct seed *seed, uint32_t sector_size,
                uint8_t **ret, struct err *err) _must_check_;
