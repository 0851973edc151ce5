/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the root partition reach to the next partition or to the end of its disk, and the root file
 * system fill it, while it is mounted. Nothing is moved; doing it again does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct grow_result {
    bool partition;         /* the partition grew */
    bool file_system;       /* the file system grew */
    uint64_t before, after; /* bytes of the file system */
    const char *skipped;    /* why nothing could be done (LVM, no GPT, ...); NULL: it was done */
};

/*
 * mount_point: where the file system is mounted ("/"). sys is "/sys", dev is "/dev". ext4 and btrfs
 * are resized by ioctl, XFS by running xfs_growfs. 0 or a negative errno.
 */
int grow_root(const char *mount_point, const char *sys, const char *dev, struct grow_result *ret,
              struct err *err) _must_check_;
