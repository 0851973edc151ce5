/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses copy and sector size, the rest is the bytes of the disk. A table that is
 * accepted keeps every rule, survives printing and parsing, and every change keeps the rules too.
 */
#include <assert.h>

#include "base/str.h"
#include "image/gpt.h"
#include "image/mbr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct gpt *gpt)
{
    static uint8_t bytes[GPT_HEAD_MAX];
    struct gpt copy;
    gpt_print_head(gpt, bytes);
    assert(gpt_parse_head(bytes, sizeof(bytes), gpt->sector_size, gpt->sectors, &copy) == 0);
    assert(memcmp(gpt->entries, copy.entries, sizeof(copy.entries)) == 0);
    gpt_print_tail(gpt, bytes);
    assert(gpt_parse_tail(bytes, sizeof(bytes), gpt->sector_size, gpt->sectors, &copy) == 0);
    assert(memcmp(gpt->entries, copy.entries, sizeof(copy.entries)) == 0);
}

static void check_changes(struct gpt *gpt, uint64_t sectors)
{
    int r = gpt_relocate(gpt, sectors);
    assert(r == 0 || r == -ENOSPC);
    assert(gpt_check(gpt) == 0);
    int last = gpt_find_last(gpt);
    if (last > 0)
        assert(gpt_grow(gpt, (unsigned)last) >= 0);
    assert(gpt_check(gpt) == 0);
    int added = gpt_append(gpt, 1 << 20, GPT_TYPE_BASIC_DATA, GPT_TYPE_LINUX, "CIDATA");
    assert(added < 0 || gpt_find_name(gpt, "cidata") > 0);
    assert(gpt_check(gpt) == 0);
    check_round_trip(gpt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sectors = 1 << 20;
    struct gpt gpt;
    struct mbr mbr;
    if (size == 0)
        return 0;
    uint32_t sector_size = data[0] & 1 ? 4096 : 512;
    if (mbr_parse(data + 1, size - 1, &mbr) == 0) {
        int added = mbr_append(&mbr, sectors, 16384, 2048, MBR_TYPE_FAT16_LBA);
        assert(added == -ENOSPC || (added >= 1 && added <= MBR_ENTRIES));
    }
    int r = data[0] & 2 ? gpt_parse_tail(data + 1, size - 1, sector_size, sectors, &gpt)
                        : gpt_parse_head(data + 1, size - 1, sector_size, sectors, &gpt);
    if (r < 0)
        return 0;
    assert(gpt_check(&gpt) == 0);
    check_round_trip(&gpt);
    check_changes(&gpt, sectors + 4096);
    return 0;
}
