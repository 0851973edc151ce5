/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables on real disks and disk image files. Blocking; thread safe for different disks.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "image/gpt.h"

/* Where gpt_disk_read() found the table. */
enum gpt_source { GPT_SOURCE_PRIMARY, GPT_SOURCE_BACKUP };

/*
 * Reads the table of a disk (a block device or a file) of `size` bytes: the primary copy, or the
 * backup at the disk's end when the primary is damaged. *ret_source (may be NULL) tells which. 0,
 * -ENOENT (no GPT), -EBADMSG (both copies damaged), -ENOTSUP, -EINVAL (sector size), or an I/O
 * error.
 */
int gpt_disk_read(int fd, uint64_t size, uint32_t sector_size, struct gpt *ret,
                  enum gpt_source *ret_source, struct err *err) _must_check_;

/*
 * Writes both copies, the backup first, each followed by fsync, so that a power cut leaves one good
 * copy. The boot code in the first sector is kept. 0 or a negative errno.
 */
int gpt_disk_write(int fd, const struct gpt *gpt, struct err *err) _must_check_;
