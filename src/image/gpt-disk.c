/* SPDX-License-Identifier: Apache-2.0 */
#include "image/gpt-disk.h"

#include "base/file.h"

static int read_at(int fd, void *data, size_t len, uint64_t offset)
{
    ssize_t n = fd_pread_full(fd, data, len, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -ENODATA;
}

int gpt_disk_read(int fd, uint64_t size, uint32_t sector_size, struct gpt *ret,
                  enum gpt_source *ret_source, struct err *err)
{
    uint8_t buffer[GPT_HEAD_MAX];
    if (sector_size != 512 && sector_size != GPT_SECTOR_MAX)
        return err_set(err, -EINVAL, "sectors of %u bytes are not supported", sector_size);
    uint64_t sectors = size / sector_size;
    size_t head = gpt_head_size(sector_size);
    size_t tail = gpt_tail_size(sector_size);
    if (size < head + tail)
        return err_set(err, -ENOENT, "no partition table: the disk is too small for one");
    int r = read_at(fd, buffer, head, 0);
    if (r < 0)
        return err_errno(err, r, "cannot read the partition table");
    int primary = gpt_parse_head(buffer, head, sector_size, sectors, ret);
    if (primary == 0) {
        if (ret_source)
            *ret_source = GPT_SOURCE_PRIMARY;
        return 0;
    }
    r = read_at(fd, buffer, tail, sectors * sector_size - tail);
    if (r < 0)
        return err_errno(err, r, "cannot read the backup partition table");
    int backup = gpt_parse_tail(buffer, tail, sector_size, sectors, ret);
    if (backup == 0) {
        if (ret_source)
            *ret_source = GPT_SOURCE_BACKUP;
        return 0;
    }
    if (primary == -ENOENT && backup == -ENOENT)
        return err_set(err, -ENOENT, "no GUID partition table");
    if (primary == -ENOTSUP)
        return err_set(err, -ENOTSUP, "a GUID partition table of unusual layout");
    return err_set(err, -EBADMSG, "both copies of the GUID partition table are damaged");
}

static int write_synced(int fd, const void *data, size_t len, uint64_t offset)
{
    int r = fd_pwrite_full(fd, data, len, offset);
    if (r < 0)
        return r;
    return fsync(fd) < 0 ? -errno : 0;
}

int gpt_disk_write(int fd, const struct gpt *gpt, struct err *err)
{
    uint8_t buffer[GPT_HEAD_MAX];
    size_t head = gpt_head_size(gpt->sector_size);
    size_t tail = gpt_tail_size(gpt->sector_size);
    if (gpt_check(gpt) < 0)
        return err_set(err, -EINVAL, "refusing to write a partition table that is not consistent");
    gpt_print_tail(gpt, buffer);
    int r = write_synced(fd, buffer, tail, gpt->sectors * gpt->sector_size - tail);
    if (r < 0)
        return err_errno(err, r, "cannot write the backup partition table");
    r = read_at(fd, buffer, gpt->sector_size, 0);
    if (r < 0)
        return err_errno(err, r, "cannot read the first sector");
    gpt_print_head(gpt, buffer);
    r = write_synced(fd, buffer, head, 0);
    return r < 0 ? err_errno(err, r, "cannot write the partition table") : 0;
}
