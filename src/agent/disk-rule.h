/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which disk is written: a decision over plain values. The rule must match exactly one fixed disk;
 * a guess would sooner or later wipe somebody's data.
 */
#pragma once

#include <stddef.h>

#include "agent/disk.h"
#include "base/err.h"
#include "protocol/message.h"

/* Reasons as they are reported to the server: CamelCase as in Kubernetes conditions. */
#define DISK_REASON_NONE "NoDiskMatches"
#define DISK_REASON_MANY "SeveralDisksMatch"
#define DISK_REASON_NOT_EMPTY "DiskNotEmpty"
#define DISK_REASON_TOO_SMALL "DiskTooSmall"
#define DISK_REASON_SECTOR_SIZE "SectorSizeMismatch"

/* What the image needs of the disk. */
struct disk_need {
    uint64_t size;        /* bytes */
    uint32_t sector_size; /* of the image's partition table, bytes */
};

/*
 * The index of the only disk that may be written. On failure -ENODEV, -ENOTUNIQ, -ENOTEMPTY,
 * -ENOSPC or -EINVAL (sector size), *ret_reason is one of the above and err's text lists every disk
 * and why it does or does not match.
 */
int disk_choose(const struct protocol_disk_rule *rule, const struct disk_need *need,
                const struct disk *disks, size_t count, size_t *ret_index, const char **ret_reason,
                struct err *err) _must_check_;

/* Why this disk does not match the rule, or NULL when it does. */
const char *disk_mismatch(const struct protocol_disk_rule *rule, const struct disk *disk);
