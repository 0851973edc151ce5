/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/layout.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/disk-key.h"
#include "agent/signature.h"
#include "base/file.h"
#include "base/random.h"
#include "image/fat.h"
#include "image/gpt.h"
#include "image/mbr.h"

static const char seed_label[] = "CIDATA";

static struct gpt_guid random_guid(struct rng *rng)
{
    struct gpt_guid guid;
    rng_fill(rng, guid.b, sizeof(guid.b));
    guid.b[7] = (uint8_t)((guid.b[7] & 0x0f) | 0x40); /* RFC 9562: version 4 */
    guid.b[8] = (uint8_t)((guid.b[8] & 0x3f) | 0x80);
    return guid;
}

static int find_seed(const struct gpt *gpt)
{
    int number = gpt_find_name(gpt, seed_label);
    return number > 0 ? number : gpt_find_name(gpt, "seed");
}

static void note_esp(const struct gpt *gpt, struct layout *layout)
{
    for (uint32_t i = 0; i < gpt->entry_count; i++) {
        const struct gpt_partition *p = &gpt->entries[i];
        if (!gpt_guid_eq(p->type, GPT_TYPE_ESP))
            continue;
        layout->has_esp = true;
        layout->esp = (struct efi_target){.number = i + 1,
                                          .first = p->first,
                                          .sectors = p->last - p->first + 1,
                                          .partition = p->uuid};
        return;
    }
}

static int plan_gpt_seed(struct gpt *gpt, struct rng *rng, struct layout *layout, struct err *err)
{
    int number = find_seed(gpt);
    if (number <= 0)
        number =
            gpt_append(gpt, LAYOUT_SEED_SIZE, GPT_TYPE_BASIC_DATA, random_guid(rng), seed_label);
    if (number < 0)
        return err_errno(err, number, "the image has no seed partition and no room for one");
    layout->seed_partition = (unsigned)number;
    layout->seed_offset = gpt_partition_offset(gpt, (unsigned)number);
    layout->seed_size = gpt_partition_size(gpt, (unsigned)number);
    return 0;
}

static int plan_gpt(uint8_t *first, size_t len, uint32_t sector_size, uint64_t disk_size,
                    bool want_seed, struct rng *rng, struct layout_plan *plan, struct err *err)
{
    _autofree_ struct gpt *gpt = malloc(sizeof(*gpt));
    uint64_t sectors = disk_size / sector_size;
    if (!gpt)
        return err_set(err, -ENOMEM, "out of memory");
    int r = len < gpt_head_size(sector_size)
                ? -EBADMSG
                : gpt_parse_head(first, len, sector_size, sectors, gpt);
    if (r == -ENOENT)
        return r;
    if (r == 0)
        r = gpt_relocate(gpt, sectors);
    if (r < 0)
        return err_errno(err, r, "the image's partition table is not usable");
    r = want_seed ? plan_gpt_seed(gpt, rng, &plan->layout, err) : 0;
    if (r < 0)
        return r;
    note_esp(gpt, &plan->layout);
    plan->is_gpt = true;
    plan->tail_size = gpt_tail_size(sector_size);
    if (plan->tail_size > sizeof(plan->tail))
        return err_set(err, -EBADMSG, "the partition table is too large");
    gpt_print_head(gpt, first);
    gpt_print_tail(gpt, plan->tail);
    return 0;
}

static int plan_mbr(uint8_t *first, size_t len, uint32_t sector_size, uint64_t disk_size,
                    bool want_seed, struct layout_plan *plan, struct err *err)
{
    struct mbr mbr;
    int r = mbr_parse(first, len, &mbr);
    if (r < 0)
        return err_errno(err, r, "the image has no partition table");
    if (!want_seed)
        return 0;
    uint32_t count = LAYOUT_SEED_SIZE / sector_size, align = (1 << 20) / sector_size;
    int number = mbr_append(&mbr, disk_size / sector_size, count, align, MBR_TYPE_FAT16_LBA);
    if (number < 1) /* they count from 1 */
        return err_errno(err, number, "the image has no room for a seed partition");
    mbr_print(&mbr, first);
    const struct mbr_partition *p = &mbr.entries[number - 1];
    plan->layout.seed_partition = (unsigned)number;
    plan->layout.seed_offset = (uint64_t)p->first * sector_size;
    plan->layout.seed_size = (uint64_t)p->count * sector_size;
    return 0;
}

