/* SPDX-License-Identifier: Apache-2.0 */
#include "image/mbr.h"

#include <errno.h>

#include "base/rd.h"
#include "base/wr.h"

enum { DISK_SIGNATURE_AT = 440, ENTRIES_AT = 446, SIGNATURE_AT = 510, SIGNATURE = 0xaa55 };

static bool overlaps(const struct mbr *mbr, int index, uint64_t first, uint64_t count)
{
    for (int i = 0; i < MBR_ENTRIES; i++) {
        const struct mbr_partition *p = &mbr->entries[i];
        if (i != index && p->type != MBR_TYPE_EMPTY && p->first < first + count &&
            first < (uint64_t)p->first + p->count)
            return true;
    }
    return false;
}

static int check(const struct mbr *mbr)
{
    int used = 0;
    for (int i = 0; i < MBR_ENTRIES; i++) {
        const struct mbr_partition *p = &mbr->entries[i];
        if (p->type == MBR_TYPE_EMPTY)
            continue;
        if (p->type == MBR_TYPE_GPT_PROTECTIVE)
            return -EEXIST;
        if (p->first == 0 || p->count == 0 || overlaps(mbr, i, p->first, p->count))
            return -EBADMSG;
        used++;
    }
    return used ? 0 : -ENOENT;
}

int mbr_parse(const void *sector, size_t len, struct mbr *ret)
{
    struct mbr mbr = {0};
    struct rd r = rd_init(sector, len);
    rd_seek(&r, SIGNATURE_AT);
    if (rd_u16_le(&r) != SIGNATURE || !rd_ok(&r))
        return -ENOENT;
    rd_seek(&r, DISK_SIGNATURE_AT);
    mbr.signature = rd_u32_le(&r);
    rd_seek(&r, ENTRIES_AT);
    for (int i = 0; i < MBR_ENTRIES; i++) {
        struct mbr_partition *p = &mbr.entries[i];
        uint8_t status = rd_u8(&r);
        if (status & 0x7f)
            return -ENOENT; /* boot code or a file system, not a table */
        p->active = status == 0x80;
        rd_skip(&r, 3);
        p->type = rd_u8(&r);
        rd_skip(&r, 3);
        p->first = rd_u32_le(&r);
        p->count = rd_u32_le(&r);
    }
    int result = check(&mbr);
    if (result == 0)
        *ret = mbr;
    return result;
}

void mbr_print(const struct mbr *mbr, uint8_t *sector)
{
    static const uint8_t chs_none[3] = {0xfe, 0xff, 0xff}; /* "use the sector numbers" */
    struct wr w = wr_init(sector + DISK_SIGNATURE_AT, 4);
    wr_u32_le(&w, mbr->signature);
    w = wr_init(sector + ENTRIES_AT, MBR_SIZE - ENTRIES_AT);
    for (int i = 0; i < MBR_ENTRIES; i++) {
        const struct mbr_partition *p = &mbr->entries[i];
        if (p->type == MBR_TYPE_EMPTY) {
            wr_zero(&w, 16);
            continue;
        }
        wr_u8(&w, p->active ? 0x80 : 0);
        wr_bytes(&w, chs_none, sizeof(chs_none));
        wr_u8(&w, p->type);
        wr_bytes(&w, chs_none, sizeof(chs_none));
        wr_u32_le(&w, p->first);
        wr_u32_le(&w, p->count);
    }
    wr_u16_le(&w, SIGNATURE);
}

int mbr_append(struct mbr *mbr, uint64_t sectors, uint32_t count, uint32_t align, uint8_t type)
{
    uint64_t limit = sectors > UINT32_MAX ? UINT32_MAX : sectors;
    uint64_t end = limit / align * align;
    if (count == 0 || count >= end || overlaps(mbr, -1, end - count, count))
        return -ENOSPC;
    for (int i = 0; i < MBR_ENTRIES; i++) {
        if (mbr->entries[i].type != MBR_TYPE_EMPTY)
            continue;
        mbr->entries[i] =
            (struct mbr_partition){.type = type, .first = (uint32_t)(end - count), .count = count};
        return i + 1;
    }
    return -ENOSPC;
}
