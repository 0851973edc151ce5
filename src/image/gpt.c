/* SPDX-License-Identifier: Apache-2.0 */
#include "image/gpt.h"

#include <ctype.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

enum {
    HEADER_SIZE = 92, /* UEFI 2.10 table 5.5 */
    TABLE_SIZE = GPT_ENTRIES * GPT_ENTRY_SIZE,
    MBR_ENTRIES_AT = 446,
    MBR_SIGNATURE = 0xaa55,
    MBR_TYPE_GPT = 0xee,
};

#define SIGNATURE "EFI PART"
#define REVISION 0x00010000u

const struct gpt_guid GPT_TYPE_ESP = {{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b,
                                       0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b}};
const struct gpt_guid GPT_TYPE_BIOS_BOOT = {{0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e, 0x74,
                                             0x4e, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49}};
const struct gpt_guid GPT_TYPE_LINUX = {{0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79,
                                         0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4}};
const struct gpt_guid GPT_TYPE_BASIC_DATA = {{0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87,
                                              0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7}};

/* CRC-32 of IEEE 802.3, as zlib's crc32(); bytewise, for the few KiB of a table. */
static uint32_t crc32_ieee(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) ? 0xedb88320u : 0);
    }
    return ~crc;
}

bool gpt_guid_eq(struct gpt_guid a, struct gpt_guid b)
{
    return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

bool gpt_guid_is_none(struct gpt_guid g)
{
    return gpt_guid_eq(g, (struct gpt_guid){{0}});
}

/* Where byte i of the text form lies on the disk: the first three fields are little-endian. */
static const uint8_t guid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

int gpt_guid_parse(const char *text, struct gpt_guid *ret)
{
    char hex[33];
    uint8_t bytes[16];
    size_t n = 0;
    if (strlen(text) != GPT_GUID_TEXT_SIZE - 1)
        return -EINVAL;
    for (size_t i = 0; i < GPT_GUID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-'))
            return -EINVAL;
        if (!dash)
            hex[n++] = text[i];
    }
    hex[n] = '\0';
    if (str_unhex(hex, bytes, sizeof(bytes)) < 0)
        return -EINVAL;
    for (size_t i = 0; i < 16; i++)
        ret->b[guid_order[i]] = bytes[i];
    return 0;
}

const char *gpt_guid_text(struct gpt_guid g, char dst[static GPT_GUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            dst[n++] = '-';
        dst[n++] = digits[g.b[guid_order[i]] >> 4];
        dst[n++] = digits[g.b[guid_order[i]] & 15];
    }
    dst[n] = '\0';
    return dst;
}

static bool sector_size_valid(uint32_t sector_size)
{
    return sector_size == 512 || sector_size == GPT_SECTOR_MAX;
}

static uint64_t table_sectors(uint32_t sector_size)
{
    return TABLE_SIZE / sector_size;
}

size_t gpt_head_size(uint32_t sector_size)
{
    return 2 * (size_t)sector_size + TABLE_SIZE;
}

size_t gpt_tail_size(uint32_t sector_size)
{
    return (size_t)sector_size + TABLE_SIZE;
}

/* The fields of a header that parsing needs beyond struct gpt. */
struct header {
    uint64_t my_lba;
    uint64_t alternate_lba;
    uint64_t entries_lba;
    uint32_t entries_crc;
};

static int parse_header(const uint8_t *sector, uint32_t sector_size, struct header *h,
                        struct gpt *gpt)
{
    struct rd r = rd_init(sector, sector_size);
    const uint8_t *signature = rd_take(&r, 8);
    if (!signature || memcmp(signature, SIGNATURE, 8) != 0)
        return -ENOENT;
    uint32_t revision = rd_u32_le(&r);
    uint32_t size = rd_u32_le(&r);
    uint32_t crc = rd_u32_le(&r);
    if (revision != REVISION || size < HEADER_SIZE || size > sector_size)
        return -EBADMSG;
    uint8_t copy[GPT_SECTOR_MAX];
    memcpy(copy, sector, size);
    memset(copy + 16, 0, 4); /* the CRC is taken with its own field zero */
    if (crc32_ieee(copy, size) != crc)
        return -EBADMSG;
    rd_skip(&r, 4);
    h->my_lba = rd_u64_le(&r);
    h->alternate_lba = rd_u64_le(&r);
    gpt->first_usable = rd_u64_le(&r);
    gpt->last_usable = rd_u64_le(&r);
    rd_copy(&r, gpt->uuid.b, sizeof(gpt->uuid.b));
    h->entries_lba = rd_u64_le(&r);
    gpt->entry_count = rd_u32_le(&r);
    uint32_t entry_size = rd_u32_le(&r);
    h->entries_crc = rd_u32_le(&r);
    if (!rd_ok(&r))
        return -EBADMSG;
    if (gpt->entry_count == 0 || gpt->entry_count > GPT_ENTRIES || entry_size != GPT_ENTRY_SIZE)
        return -ENOTSUP;
    return 0;
}

static int parse_entries(const uint8_t *table, uint32_t crc, struct gpt *gpt)
{
    size_t len = (size_t)gpt->entry_count * GPT_ENTRY_SIZE;
    if (crc32_ieee(table, len) != crc)
        return -EBADMSG;
    struct rd r = rd_init(table, len);
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        struct gpt_partition *p = &gpt->entries[i];
        rd_copy(&r, p->type.b, sizeof(p->type.b));
        rd_copy(&r, p->uuid.b, sizeof(p->uuid.b));
        p->first = rd_u64_le(&r);
        p->last = rd_u64_le(&r);
        p->attributes = rd_u64_le(&r);
        for (size_t k = 0; k < GPT_NAME_UNITS; k++)
            p->name[k] = rd_u16_le(&r);
        if (gpt_guid_is_none(p->type))
            *p = (struct gpt_partition){0};
    }
    return rd_ok(&r) ? gpt_check(gpt) : -EBADMSG;
}

