/* SPDX-License-Identifier: Apache-2.0 */
#include "node/grow.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/gpt-disk.h"

/* linux/ext4.h is not among the exported headers; the number is fs/ext4/ext4.h's. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#define XFS_MAGIC 0x58465342

enum { SYSFS_MAX = 4096 };

/* Where the file system lies. */
struct place {
    char disk[64];      /* "vda" */
    char partition[64]; /* "vda4" */
    unsigned number;    /* of the partition, from 1 */
    uint64_t sectors;   /* of 512 bytes: the partition's size as the kernel knows it */
};

static int sysfs_number(const char *folder, const char *file, uint64_t *ret)
{
    _autofree_ char *path = str_format("%s/%s", folder, file);
    _autofree_ char *text = NULL;
    int r = path ? file_read(path, SYSFS_MAX, &text, NULL, NULL) : -ENOMEM;
    if (r < 0)
        return r;
    text[strcspn(text, "\n")] = '\0';
    return str_parse_u64(text, 0, UINT64_MAX, ret);
}

/* The last two names of a path in /sys/devices: ".../vda/vda4". */
static int split_path(const char *path, struct place *ret)
{
    const char *last = strrchr(path, '/');
    if (!last || last == path)
        return -EINVAL;
    const char *disk = last;
    while (disk > path && disk[-1] != '/')
        disk--;
    char name[sizeof(ret->disk)];
    size_t len = (size_t)(last - disk);
    if (len >= sizeof(name))
        return -EINVAL;
    memcpy(name, disk, len);
    name[len] = '\0';
    int r = str_copy(ret->disk, sizeof(ret->disk), name);
    return r < 0 ? r : str_copy(ret->partition, sizeof(ret->partition), last + 1);
}

/* 0, or -ENOTBLK when the file system does not lie on a plain partition. */
static int find_place(const char *mount_point, const char *sys, struct place *ret)
{
    struct stat st;
    uint64_t number = 0;
    if (stat(mount_point, &st) < 0)
        return -errno;
    _autofree_ char *link =
        str_format("%s/dev/block/%u:%u", sys, major(st.st_dev), minor(st.st_dev));
    if (!link)
        return -ENOMEM;
    _autofree_ char *real = realpath(link, NULL);
    if (!real || sysfs_number(real, "partition", &number) < 0 || number == 0 ||
        number > GPT_ENTRIES || sysfs_number(real, "size", &ret->sectors) < 0)
        return -ENOTBLK;
    ret->number = (unsigned)number;
    return split_path(real, ret) < 0 ? -ENOTBLK : 0;
}

static int disk_geometry(int fd, uint64_t *ret_size, uint32_t *ret_sector_size)
{
    int sector_size = 0;
    if (ioctl(fd, BLKGETSIZE64, ret_size) < 0 || ioctl(fd, BLKSSZGET, &sector_size) < 0)
        return -errno;
    *ret_sector_size = (uint32_t)sector_size;
    return 0;
}

/* Tells the kernel about a partition's new size, which works while it is mounted. */
static int resize_partition(int fd, const struct gpt *gpt, unsigned number)
{
    struct blkpg_partition partition = {
        .start = (long long)gpt_partition_offset(gpt, number),
        .length = (long long)gpt_partition_size(gpt, number),
        .pno = (int)number,
    };
    struct blkpg_ioctl_arg argument = {
        .op = BLKPG_RESIZE_PARTITION, .datalen = sizeof(partition), .data = &partition};
    return ioctl(fd, BLKPG, &argument) < 0 ? -errno : 0;
}

/* Opened for writing only now: closing such a descriptor makes udev probe the whole disk again. */
static int write_table(const char *path, const struct gpt *gpt, struct err *err)
{
    _autofd_ int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "cannot open %s for writing", path);
    return gpt_disk_write(fd, gpt, err);
}

/* 1 when the table was changed, 0 when there is nothing to gain. */
static int grow_table(const char *path, struct gpt *gpt, uint64_t size, unsigned number,
                      struct err *err)
{
    bool moved = gpt->sectors != size / gpt->sector_size;
    int r = moved ? gpt_relocate(gpt, size / gpt->sector_size) : 0;
    if (r == 0)
        r = gpt_grow(gpt, number);
    if (r < 0)
        return err_errno(err, r, "cannot enlarge partition %u", number);
    if (r == 0 && !moved)
        return 0;
    r = write_table(path, gpt, err);
    return r < 0 ? r : 1;
}

