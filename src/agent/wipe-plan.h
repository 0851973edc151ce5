/* SPDX-License-Identifier: Apache-2.0 */
/* Which disks are wiped and how: decisions over plain values. */
#pragma once

#include <stddef.h>

#include "agent/disk.h"
#include "base/err.h"
#include "protocol/message.h"

/* What makes a disk zero, or at least its data unreadable. */
enum wipe_way {
    WIPE_NVME_FORMAT,    /* NVM Express base specification, Format NVM with user data erase */
    WIPE_ATA_ERASE,      /* ATA Command Set, SECURITY ERASE UNIT */
    WIPE_SECURE_DISCARD, /* BLKSECDISCARD */
    WIPE_WAY_DISCARD,    /* BLKDISCARD */
    WIPE_WAY_ZERO,       /* writing, or having the device write */
};
enum { WIPE_WAYS_MAX = 5 };

/* What a disk can do; what is not known from its description is found out by trying. */
struct wipe_ability {
    bool nvme_format;
    bool ata_erase; /* supported and not frozen by the firmware */
    bool discard;
};

/*
 * The ways to try on a disk, in this order, until it reads back as zeros; none for
 * PROTOCOL_WIPE_NONE. Pure.
 */
size_t wipe_ways(enum protocol_wipe_method method, const struct disk *disk,
                 const struct wipe_ability *ability, enum wipe_way ret[static WIPE_WAYS_MAX]);

/* "NVMe format", for people. */
const char *wipe_way_text(enum wipe_way way);

/* Whether data are gone from the medium itself after this, whatever reads back. */
bool wipe_way_is_secure(enum wipe_way way);
/* Whether it is for the whole disk only, not for a range. */
bool wipe_way_is_whole(enum wipe_way way);

/*
 * The disks to wipe, by index, into ret (room for count). The last of them is the one that keeps
 * the machine's key until the end: where one holds a system of ours, that one. Their number; or
 * -ENODEV or -ENOTUNIQ with *ret_reason (disk-rule.h) and a text. Pure.
 */
int wipe_choose(const struct protocol_wipe *plan, const struct disk *disks, size_t count,
                size_t *ret, const char **ret_reason, struct err *err) _must_check_;
