/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/key-file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/file.h"

void key_file_clear(struct key_file *file)
{
    if (file->data)
        sodium_memzero(file->data, file->len);
    free(file->data);
    *file = (struct key_file){0};
}

static int check_file(const char *path, const struct stat *st, size_t max, struct err *err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(err, -EINVAL, "%s is not a regular file", path);
    if (st->st_size < 0 || (uint64_t)st->st_size > max)
        return err_set(err, -EFBIG, "%s is longer than %zu bytes", path, max);
    return 0;
}

/* file_read() grows its buffer and leaves copies behind; a secret is read into one place. */
static int read_file(const char *path, size_t max, mode_t forbidden, struct key_file *ret,
                     struct err *err)
{
    struct stat st;
    /* Nobody waits for the other end of a pipe. */
    _autofd_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    int r = check_file(path, &st, max, err);
    if (r < 0)
        return r;
    if (st.st_mode & forbidden)
        return err_set(err, -EPERM, "%s holds secrets but others may access it: chmod 600 it",
                       path);
    _autokeyfile_ struct key_file file = {.len = (size_t)st.st_size};
    file.data = calloc(1, file.len + 1);
    if (!file.data)
        return err_set(err, -ENOMEM, "out of memory");
    if (fd_read_full(fd, file.data, file.len) != st.st_size)
        return err_set(err, -EIO, "cannot read %s", path);
    ret->data = TAKE_PTR(file.data);
    ret->len = file.len;
    return 0;
}

int key_file_read(const char *path, size_t max, struct key_file *ret, struct err *err)
{
    return read_file(path, max, 077, ret, err);
}

int key_file_read_public(const char *path, size_t max, struct key_file *ret, struct err *err)
{
    return read_file(path, max, 0, ret, err);
}
