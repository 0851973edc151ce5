/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/disk-key.h"
#include "base/buf.h"
#include "base/rd.h"
#include "image/chunk.h"
#include "image/gpt.h"
#include "image/mbr.h"

#define MARKER_MAGIC "SLIPWAY-PARTIAL1"
enum { MARKER_MAGIC_SIZE = 16, PARTITION_HEAD_SIZE = 72 << 10 };

struct magic {
    uint32_t offset;
    const char *bytes;
    uint8_t len;
    const char *name;
};

static const struct magic magics[] = {
    {0, "LUKS\xba\xbe", 6, "luks"},
    {0, "XFSB", 4, "xfs"},
    {0, "\xfc\x4e\x2b\xa9", 4, "mdraid"},    /* version 1.1 */
    {4096, "\xfc\x4e\x2b\xa9", 4, "mdraid"}, /* version 1.2 */
    {0, "hsqs", 4, "squashfs"},
    {3, "NTFS    ", 8, "ntfs"},
    {3, "EXFAT   ", 8, "exfat"},
    {3, "-FVE-FS-", 8, "bitlocker"},
    {54, "FAT12   ", 8, "vfat"},
    {54, "FAT16   ", 8, "vfat"},
    {82, "FAT32   ", 8, "vfat"},
    {0x10040, "_BHRfS_M", 8, "btrfs"},
    {0x8001, "CD001", 5, "iso9660"},
    {4086, "SWAPSPACE2", 10, "swap"},
    {4086, "SWAP-SPACE", 10, "swap"},
    {0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", 16, "bcache"},
    {0x400, "\x10\x20\xf5\xf2", 4, "f2fs"},
};

static bool has_magic(const uint8_t *head, size_t len, uint32_t offset, const char *bytes, size_t n)
{
    return offset + n <= len && memcmp(head + offset, bytes, n) == 0;
}

/* An LVM2 label may stand in any of the first four sectors. */
static bool is_lvm(const uint8_t *head, size_t len)
{
    for (uint32_t sector = 0; sector < 4; sector++) {
        if (has_magic(head, len, sector * 512, "LABELONE", 8) &&
            has_magic(head, len, sector * 512 + 24, "LVM2 001", 8))
            return true;
    }
    return false;
}

/* ext4 is what has extents or 64-bit block numbers, ext3 what has a journal only. */
static const char *ext_name(const uint8_t *head, size_t len)
{
    if (!has_magic(head, len, 1024 + 56, "\x53\xef", 2))
        return NULL;
    struct rd r = rd_init(head, len);
    rd_seek(&r, 1024 + 92);
    uint32_t compatible = rd_u32_le(&r);
    uint32_t incompatible = rd_u32_le(&r);
    if (!rd_ok(&r))
        return NULL;
    if (incompatible & 0x2c0)
        return "ext4";
    return compatible & 0x4 ? "ext3" : "ext2";
}

/* ZFS keeps uberblocks from 128 KiB on; which of them are written varies. */
static bool is_zfs(const uint8_t *head, size_t len)
{
    for (uint32_t offset = 128 << 10; offset + 8 <= (256 << 10) && offset + 8 <= len;
         offset += 1024) {
        if (has_magic(head, len, offset, "\x0c\xb1\xba\x00\x00\x00\x00\x00", 8))
            return true;
    }
    return false;
}

const char *signature_of(const uint8_t *head, size_t len)
{
    if (is_lvm(head, len))
        return "lvm";
    for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
        const struct magic *m = &magics[i];
        if (has_magic(head, len, m->offset, m->bytes, m->len))
            return m->name;
    }
    const char *ext = ext_name(head, len);
    if (ext)
        return ext;
    return is_zfs(head, len) ? "zfs" : NULL;
}

void marker_build(const uint8_t digest[static 32], uint8_t dst[static MARKER_SIZE])
{
    memset(dst, 0, MARKER_SIZE);
    memcpy(dst, MARKER_MAGIC, MARKER_MAGIC_SIZE);
    memcpy(dst + MARKER_MAGIC_SIZE, digest, 32);
}

bool marker_parse(const uint8_t *sector, size_t len, uint8_t ret_digest[static 32])
{
    if (len < MARKER_SIZE || memcmp(sector, MARKER_MAGIC, MARKER_MAGIC_SIZE) != 0)
        return false;
    memcpy(ret_digest, sector + MARKER_MAGIC_SIZE, 32);
    return true;
}

/* RAID members of versions 0.90 and 1.0 are known by the end of the disk. */
static bool tail_is_mdraid(const uint8_t *tail, size_t len)
{
    for (size_t offset = 0; offset + 4 <= len; offset += 4096) {
        if (memcmp(tail + offset, "\xfc\x4e\x2b\xa9", 4) == 0)
            return true;
    }
    return false;
}

static bool seed_is_ours(const uint8_t *head, size_t len)
{
    struct rd r = rd_init(head, len);
    bool fat32 = has_magic(head, len, 82, "FAT32   ", 8);
    rd_seek(&r, fat32 ? 67 : 39);
    return rd_u32_le(&r) == SEED_VOLUME_ID && rd_ok(&r);
}

/* Behind the file system of a seed of ours; where the partition lies is checked with the table. */
static uint64_t seed_key_offset(const struct disk *disk, uint64_t offset, uint64_t size)
{
    bool inside = size > DISK_KEY_SEED_ROOM && size <= disk->size && offset <= disk->size - size;
    return inside ? offset + size - DISK_KEY_SEED_ROOM : 0;
}

