/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

ssize_t fd_read_full(int fd, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

ssize_t fd_pread_full(int fd, void *data, size_t len, uint64_t offset)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, (char *)data + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int fd_write_full(int fd, const void *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return 0;
}

int fd_pwrite_full(int fd, const void *data, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        done += (size_t)n;
    }
    return 0;
}

int fd_nonblock(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* Reads to the end of file; sizes of /proc and /sys files are not known before. */
static int read_all(int fd, size_t max, char **ret_data, size_t *ret_len)
{
    size_t cap = 4096 < max ? 4096 : max, len = 0;
    _autofree_ char *data = malloc(cap + 1);
    if (!data)
        return -ENOMEM;
    for (;;) {
        ssize_t n = fd_read_full(fd, data + len, cap + 1 - len);
        if (n < 0)
            return (int)n;
        len += (size_t)n;
        if (len <= cap)
            break;
        if (cap >= max)
            return -EFBIG;
        cap = cap > max / 2 ? max : cap * 2;
        char *bigger = realloc(data, cap + 1);
        if (!bigger)
            return -ENOMEM;
        data = bigger;
    }
    data[len] = '\0';
    *ret_data = TAKE_PTR(data);
    if (ret_len)
        *ret_len = len;
    return 0;
}

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    int r = read_all(fd, max, ret_data, ret_len);
    if (r == -EFBIG)
        return err_set(err, r, "%s is longer than %zu bytes", path, max);
    if (r < 0)
        return err_errno(err, r, "cannot read %s", path);
    return 0;
}

int dir_sync(const char *path)
{
    _autofd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 ? -errno : 0;
}

static int sync_parent(const char *path)
{
    _autofree_ char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    return dir_sync(dirname(copy));
}

static int write_and_sync(int fd, const void *data, size_t len, mode_t mode)
{
    int r = fd_write_full(fd, data, len);
    if (r < 0)
        return r;
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
    _autofree_ char *temporary = str_format("%s.XXXXXX", path);
    if (!temporary)
        return err_set(err, -ENOMEM, "out of memory");
    _autofd_ int fd = mkstemp(temporary);
    if (fd < 0)
        return err_errno(err, -errno, "cannot create %s", temporary);
    int r = write_and_sync(fd, data, len, mode);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlink(temporary);
        return err_errno(err, r, "cannot write %s", path);
    }
    r = sync_parent(path);
    if (r < 0)
        return err_errno(err, r, "cannot sync the folder of %s", path);
    return 0;
}

static int make_one(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
    _autofree_ char *copy = strdup(path);
    if (!copy)
        return err_set(err, -ENOMEM, "out of memory");
    for (char *p = copy + 1; copy[0] && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int r = make_one(copy, 0755);
        if (r < 0)
            return err_errno(err, r, "cannot make the folder %s", copy);
        *p = '/';
    }
    int r = make_one(path, mode);
    return r < 0 ? err_errno(err, r, "cannot make the folder %s", path) : 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path) < 0 && errno != ENOENT ? -errno : 0;
}

int tree_remove(const char *path, struct err *err)
{
    int r = nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (r == -1 && errno == ENOENT)
        return 0;
    if (r == -1)
        r = -errno;
    return r < 0 ? err_errno(err, r, "cannot remove %s", path) : 0;
}
