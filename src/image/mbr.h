/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOS partition tables (MBR), as some vendors' disk images still have: the four primary entries of
 * the first sector. Logical partitions are not read, but the extended partition that holds them is
 * an entry like any other, so that nothing is placed over it. Such an image gets its seed partition
 * as a free primary entry at the disk's end, below 2 TiB; with all four entries taken that is not
 * possible (-ENOSPC). Pure functions over memory, thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
    MBR_SIZE = 512,
    MBR_ENTRIES = 4,
    MBR_TYPE_EMPTY = 0x00,
    MBR_TYPE_FAT32_LBA = 0x0c,
    MBR_TYPE_FAT16_LBA = 0x0e,
    MBR_TYPE_LINUX = 0x83,
    MBR_TYPE_GPT_PROTECTIVE = 0xee,
};

struct mbr_partition {
    uint8_t type; /* MBR_TYPE_EMPTY: not used */
    bool active;
    uint32_t first; /* sectors */
    uint32_t count;
};

struct mbr {
    uint32_t signature; /* the disk's, as in PARTUUID=SSSSSSSS-NN */
    struct mbr_partition entries[MBR_ENTRIES];
};

/*
 * Parses the first MBR_SIZE bytes of a disk. 0, -ENOENT (no table: no signature, or boot code
 * without one), -EEXIST (the protective MBR of a GPT), -EBADMSG (entries that overlap or are empty
 * ranges).
 */
int mbr_parse(const void *sector, size_t len, struct mbr *ret) _must_check_;

/* Writes signature and entries into a first sector; its boot code is left as it is. */
void mbr_print(const struct mbr *mbr, uint8_t *sector);

/*
 * Adds an entry of `count` sectors whose end is the last multiple of `align` sectors on a disk of
 * `sectors`. Its number from 1, or -ENOSPC.
 */
int mbr_append(struct mbr *mbr, uint64_t sectors, uint32_t count, uint32_t align, uint8_t type)
    _must_check_;