static int grow_partition(const char *path, const struct place *place, struct grow_result *ret,
                          struct err *err)
{
    uint64_t size = 0;
    uint32_t sector_size = 0;
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    int r = disk_geometry(fd, &size, &sector_size);
    if (r < 0)
        return err_errno(err, r, "cannot measure %s", path);
    _autofree_ struct gpt *gpt = malloc(sizeof(*gpt));
    if (!gpt)
        return err_set(err, -ENOMEM, "out of memory");
    r = gpt_disk_read(fd, size, sector_size, gpt, NULL, err);
    if (r == -ENOENT || r == -ENOTSUP) {
        ret->skipped = "the disk has no GUID partition table";
        return 0;
    }
    if (r == 0)
        r = grow_table(path, gpt, size, place->number, err);
    if (r < 0)
        return r;
    /* The table may have been written by a run that was cut off before it told the kernel. */
    if (gpt_partition_size(gpt, place->number) / 512 <= place->sectors)
        return 0;
    r = resize_partition(fd, gpt, place->number);
    ret->partition = r == 0;
    return r < 0 ? err_errno(err, r, "cannot resize /dev/%s", place->partition) : 0;
}

static int resize_ext4(int fd, uint64_t bytes, uint64_t block)
{
    uint64_t blocks = bytes / block;
    return ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : 0;
}

static int resize_btrfs(int fd)
{
    struct btrfs_ioctl_vol_args args = {.name = "max"};
    return ioctl(fd, BTRFS_IOC_RESIZE, &args) < 0 ? -errno : 0;
}

static int resize_by_type(int fd, const struct statfs *fs, const char *mount_point, uint64_t bytes,
                          struct grow_result *ret, struct err *err)
{
    int r = 0;
    const char *const xfs[] = {"xfs_growfs", mount_point, NULL};
    switch ((unsigned long)fs->f_type) {
    case EXT4_SUPER_MAGIC:
        r = resize_ext4(fd, bytes, (uint64_t)fs->f_bsize);
        break;
    case BTRFS_SUPER_MAGIC:
        r = resize_btrfs(fd);
        break;
    case XFS_MAGIC:
        return proc_run(xfs, NULL, NULL, err);
    default:
        ret->skipped = "the root file system is none that grows while mounted";
        return 0;
    }
    return r < 0 ? err_errno(err, r, "cannot resize the file system on %s", mount_point) : 0;
}

static int partition_size(const char *sys, const struct place *place, uint64_t *ret)
{
    char folder[256];
    uint64_t sectors = 0;
    (void)snprintf(folder, sizeof(folder), "%s/class/block/%s", sys, place->partition);
    int r = sysfs_number(folder, "size", &sectors);
    *ret = sectors * 512;
    return r;
}

/* ext4 counts less than its device in statfs; a group that is cut short may be left over. */
static int grow_file_system(const char *mount_point, const char *sys, const struct place *place,
                            struct grow_result *ret, struct err *err)
{
    struct statfs before, after = {0};
    uint64_t bytes = 0;
    _autofd_ int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstatfs(fd, &before) < 0)
        return err_errno(err, -errno, "cannot open %s", mount_point);
    int r = partition_size(sys, place, &bytes);
    if (r < 0)
        return err_errno(err, r, "cannot measure /dev/%s", place->partition);
    r = resize_by_type(fd, &before, mount_point, bytes, ret, err);
    if (r == 0 && fstatfs(fd, &after) < 0)
        r = err_errno(err, -errno, "cannot measure %s", mount_point);
    if (r < 0)
        return r;
    ret->before = (uint64_t)before.f_blocks * (uint64_t)before.f_bsize;
    ret->after = (uint64_t)after.f_blocks * (uint64_t)after.f_bsize;
    ret->file_system = ret->after > ret->before;
    return 0;
}

int grow_root(const char *mount_point, const char *sys, const char *dev, struct grow_result *ret,
              struct err *err)
{
    struct place place = {0};
    struct grow_result result = {0};
    int r = find_place(mount_point, sys, &place);
    if (r == -ENOTBLK) {
        result.skipped = "the root file system is not on a partition";
        *ret = result;
        return 0;
    }
    if (r < 0)
        return err_errno(err, r, "cannot find the disk of %s", mount_point);
    _autofree_ char *path = str_format("%s/%s", dev, place.disk);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    r = grow_partition(path, &place, &result, err);
    if (r == 0 && !result.skipped)
        r = grow_file_system(mount_point, sys, &place, &result, err);
    if (r == 0)
        *ret = result;
    return r;
}
