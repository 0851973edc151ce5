/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk holds, recognised by the signatures of partition tables, file systems, volume
 * managers and RAID members; and the marker that an installation leaves until it has ended. Pure
 * functions over the bytes that a reader hands in. (libblkid would do the first part, but it is a
 * third of the agent's size, and stage2 asks one question: may this be overwritten?)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/disk.h"
#include "base/err.h"

enum {
    SIGNATURE_HEAD_SIZE = 1 << 20,   /* bytes looked at from the start */
    SIGNATURE_TAIL_SIZE = 256 << 10, /* and at the end */
    MARKER_SIZE = 512,
};

/* Volume id of the FAT in a seed partition that stage2 made: tells ours from others' CIDATA. */
#define SEED_VOLUME_ID 0x534c5057u

/* Reads bytes of a disk; 0 or a negative errno. Injected. */
struct signature_reader {
    int (*read)(void *data, uint64_t offset, void *dst, size_t len);
    void *data;
};

/*
 * Looks at a disk of disk->size bytes and sets its state, contents, partial_digest and key_offset.
 * Uses about 1.3 MiB of memory while it works. 0 or a negative errno (then the state is
 * DISK_UNREADABLE).
 */
int signature_examine(const struct signature_reader *reader, struct disk *disk) _must_check_;

/* The name of what starts here (a disk or a partition), or NULL: "ext4", "xfs", "lvm", "luks"... */
const char *signature_of(const uint8_t *head, size_t len);

/*
 * The first sector of a disk whose installation has begun: not bootable, not a partition table, and
 * it names the manifest, so that an interrupted installation resumes only with the same image.
 */
void marker_build(const uint8_t digest[static 32], uint8_t dst[static MARKER_SIZE]);
bool marker_parse(const uint8_t *sector, size_t len, uint8_t ret_digest[static 32]);
