/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/zero.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "base/file.h"
#include "image/chunk.h"

static int zero_by_hand(int fd, uint64_t offset, uint64_t len, void *buffer, size_t size)
{
    while (len) {
        size_t n = len < size ? (size_t)len : size;
        ssize_t got = fd_pread_full(fd, buffer, n, offset);
        if (got < 0)
            return (int)got;
        if ((size_t)got != n)
            return -EIO;
        if (!image_is_zero(buffer, n)) {
            memset(buffer, 0, n);
            int r = fd_pwrite_full(fd, buffer, n, offset);
            if (r < 0)
                return r;
        }
        offset += n;
        len -= n;
    }
    return 0;
}

int zero_range(int fd, uint64_t offset, uint64_t len, bool by_device, void *buffer, size_t size)
{
    /* On a block device this is a write-zeroes command that may unmap, and never a slow fallback:
     * the kernel says EOPNOTSUPP instead. */
    if (by_device &&
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
        return 0;
    return zero_by_hand(fd, offset, len, buffer, size);
}
