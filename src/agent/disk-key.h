/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's key on its own disk, so that a machine that was approved is known again: behind the
 * marker while its installation is under way, and at the end of the seed partition, outside of its
 * file system, from then on. Where nothing mounts it, it is as secret as the copy in the installed
 * system: whoever may read the raw disk may read either.
 *
 * A block counts only on the machine (system UUID) and for the server (public key) for which it was
 * written. So a disk that was cloned or moved, or that another server installed, brings no key with
 * it.
 */
#pragma once

#include <stddef.h>

#include "agent/disk.h"
#include "trust/key.h"

enum {
    DISK_KEY_SIZE = 512,
    DISK_KEY_MARKER_OFFSET = 512, /* bytes from the disk's start, in the marker's page */
    DISK_KEY_SEED_ROOM = 4096,    /* bytes at the end of a seed partition that start with the key */
};

/* Who a block is for; borrowed. */
struct disk_key_owner {
    const struct trust_public *server;
    const char *uuid; /* of the system; "": firmware gives none */
};

/* Writes the block; the caller wipes it. 0, -EINVAL (a UUID that is none) or -ENOMEM. */
int disk_key_build(const struct trust_key *key, const struct disk_key_owner *owner,
                   uint8_t dst[static DISK_KEY_SIZE]) _must_check_;

/* The reverse. 0, or -EBADMSG when it is no block, is damaged, or is for somebody else. */
int disk_key_parse(const uint8_t *block, size_t len, const struct disk_key_owner *owner,
                   struct trust_key *ret_key) _must_check_;

/*
 * The key on one of these disks as signature_examine() found them below `dev` ("/dev"): on one with
 * an installation under way before one that is installed. 0 and *ret_disk (may be NULL), or
 * -ENOENT.
 */
int disk_key_find(const char *dev, const struct disk *disks, size_t count,
                  const struct disk_key_owner *owner, struct trust_key *ret_key,
                  const struct disk **ret_disk) _must_check_;
