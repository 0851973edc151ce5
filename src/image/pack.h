/* SPDX-License-Identifier: Apache-2.0 */
/* From a disk (a raw file, sparse or not) to the data file and manifest of an image. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "image/manifest.h"
#include "image/progress.h"

/*
 * zstd level for built images. Of the levels tried on a Debian root file system this is the last
 * one whose time on two cores stays small beside the installation of the packages; the cost of
 * unpacking is the same for all of them.
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
