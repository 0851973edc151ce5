/* SPDX-License-Identifier: Apache-2.0 */
/* A disk as stage2 sees it: a plain value that inventory, rule and imaging share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    DISK_NAME_SIZE = 32,
    DISK_TEXT_SIZE = 128,
    DISK_PATH_SIZE = 192,
    DISKS_MAX = 256,
    DISK_CONTENTS_SIZE = 96,
};

enum disk_state {
    DISK_BLANK,   /* nothing but zeros where anything would say what it holds */
    DISK_OURS,    /* installed by Slipway */
    DISK_PARTIAL, /* an installation by Slipway that did not end */
    DISK_FOREIGN, /* somebody else's data */
    DISK_UNREADABLE,
};

struct disk {
    char name[DISK_NAME_SIZE];  /* the kernel's: "vda", "nvme0n1" */
    char model[DISK_TEXT_SIZE]; /* "" when unknown; so all of these */
    char serial[DISK_TEXT_SIZE];
    char wwn[DISK_TEXT_SIZE];  /* "0x5000c500a1b2c3d4", "eui.0025..." */
    char path[DISK_PATH_SIZE]; /* where it is plugged in, as udev's by-path says it */
    const char *type;          /* "hdd", "ssd", "nvme", "virtual" */
    uint64_t size;             /* bytes */
    uint32_t sector_size;      /* logical, bytes */
    uint32_t physical_sector_size;
    bool rotational;
    bool removable;
    bool usb; /* attached by USB: written only when a rule names it */
    bool read_only;
    bool write_zeroes; /* the device zeroes ranges by itself */
    enum disk_state state;
    char contents[DISK_CONTENTS_SIZE]; /* for people: "gpt: ext4, vfat", "blank" */
    uint8_t partial_digest[32];        /* DISK_PARTIAL: the manifest that was being written */
    uint64_t key_offset; /* where stage2 leaves its key on such a disk (disk-key.h); 0: nowhere */
};
