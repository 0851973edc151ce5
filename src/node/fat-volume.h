/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads files out of a FAT file system (12, 16 and 32 bits, long names) without mounting it, so
 * that first boot needs no kernel modules, no mount and no udev. Everything on the volume is
 * untrusted: reads stay inside it, and chains that loop end.
 *
 * Not thread safe on one volume (it caches one block of the allocation table).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* How the volume's bytes are reached. Both return 0 or a negative errno; a short read is -EIO. */
struct fat_device {
    int (*read)(void *data, uint64_t offset, void *dst, size_t len);
    int (*write)(void *data, uint64_t offset, const void *src, size_t len); /* NULL: read-only */
    void *data;
    uint64_t size; /* bytes */
};

enum { FAT_VOLUME_CACHE = 4096, FAT_VOLUME_LABEL_SIZE = 12 };

struct fat_volume {
    struct fat_device device;
    int bits; /* 12, 16 or 32 */
    uint32_t cluster_size;
    uint32_t clusters; /* data clusters; they are numbered from 2 */
    uint64_t table;    /* byte offsets */
    uint64_t root;     /* of the fixed root folder of FAT12 and FAT16 */
    uint64_t data;
    uint32_t root_entries;
    uint32_t root_cluster; /* FAT32 */
    char label[FAT_VOLUME_LABEL_SIZE];
    uint64_t cached; /* where the cached block starts; UINT64_MAX: none */
    uint8_t cache[FAT_VOLUME_CACHE];
};

struct fat_entry {
    uint32_t cluster;
    uint32_t size;
    bool is_folder;
};

/* 0, -EBADMSG when this is no FAT file system, or an error of the device. */
int fat_volume_open(const struct fat_device *device, struct fat_volume *ret) _must_check_;

/* "name" or "folder/name", without regard to case. 0, -ENOENT, -EBADMSG. */
int fat_volume_find(struct fat_volume *volume, const char *path, struct fat_entry *ret)
    _must_check_;

/*
 * The file's bytes, malloc'd with a NUL behind them. 0, -EISDIR, -EFBIG (longer than max),
 * -EBADMSG, -ENOMEM.
 */
int fat_volume_read(struct fat_volume *volume, const struct fat_entry *entry, size_t max,
                    char **ret_data, size_t *ret_len) _must_check_;

/* Overwrites the file's bytes with zeros in place; its size stays. The caller syncs the device. */
int fat_volume_wipe(struct fat_volume *volume, const struct fat_entry *entry) _must_check_;
