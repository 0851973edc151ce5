/* SPDX-License-Identifier: Apache-2.0 */
#include "node/seed-source.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/str.h"
#include "provision/seed.h"

void seed_source_close(struct seed_source *source)
{
    cleanup_fd(&source->fd);
    cleanup_fd(&source->write_fd);
    free(source->path);
    *source = SEED_SOURCE_INIT;
}

static int source_read(void *data, uint64_t offset, void *dst, size_t len)
{
    const struct seed_source *source = data;
    ssize_t n = fd_pread_full(source->fd, dst, len, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EIO;
}

static int source_write(void *data, uint64_t offset, const void *src, size_t len)
{
    const struct seed_source *source = data;
    return fd_pwrite_full(source->write_fd, src, len, offset);
}

int seed_source_open(const char *path, struct seed_source *ret, struct err *err)
{
    seed_source_close(ret);
    ret->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (ret->fd < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    off_t size = lseek(ret->fd, 0, SEEK_END);
    ret->path = strdup(path);
    if (size < 0 || !ret->path)
        return err_errno(err, size < 0 ? -errno : -ENOMEM, "cannot open %s", path);
    struct fat_device device = {source_read, source_write, ret, (uint64_t)size};
    int r = fat_volume_open(&device, &ret->volume);
    return r < 0 ? err_errno(err, r, "no FAT file system on %s", path) : 0;
}

/* Opens the partition when its label is the seed's. */
static int try_partition(const char *dev, const char *name, struct seed_source *ret)
{
    char path[320];
    (void)snprintf(path, sizeof(path), "%s/%s", dev, name);
    int r = seed_source_open(path, ret, NULL);
    if (r == 0 && strcasecmp(ret->volume.label, "CIDATA") == 0)
        return 0;
    seed_source_close(ret);
    return -ENOENT;
}

/* Tries every entry of a folder of sysfs that has a file "partition". */
static int try_folder(const char *folder, const char *dev, struct seed_source *ret)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return -ENOENT;
    int r = -ENOENT;
    for (struct dirent *entry; r < 0 && (entry = readdir(dir));) {
        _autofree_ char *mark = str_format("%s/%s/partition", folder, entry->d_name);
        if (entry->d_name[0] != '.' && mark && access(mark, F_OK) == 0)
            r = try_partition(dev, entry->d_name, ret);
    }
    (void)closedir(dir);
    return r;
}

/* The partitions beside the one that holds root_folder are its disk's folder in sysfs. */
static int try_own_disk(const char *root_folder, const char *sys, const char *dev,
                        struct seed_source *ret)
{
    struct stat st;
    if (stat(root_folder, &st) < 0)
        return -ENOENT;
    _autofree_ char *disk =
        str_format("%s/dev/block/%u:%u/..", sys, major(st.st_dev), minor(st.st_dev));
    return disk ? try_folder(disk, dev, ret) : -ENOMEM;
}

int seed_source_find(const char *root_folder, const char *sys, const char *dev,
                     struct seed_source *ret, struct err *err)
{
    int r = try_own_disk(root_folder, sys, dev, ret);
    if (r == 0)
        return 0;
    _autofree_ char *all = str_format("%s/class/block", sys);
    r = all ? try_folder(all, dev, ret) : -ENOMEM;
    return r < 0 ? err_set(err, r, "no partition with the label CIDATA") : 0;
}

static bool is_all_zero(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i])
            return false;
    }
    return true;
}

int seed_source_read(struct seed_source *source, const char *path, size_t max, char **ret_text,
                     size_t *ret_len, struct err *err)
{
    struct fat_entry entry;
    char *text = NULL;
    size_t len = 0;
    int r = fat_volume_find(&source->volume, path, &entry);
    if (r == 0)
        r = fat_volume_read(&source->volume, &entry, max, &text, &len);
    if (r == 0 && is_all_zero(text, len)) {
        free(text);
        r = -ENOENT;
    }
    if (r < 0)
        return err_errno(err, r, "cannot read %s of %s", path, source->path);
    *ret_text = text;
    if (ret_len)
        *ret_len = len;
    return 0;
}

static int wipe_file(struct seed_source *source, const char *path)
{
    struct fat_entry entry;
    int r = fat_volume_find(&source->volume, path, &entry);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return fat_volume_wipe(&source->volume, &entry);
}

int seed_source_wipe(struct seed_source *source, const char *const paths[], struct err *err)
{
    source->write_fd = open(source->path, O_WRONLY | O_CLOEXEC);
    if (source->write_fd < 0)
        return err_errno(err, -errno, "cannot open %s for writing", source->path);
    int r = 0;
    for (size_t i = 0; r == 0 && paths[i]; i++)
        r = wipe_file(source, paths[i]);
    if (r == 0 && fdatasync(source->write_fd) < 0)
        r = -errno;
    cleanup_fd(&source->write_fd);
    source->write_fd = -1;
    return r < 0 ? err_errno(err, r, "cannot wipe the secrets of %s", source->path) : 0;
}
