/* SPDX-License-Identifier: Apache-2.0 */
#include "image/build-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum {
    INHERITED_FD_MIN = 100, /* mmdebstrap has shells redirect its own, which must stay below 10 */
    COPY_SIZE = 1 << 30,    /* bytes per call; any number would do */
};

int build_fd_inherit(int fd)
{
    if (fd < 0)
        return fd;
    int high = fcntl(fd, F_DUPFD, INHERITED_FD_MIN);
    int r = high < 0 ? -errno : high;
    (void)close(fd);
    return r;
}

int build_fd_unnamed(const char *folder, mode_t mode)
{
    _autofd_ int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (fd < 0 || fchmod(fd, mode) < 0)
        return -errno;
    return build_fd_inherit(TAKE_FD(fd));
}

int build_fd_memory(const char *name, const void *data, size_t len)
{
    _autofd_ int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = len ? fd_write_full(fd, data, len) : 0;
    return r < 0 ? r : build_fd_inherit(TAKE_FD(fd));
}

static int copy_unnamed(int from, const char *folder)
{
    _autofd_ int to = build_fd_unnamed(folder, 0444);
    if (to < 0)
        return to;
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_SIZE, 0);
        if (n == 0)
            return TAKE_FD(to);
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

int build_fd_open(const char *path, const char *folder, struct err *err)
{
    struct stat st;
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, -EINVAL, "%s: not a file", path);
    bool readable = geteuid() == 0 || (st.st_mode & S_IROTH);
    int r = readable ? build_fd_inherit(TAKE_FD(fd)) : copy_unnamed(fd, folder);
    return r < 0 ? err_errno(err, r, "cannot copy %s", path) : r;
}
