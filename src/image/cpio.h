/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a cpio archive in the "newc" form that the Linux kernel unpacks as its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Owners, times and inode numbers do
 * not depend on the machine that writes, so the same input gives the same bytes.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct cpio {
    struct buf *out; /* borrowed; failures stick there */
    uint32_t inode;  /* the last number given out */
};

static inline struct cpio cpio_init(struct buf *out)
{
    return (struct cpio){.out = out};
}

/* Entries are added in the order of the calls; a folder must come before what it holds. Paths are
 * relative ("sbin/modprobe"). A file longer than 4 GiB makes the buffer fail with -EMSGSIZE. */
void cpio_dir(struct cpio *cpio, const char *path, mode_t permissions);
void cpio_file(struct cpio *cpio, const char *path, mode_t permissions, const void *data,
               size_t len);
void cpio_symlink(struct cpio *cpio, const char *path, const char *target);
void cpio_char_device(struct cpio *cpio, const char *path, mode_t permissions, unsigned major,
                      unsigned minor);

/* The trailer. 0, or the first failure of the buffer. */
int cpio_end(struct cpio *cpio) _must_check_;
