/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GUID partition tables (UEFI 2.10 section 5.3) as plain values: parse the bytes of either copy
 * into a struct, change it, print both copies again. Sectors of 512 and 4096 bytes. Tables of at
 * most 128 entries of 128 bytes, which is what every tool writes; others are refused with -ENOTSUP.
 *
 * Pure functions over memory, thread safe. gpt-disk.h reads and writes disks with them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    GPT_ENTRIES = 128,
    GPT_ENTRY_SIZE = 128,
    GPT_NAME_UNITS = 36, /* UTF-16 code units of a partition name */
    GPT_GUID_TEXT_SIZE = 37,
    GPT_SECTOR_MAX = 4096,
    GPT_ALIGN = 1 << 20,     /* bytes: partitions start and end on multiples of this */
    GPT_HEAD_MAX = 6 * 4096, /* the most that gpt_head_size() returns */
};

/* A GUID as it lies on the disk (first three fields little-endian). All zero: none. */
struct gpt_guid {
    uint8_t b[16];
};

struct gpt_partition {
    struct gpt_guid type; /* all zero: the entry is unused */
    struct gpt_guid uuid;
    uint64_t first; /* sectors, inclusive */
    uint64_t last;
    uint64_t attributes;
    uint16_t name[GPT_NAME_UNITS]; /* UTF-16, zero-padded */
};

struct gpt {
    uint32_t sector_size; /* 512 or 4096 */
    uint64_t sectors;     /* the disk's size as this table sees it: the backup header is the last */
    uint64_t first_usable; /* sectors, inclusive */
    uint64_t last_usable;
    struct gpt_guid uuid;
    uint32_t entry_count; /* entries in the table on the disk, 1..GPT_ENTRIES */
    struct gpt_partition entries[GPT_ENTRIES]; /* partition number N is entries[N - 1] */
};

extern const struct gpt_guid GPT_TYPE_ESP;
extern const struct gpt_guid GPT_TYPE_BIOS_BOOT;
extern const struct gpt_guid GPT_TYPE_LINUX;
extern const struct gpt_guid GPT_TYPE_BASIC_DATA; /* FAT file systems that are no ESP */

bool gpt_guid_eq(struct gpt_guid a, struct gpt_guid b);
bool gpt_guid_is_none(struct gpt_guid g);
/* "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", any case. 0 or -EINVAL. */
int gpt_guid_parse(const char *text, struct gpt_guid *ret) _must_check_;
/* Lower case as in /dev/disk/by-partuuid. Returns dst. */
const char *gpt_guid_text(struct gpt_guid g, char dst[static GPT_GUID_TEXT_SIZE]);

/* Bytes at the start of a disk that hold protective MBR, primary header and entries. */
size_t gpt_head_size(uint32_t sector_size);
/* Bytes at the end of a disk that hold the backup entries and header. */
size_t gpt_tail_size(uint32_t sector_size);

/*
 * Parses the primary copy from the first gpt_head_size() bytes of a disk, or the backup copy from
 * its last gpt_tail_size() bytes, of which `sectors` is the disk's size in sectors. Signatures,
 * both CRCs, ranges and overlaps are checked. A primary header may describe a smaller disk than
 * this one (an image on a larger disk); gpt_relocate() then moves its end. 0, -ENOENT (no GPT
 * signature), -EBADMSG (damaged), -ENOTSUP, -EINVAL (sector size).
 */
int gpt_parse_head(const void *head, size_t len, uint32_t sector_size, uint64_t sectors,
                   struct gpt *ret) _must_check_;
int gpt_parse_tail(const void *tail, size_t len, uint32_t sector_size, uint64_t sectors,
                   struct gpt *ret) _must_check_;

/*
 * Prints a copy. head: gpt_head_size() bytes, whose first 440 (the boot code) are left as they are.
 * tail: gpt_tail_size() bytes, to lie at the end of gpt->sectors.
 */
void gpt_print_head(const struct gpt *gpt, uint8_t *head);
void gpt_print_tail(const struct gpt *gpt, uint8_t *tail);

/* An empty table for a disk. 0, -EINVAL (sector size) or -ENOSPC (disk too small). */
int gpt_init(struct gpt *ret, uint32_t sector_size, uint64_t sectors, struct gpt_guid uuid)
    _must_check_;

/*
 * Every rule that a table keeps: usable range inside the disk, partitions inside the usable range,
 * none over another. 0 or -EBADMSG.
 */
int gpt_check(const struct gpt *gpt) _must_check_;

/*
 * The table for a disk of another size: the usable range ends where the new backup entries start.
 * 0, or -ENOSPC when a partition would lie behind that.
 */
int gpt_relocate(struct gpt *gpt, uint64_t sectors) _must_check_;

/* The first partition number (from 1) with this name, ignoring ASCII case; -ENOENT. */
int gpt_find_name(const struct gpt *gpt, const char *name);

/* The number of the partition that lies last on the disk; -ENOENT when there is none. */
int gpt_find_last(const struct gpt *gpt);

/*
 * Sets a partition: number from 1, first sector and count of sectors. 0, -EINVAL (number, name not
 * ASCII or too long), -ENOSPC (outside the usable range) or -EEXIST (overlap).
 */
int gpt_set(struct gpt *gpt, unsigned number, uint64_t first, uint64_t count, struct gpt_guid type,
            struct gpt_guid uuid, const char *name) _must_check_;

/*
 * Adds a partition of at least `bytes` (rounded up to GPT_ALIGN) that ends at the end of the usable
 * range. Its number, -ENOSPC when no free entry or no room there, -EINVAL as for gpt_set().
 */
int gpt_append(struct gpt *gpt, uint64_t bytes, struct gpt_guid type, struct gpt_guid uuid,
               const char *name) _must_check_;

/*
 * Extends a partition up to the next one, or to the end of the usable range (aligned down to
 * GPT_ALIGN). 1 when it grew, 0 when there was no room, -ENOENT when it is not used.
 */
int gpt_grow(struct gpt *gpt, unsigned number) _must_check_;

/* Start and size of a partition in bytes. The partition must be in use. */
static inline uint64_t gpt_partition_offset(const struct gpt *gpt, unsigned number)
{
    return gpt->entries[number - 1].first * gpt->sector_size;
}

static inline uint64_t gpt_partition_size(const struct gpt *gpt, unsigned number)
{
    const struct gpt_partition *p = &gpt->entries[number - 1];
    return (p->last - p->first + 1) * gpt->sector_size;
}
