/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a partition table that is already a value. */
#include "image/gpt.h"

#include <ctype.h>
#include <string.h>

static bool in_use(const struct gpt_partition *p)
{
    return !gpt_guid_is_none(p->type);
}

/* Sectors of the header and entries at either end, without the protective MBR. */
static uint64_t overhead(uint32_t sector_size)
{
    return 1 + GPT_ENTRIES * GPT_ENTRY_SIZE / sector_size;
}

int gpt_init(struct gpt *ret, uint32_t sector_size, uint64_t sectors, struct gpt_guid uuid)
{
    if (sector_size != 512 && sector_size != GPT_SECTOR_MAX)
        return -EINVAL;
    if (sectors <= 2 * overhead(sector_size) + 1)
        return -ENOSPC;
    *ret = (struct gpt){
        .sector_size = sector_size,
        .sectors = sectors,
        .first_usable = 1 + overhead(sector_size),
        .last_usable = sectors - 1 - overhead(sector_size),
        .uuid = uuid,
        .entry_count = GPT_ENTRIES,
    };
    return 0;
}

static bool overlaps(const struct gpt *gpt, uint32_t index, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        if (i != index && in_use(p) && p->first <= last && first <= p->last)
            return true;
    }
    return false;
}

int gpt_check(const struct gpt *gpt)
{
    uint64_t end = overhead(gpt->sector_size);
    if (gpt->sectors <= 2 * end + 1 || gpt->first_usable < end + 1 ||
        gpt->last_usable > gpt->sectors - 1 - end || gpt->first_usable > gpt->last_usable)
        return -EBADMSG;
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        if (!in_use(p))
            continue;
        if (p->first > p->last || p->first < gpt->first_usable || p->last > gpt->last_usable ||
            overlaps(gpt, i, p->first, p->last))
            return -EBADMSG;
    }
    return 0;
}

int gpt_find_last(const struct gpt *gpt)
{
    int found = -ENOENT;
    uint64_t last = 0;
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        if (in_use(p) && p->last > last) {
            last = p->last;
            found = (int)i + 1;
        }
    }
    return found;
}

int gpt_relocate(struct gpt *gpt, uint64_t sectors)
{
    uint64_t end = overhead(gpt->sector_size);
    if (sectors <= 2 * end + 1 || sectors - 1 - end < gpt->first_usable)
        return -ENOSPC;
    uint64_t last_usable = sectors - 1 - end;
    int last = gpt_find_last(gpt);
    if (last > 0 && gpt->entries[last - 1].last > last_usable)
        return -ENOSPC;
    gpt->sectors = sectors;
    gpt->last_usable = last_usable;
    return 0;
}

static bool name_is(const uint16_t units[GPT_NAME_UNITS], const char *name)
{
    size_t len = strlen(name);
    if (len > GPT_NAME_UNITS || (len < GPT_NAME_UNITS && units[len]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (units[i] > 0x7f || tolower((unsigned char)name[i]) != tolower((int)units[i]))
            return false;
    }
    return true;
}

int gpt_find_name(const struct gpt *gpt, const char *name)
{
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        if (in_use(&gpt->entries[i]) && name_is(gpt->entries[i].name, name))
            return (int)i + 1;
    }
    return -ENOENT;
}

static int set_name(struct gpt_partition *p, const char *name)
{
    size_t len = strlen(name);
    if (len > GPT_NAME_UNITS)
        return -EINVAL;
    memset(p->name, 0, sizeof(p->name));
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20 || (unsigned char)name[i] > 0x7e)
            return -EINVAL;
        p->name[i] = (uint16_t)name[i];
    }
    return 0;
}

int gpt_set(struct gpt *gpt, unsigned number, uint64_t first, uint64_t count, struct gpt_guid type,
            struct gpt_guid uuid, const char *name)
{
    struct gpt_partition p = {.type = type, .uuid = uuid, .first = first};
    if (number == 0 || number > gpt->entry_count || count == 0 || set_name(&p, name) < 0 ||
        gpt_guid_is_none(type))
        return -EINVAL;
    if (first < gpt->first_usable || first > gpt->last_usable ||
        count > gpt->last_usable - first + 1)
        return -ENOSPC;
    p.last = first + count - 1;
    if (overlaps(gpt, number - 1, p.first, p.last))
        return -EEXIST;
    gpt->entries[number - 1] = p;
    return 0;
}

int gpt_append(struct gpt *gpt, uint64_t bytes, struct gpt_guid type, struct gpt_guid uuid,
               const char *name)
{
    uint64_t unit = GPT_ALIGN / gpt->sector_size;
    uint64_t count = (bytes / GPT_ALIGN + (bytes % GPT_ALIGN != 0)) * unit;
    uint64_t end = (gpt->last_usable + 1) / unit * unit;
    if (count == 0)
        return -EINVAL;
    if (count > end)
        return -ENOSPC;
    for (unsigned number = 1; number <= gpt->entry_count; number++) {
        if (in_use(&gpt->entries[number - 1]))
            continue;
        int r = gpt_set(gpt, number, end - count, count, type, uuid, name);
        if (r < 0)
            return r == -EEXIST ? -ENOSPC : r;
        return (int)number;
    }
    return -ENOSPC;
}

int gpt_grow(struct gpt *gpt, unsigned number)
{
    if (number == 0 || number > gpt->entry_count || !in_use(&gpt->entries[number - 1]))
        return -ENOENT;
    struct gpt_partition *self = &gpt->entries[number - 1];
    uint64_t unit = GPT_ALIGN / gpt->sector_size;
    uint64_t end = gpt->last_usable + 1; /* exclusive */
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        if (in_use(p) && p->first > self->last && p->first < end)
            end = p->first;
    }
    end = end / unit * unit;
    if (end <= self->last + 1)
        return 0;
    self->last = end - 1;
    return 1;
}