static void add_name(struct buf *list, const char *name)
{
    if (name && !strstr(buf_str(list), name))
        buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

/* A disk of DOS partitions: true when one of them is a seed of ours. */
static bool mbr_has_our_seed(const struct signature_reader *reader, struct disk *disk,
                             const uint8_t *first)
{
    struct mbr mbr;
    uint8_t head[MBR_SIZE];
    if (mbr_parse(first, MBR_SIZE, &mbr) < 0)
        return false;
    for (size_t i = 0; i < MBR_ENTRIES; i++) {
        uint64_t offset = (uint64_t)mbr.entries[i].first * disk->sector_size;
        if (mbr.entries[i].type == MBR_TYPE_EMPTY || offset + sizeof(head) > disk->size)
            continue;
        const char *name = reader->read(reader->data, offset, head, sizeof(head)) == 0
                               ? signature_of(head, sizeof(head))
                               : NULL;
        if (!name || strcmp(name, "vfat") != 0 || !seed_is_ours(head, sizeof(head)))
            continue;
        disk->key_offset =
            seed_key_offset(disk, offset, (uint64_t)mbr.entries[i].count * disk->sector_size);
        return true;
    }
    return false;
}

/* Names what the partitions hold; true when one of them is a seed of ours. */
static bool examine_partitions(const struct signature_reader *reader, const struct gpt *gpt,
                               struct disk *disk, struct buf *list)
{
    bool ours = false;
    _autofree_ uint8_t *head = malloc(PARTITION_HEAD_SIZE);
    int seed = gpt_find_name(gpt, "CIDATA");
    for (uint32_t i = 0; head && i < gpt->entry_count; i++) {
        if (gpt_guid_is_none(gpt->entries[i].type))
            continue;
        uint64_t size = gpt_partition_size(gpt, i + 1);
        size_t len = size < PARTITION_HEAD_SIZE ? (size_t)size : PARTITION_HEAD_SIZE;
        if (reader->read(reader->data, gpt_partition_offset(gpt, i + 1), head, len) < 0)
            continue;
        add_name(list, signature_of(head, len));
        if ((int)i + 1 != seed || !seed_is_ours(head, len))
            continue;
        ours = true;
        disk->key_offset = seed_key_offset(disk, gpt_partition_offset(gpt, i + 1), size);
    }
    return ours;
}

static void set_contents(struct disk *disk, enum disk_state state, const char *format,
                         const char *detail)
{
    disk->state = state;
    (void)snprintf(disk->contents, sizeof(disk->contents), "%s%s", format, detail);
}

struct ends {
    uint8_t *head, *tail;
    size_t head_len, tail_len;
};

static bool examine_gpt(const struct signature_reader *reader, const struct ends *ends,
                        struct disk *disk)
{
    _autofree_ struct gpt *gpt = malloc(sizeof(*gpt));
    uint64_t sectors = disk->size / disk->sector_size;
    if (!gpt)
        return false;
    int r = gpt_parse_head(ends->head, ends->head_len, disk->sector_size, sectors, gpt);
    size_t tail = gpt_tail_size(disk->sector_size);
    if (r < 0 && tail <= ends->tail_len)
        r = gpt_parse_tail(ends->tail + ends->tail_len - tail, tail, disk->sector_size, sectors,
                           gpt);
    if (r < 0)
        return false;
    struct buf list _autobuf_ = BUF_INIT_MAX(256);
    bool ours = examine_partitions(reader, gpt, disk, &list);
    const char *what = ours ? "slipway: gpt " : "gpt ";
    set_contents(disk, ours ? DISK_OURS : DISK_FOREIGN, what, buf_str(&list));
    return true;
}

static void examine_ends(const struct signature_reader *reader, const struct ends *ends,
                         struct disk *disk)
{
    if (marker_parse(ends->head, ends->head_len, disk->partial_digest)) {
        set_contents(disk, DISK_PARTIAL, "an unfinished installation", "");
        disk->key_offset = DISK_KEY_MARKER_OFFSET;
        return;
    }
    if (examine_gpt(reader, ends, disk))
        return;
    const char *name = signature_of(ends->head, ends->head_len);
    if (!name && ends->head_len >= MBR_SIZE && mbr_has_our_seed(reader, disk, ends->head)) {
        set_contents(disk, DISK_OURS, "slipway: mbr partitions", "");
        return;
    }
    if (!name && tail_is_mdraid(ends->tail, ends->tail_len))
        name = "mdraid";
    if (!name && has_magic(ends->head, ends->head_len, 510, "\x55\xaa", 2))
        name = "mbr partitions";
    if (name)
        set_contents(disk, DISK_FOREIGN, name, "");
    else if (image_is_zero(ends->head, ends->head_len) && image_is_zero(ends->tail, ends->tail_len))
        set_contents(disk, DISK_BLANK, "blank", "");
    else
        set_contents(disk, DISK_FOREIGN, "unknown data", "");
}

int signature_examine(const struct signature_reader *reader, struct disk *disk)
{
    struct ends ends = {.head_len = SIGNATURE_HEAD_SIZE, .tail_len = SIGNATURE_TAIL_SIZE};
    disk->key_offset = 0;
    if (disk->size < ends.head_len)
        ends.head_len = (size_t)disk->size;
    if (disk->size < ends.tail_len)
        ends.tail_len = (size_t)disk->size;
    _autofree_ uint8_t *memory = malloc(ends.head_len + ends.tail_len + 1);
    if (!memory)
        return -ENOMEM;
    ends.head = memory;
    ends.tail = memory + ends.head_len;
    int r = reader->read(reader->data, 0, ends.head, ends.head_len);
    if (r == 0)
        r = reader->read(reader->data, disk->size - ends.tail_len, ends.tail, ends.tail_len);
    if (r < 0) {
        set_contents(disk, DISK_UNREADABLE, "unreadable", "");
        return r;
    }
    examine_ends(reader, &ends, disk);
    return 0;
}