int layout_plan(uint8_t *first_chunk, size_t len, uint32_t sector_size, uint64_t disk_size,
                bool want_seed, struct rng *rng, struct layout_plan *ret, struct err *err)
{
    *ret = (struct layout_plan){0};
    int r = plan_gpt(first_chunk, len, sector_size, disk_size, want_seed, rng, ret, err);
    if (r == -ENOENT)
        r = plan_mbr(first_chunk, len, sector_size, disk_size, want_seed, ret, err);
    return r;
}

int layout_seed(const struct layout *layout, const struct seed *seed, uint32_t sector_size,
                uint8_t **ret, struct err *err)
{
    struct fat_file files[SEED_FILES_MAX];
    for (size_t i = 0; i < seed->count; i++)
        files[i] = (struct fat_file){
            .path = seed->files[i].path, .data = seed->files[i].data, .len = seed->files[i].len};
    if (layout->seed_size <= DISK_KEY_SEED_ROOM)
        return err_set(err, -ENOSPC, "the image's seed partition is too small");
    struct fat_options options = {.size = layout->seed_size - DISK_KEY_SEED_ROOM,
                                  .sector_size = sector_size,
                                  .volume_id = SEED_VOLUME_ID,
                                  .label = seed_label,
                                  .offset = layout->seed_offset / sector_size};
    return fat_build(&options, files, seed->count, ret, err);
}

static int write_at(struct imaging *imaging, const void *data, size_t len, uint64_t offset,
                    const char *what, struct err *err)
{
    /* Direct I/O wants aligned memory. */
    _autofree_ void *aligned = imaging_memory(len);
    if (!aligned)
        return err_set(err, -ENOMEM, "out of memory");
    memcpy(aligned, data, len);
    int r = fd_pwrite_full(imaging->fd, aligned, len, offset);
    explicit_bzero(aligned, len);
    if (r == 0)
        return 0;
    imaging->reason = IMAGING_REASON_DISK;
    return err_errno(err, r, "%s: cannot write %s", imaging->disk->name, what);
}

/* What lies there of an earlier installation goes in any case. */
static int write_key(struct imaging *imaging, uint64_t offset, struct err *err)
{
    uint8_t room[DISK_KEY_SEED_ROOM] = {0};
    if (imaging->key_block)
        memcpy(room, imaging->key_block, DISK_KEY_SIZE);
    int r = write_at(imaging, room, sizeof(room), offset, "the machine's key", err);
    explicit_bzero(room, sizeof(room));
    return r;
}

static int write_seed(struct imaging *imaging, const struct layout *layout, const struct seed *seed,
                      struct err *err)
{
    uint8_t *data = NULL;
    size_t size = layout->seed_size - DISK_KEY_SEED_ROOM;
    int r = layout_seed(layout, seed, imaging->disk->sector_size, &data, err);
    if (r == 0)
        r = write_at(imaging, data, size, layout->seed_offset, "the seed partition", err);
    if (data)
        explicit_bzero(data, size);
    free(data);
    return r < 0 ? r : write_key(imaging, layout->seed_offset + size, err);
}

int layout_finish(struct imaging *imaging, const struct seed *seed, struct rng *rng,
                  struct layout *ret, struct err *err)
{
    uint32_t len = image_chunk_raw_length(imaging->manifest, 0);
    uint64_t size = imaging->disk->size;
    _autofree_ uint8_t *first = imaging_memory(len);
    _autofree_ struct layout_plan *plan = malloc(sizeof(*plan));
    imaging->reason = IMAGING_REASON_LAYOUT;
    if (!first || !plan)
        return err_set(err, -ENOMEM, "out of memory");
    int r = imaging_first_chunk(imaging, first, err);
    if (r == 0)
        r = layout_plan(first, len, imaging->disk->sector_size, size, seed != NULL, rng, plan, err);
    if (r == 0)
        r = imaging_write_first(imaging, first, err);
    if (r == 0 && seed && plan->layout.seed_size)
        r = write_seed(imaging, &plan->layout, seed, err);
    if (r == 0 && plan->is_gpt)
        r = write_at(imaging, plan->tail, plan->tail_size, size - plan->tail_size,
                     "the backup partition table", err);
    if (r == 0)
        r = imaging_commit(imaging, first, err);
    if (r < 0)
        return r;
    /* Fails while something else looks at the disk: then its partitions stay unknown until the
     * next start, and only kexec is not possible. */
    (void)ioctl(imaging->fd, BLKRRPART);
    *ret = plan->layout;
    return 0;
}
