/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes in a disk image that somebody else made (a vendor's cloud image): raw, or a format that
 * qemu-img reads. It is stored as it is; the seed partition is added when it is written to a disk.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "image/manifest.h"
#include "image/pack.h"

struct image_import {
    const char *path;   /* the disk image */
    const char *format; /* "raw", "qcow2"...; NULL: qemu-img finds out */
    const char *name;
    const char *architecture;
    const char *description;               /* may be NULL */
    const char *folder;                    /* where the image goes */
    int level;                             /* zstd; 0: default */
    const struct image_progress *progress; /* may be NULL */
};

/*
 * Imports. Formats: raw, qcow2, vdi, vpc, vhdx; an image that refers to other files (a backing
 * file) is refused, since it could name any file of this machine. *ret (image_manifest_clear())
 * describes the result; its boot part is filled in when the kernel was found. 0, -EINVAL (not
 * usable), -ENOENT (file, or qemu-img is not installed), -ENOSPC, -EINTR, or another negative
 * errno.
 */
int image_import(const struct image_import *import, struct image_manifest *ret, struct err *err)
    _must_check_;

/*
 * Looks for what stage2 may kexec: a partition with an ext2/3/4 file system that has a grub.cfg
 * with kernel and initrd beside it. Fills *ret, or leaves it empty when there is none: that is no
 * error, such machines start through their firmware. Uses debugfs on the raw disk at `path`.
 */
void image_find_boot(const char *path, int disk_fd, uint64_t disk_size, struct image_boot *ret);

/*
 * The pure part: kernel, initrd and arguments of the first `linux` command of a grub.cfg, with
 * words that hold GRUB variables left out. 0 or -ENOENT.
 */
int image_boot_from_grub(const char *text, struct image_boot *ret) _must_check_;
