/* SPDX-License-Identifier: Apache-2.0 */
/* From a disk (a raw file, sparse or not) to the data file and manifest of an image. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "image/manifest.h"
#include "image/progress.h"

/*
 * zstd level for built images, measured on a Debian root file system of 320 MB: level 1 gives 105
 * MB in 1.3 s of CPU, 3 gives 96 MB in 1.8 s, 6 gives 90 MB in 4.2 s, 12 gives 84 MB in 15 s.
 * Unpacking takes 0.3 s whatever the level.
 */
enum { IMAGE_LEVEL_DEFAULT = 3 };

struct image_pack_options {
    int level;                             /* zstd; 0: IMAGE_LEVEL_DEFAULT */
    unsigned threads;                      /* 0: one per available core */
    const struct image_progress *progress; /* may be NULL */
};

/*
 * Packs the disk behind disk_fd (m->disk_size bytes; m from image_manifest_init()) into data_fd,
 * from its start, on several threads with bounded memory, and fills in m's chunks and data size.
 * Holes of a sparse file are not read. The result depends on the disk's bytes and the level alone,
 * not on timing. 0, -ENOSPC (the disk for the data file is full), -EINTR (cancelled), -ENODATA (the
 * disk is shorter than m says) or another negative errno.
 */
int image_pack(int disk_fd, int data_fd, const struct image_pack_options *options,
               struct image_manifest *m, struct err *err) _must_check_;
