/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a FAT file system in memory from a list of files (Microsoft "FAT: General Overview of
 * On-Disk Format" 1.03): for seed partitions (label CIDATA) and EFI system partitions. The same
 * input always gives the same bytes. Pure functions, thread safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FAT_PATH_MAX = 255, FAT_FILES_MAX = 1024, FAT_LABEL_MAX = 11 };

/* A file, or with data NULL and len 0 and a path ending in '/', an empty folder. */
struct fat_file {
    const char *path; /* "user-data", "EFI/BOOT/BOOTX64.EFI": printable ASCII, case is kept */
    const void *data;
    size_t len;
};

struct fat_options {
    uint64_t size;        /* bytes: a multiple of sector_size; the whole partition */
    uint32_t sector_size; /* 512 or 4096; 0 means 512 */
    uint32_t volume_id;   /* shown as XXXX-XXXX */
    const char *label;    /* at most 11 printable characters, upper case */
    int bits;             /* 12, 16 or 32; 0: the smallest that suits the size */
    int64_t time;         /* seconds since 1970 for all files; before 1980 counts as 1980 */
    uint64_t offset;      /* sectors before the partition, for the field of that name; may be 0 */
};

/*
 * The file system's bytes, malloc'd, options->size of them. Parent folders are made as needed. 0,
 * -EINVAL (options, a bad or doubled path, a file where a folder is needed), -ENOSPC (the files do
 * not fit), -ENOMEM.
 */
int fat_build(const struct fat_options *options, const struct fat_file *files, size_t count,
              uint8_t **ret_data, struct err *err) _must_check_;