int gpt_parse_head(const void *head, size_t len, uint32_t sector_size, uint64_t sectors,
                   struct gpt *ret)
{
    struct header h;
    struct gpt gpt = {.sector_size = sector_size};
    if (!sector_size_valid(sector_size) || len < gpt_head_size(sector_size))
        return -EINVAL;
    int r = parse_header((const uint8_t *)head + sector_size, sector_size, &h, &gpt);
    if (r < 0)
        return r;
    if (h.my_lba != 1 || h.alternate_lba >= sectors || h.alternate_lba < 2)
        return -EBADMSG;
    if (h.entries_lba != 2)
        return -ENOTSUP;
    gpt.sectors = h.alternate_lba + 1;
    r = parse_entries((const uint8_t *)head + 2 * sector_size, h.entries_crc, &gpt);
    if (r < 0)
        return r;
    *ret = gpt;
    return 0;
}

int gpt_parse_tail(const void *tail, size_t len, uint32_t sector_size, uint64_t sectors,
                   struct gpt *ret)
{
    struct header h;
    struct gpt gpt = {.sector_size = sector_size, .sectors = sectors};
    if (!sector_size_valid(sector_size) || len < gpt_tail_size(sector_size) ||
        sectors < table_sectors(sector_size) + 1)
        return -EINVAL;
    int r = parse_header((const uint8_t *)tail + TABLE_SIZE, sector_size, &h, &gpt);
    if (r < 0)
        return r;
    if (h.my_lba != sectors - 1 || h.alternate_lba != 1)
        return -EBADMSG;
    if (h.entries_lba != sectors - 1 - table_sectors(sector_size))
        return -ENOTSUP;
    r = parse_entries(tail, h.entries_crc, &gpt);
    if (r < 0)
        return r;
    *ret = gpt;
    return 0;
}

static void print_entries(const struct gpt *gpt, uint8_t *table)
{
    struct wr w = wr_init(table, TABLE_SIZE);
    for (uint32_t i = 0; i < GPT_ENTRIES; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        wr_bytes(&w, p->type.b, sizeof(p->type.b));
        wr_bytes(&w, p->uuid.b, sizeof(p->uuid.b));
        wr_u64_le(&w, p->first);
        wr_u64_le(&w, p->last);
        wr_u64_le(&w, p->attributes);
        for (size_t k = 0; k < GPT_NAME_UNITS; k++)
            wr_u16_le(&w, p->name[k]);
    }
}

static void print_header(const struct gpt *gpt, const uint8_t *table, uint64_t my_lba,
                         uint64_t alternate_lba, uint64_t entries_lba, uint8_t *sector)
{
    size_t len = (size_t)gpt->entry_count * GPT_ENTRY_SIZE;
    struct wr w = wr_init(sector, gpt->sector_size);
    wr_bytes(&w, SIGNATURE, 8);
    wr_u32_le(&w, REVISION);
    wr_u32_le(&w, HEADER_SIZE);
    wr_u32_le(&w, 0); /* its own CRC, below */
    wr_u32_le(&w, 0);
    wr_u64_le(&w, my_lba);
    wr_u64_le(&w, alternate_lba);
    wr_u64_le(&w, gpt->first_usable);
    wr_u64_le(&w, gpt->last_usable);
    wr_bytes(&w, gpt->uuid.b, sizeof(gpt->uuid.b));
    wr_u64_le(&w, entries_lba);
    wr_u32_le(&w, gpt->entry_count);
    wr_u32_le(&w, GPT_ENTRY_SIZE);
    wr_u32_le(&w, crc32_ieee(table, len));
    wr_zero(&w, wr_left(&w));
    struct wr crc = wr_init(sector + 16, 4);
    wr_u32_le(&crc, crc32_ieee(sector, HEADER_SIZE));
}

/* The protective MBR's one entry covers the disk (UEFI 2.10 table 5.4). */
static void print_protective_mbr(const struct gpt *gpt, uint8_t *sector)
{
    static const uint8_t chs_first[3] = {0x00, 0x02, 0x00};
    static const uint8_t chs_last[3] = {0xff, 0xff, 0xff};
    uint64_t count = gpt->sectors - 1;
    struct wr w = wr_init(sector + 440, gpt->sector_size - 440);
    wr_zero(&w, MBR_ENTRIES_AT - 440);
    wr_u8(&w, 0);
    wr_bytes(&w, chs_first, sizeof(chs_first));
    wr_u8(&w, MBR_TYPE_GPT);
    wr_bytes(&w, chs_last, sizeof(chs_last));
    wr_u32_le(&w, 1);
    wr_u32_le(&w, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
    wr_zero(&w, 3 * 16);
    wr_u16_le(&w, MBR_SIGNATURE);
    wr_zero(&w, wr_left(&w));
}

void gpt_print_head(const struct gpt *gpt, uint8_t *head)
{
    uint8_t *table = head + 2 * gpt->sector_size;
    print_protective_mbr(gpt, head);
    print_entries(gpt, table);
    print_header(gpt, table, 1, gpt->sectors - 1, 2, head + gpt->sector_size);
}

void gpt_print_tail(const struct gpt *gpt, uint8_t *tail)
{
    uint64_t last = gpt->sectors - 1;
    print_entries(gpt, tail);
    print_header(gpt, tail, last, 1, last - table_sectors(gpt->sector_size), tail + TABLE_SIZE);
}
