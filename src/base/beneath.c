/* SPDX-License-Identifier: Apache-2.0 */
#include "base/beneath.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* O_NONBLOCK: opening a named pipe must not wait for its other end. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* Relative, and no part is empty or begins with '.', which also excludes "." and "..". */
static bool is_plain_name(const char *name)
{
    while (*name) {
        if (*name == '.' || *name == '/')
            return false;
        size_t n = strcspn(name, "/");
        if (name[n] == '/' && !name[n + 1])
            return false;
        name += name[n] ? n + 1 : n;
    }
    return true;
}

/* Takes the name's next part off; false when it is too long. */
static bool next_part(const char **name, char part[static NAME_MAX + 1], bool *ret_last)
{
    size_t n = strcspn(*name, "/");
    if (n > NAME_MAX)
        return false;
    memcpy(part, *name, n);
    part[n] = 0;
    *ret_last = (*name)[n] == 0;
    *name += *ret_last ? n : n + 1;
    return true;
}

/* Part by part for kernels and sandboxes without openat2(2); follows no symbolic link at all. */
static int open_parts(int root, const char *name)
{
    char part[NAME_MAX + 1];
    bool last;
    _autofd_ int folder = -1;
    while (next_part(&name, part, &last)) {
        int flags = last ? OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;
        int fd = openat(folder < 0 ? root : folder, part, flags | O_NOFOLLOW);
        if (fd < 0)
            return -errno;
        if (last)
            return fd;
        if (folder >= 0)
            (void)close(folder);
        folder = fd;
    }
    return -ENOENT;
}

static int open_any(int root, const char *name)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
    if (fd >= 0)
        return (int)fd;
    if (errno == ENOSYS || errno == EPERM)
        return open_parts(root, name);
    return -errno;
}

int open_beneath(int root, const char *name)
{
    struct stat st;
    if (!name[0] || !is_plain_name(name))
        return -ENOENT;
    _autofd_ int fd = open_any(root, name);
    if (fd == -EXDEV || fd == -ELOOP || fd == -ENOTDIR || fd == -ENXIO || fd == -ENAMETOOLONG)
        return -ENOENT;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -ENOENT;
    return TAKE_FD(fd);
}
