/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where first boot reads its seed: the FAT partition with the label CIDATA, found by asking the
 * kernel which partitions the root disk (then any disk) has, without waiting for udev.
 */
#pragma once

#include "base/err.h"
#include "node/fat-volume.h"

struct seed_source {
    char *path;   /* "/dev/vda3" */
    int fd;       /* read-only, -1: not open */
    int write_fd; /* -1 except while wiping: closing a writable one makes udev probe the disk again
                   */
    struct fat_volume volume;
};

void seed_source_close(struct seed_source *source);
#define _autosource_ _cleanup_(seed_source_close)
#define SEED_SOURCE_INIT ((struct seed_source){.fd = -1, .write_fd = -1})

/* A partition or a file that holds the FAT file system. 0, -EBADMSG (no FAT) or the system's error.
 */
int seed_source_open(const char *path, struct seed_source *ret, struct err *err) _must_check_;

/*
 * The CIDATA partition: of the disk that holds `root_folder` if it has one, else of any disk. sys
 * is
 * "/sys", dev is "/dev". -ENOENT when there is none.
 */
int seed_source_find(const char *root_folder, const char *sys, const char *dev,
                     struct seed_source *ret, struct err *err) _must_check_;

/*
 * A file of the seed; -ENOENT when it is missing, empty, or was wiped (all zeros). The text is
 * malloc'd and holds secrets: free it with seed_text_free().
 */
int seed_source_read(struct seed_source *source, const char *path, size_t max, char **ret_text,
                     size_t *ret_len, struct err *err) _must_check_;

/*
 * Overwrites files in place with zeros and syncs once; those that are missing are passed over.
 * paths ends with NULL.
 */
int seed_source_wipe(struct seed_source *source, const char *const paths[], struct err *err)
    _must_check_;
