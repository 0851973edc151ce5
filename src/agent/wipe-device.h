/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What block devices do themselves to forget their data: the kernel's discards, Format NVM of NVM
 * Express, and the security feature set of ATA.
 */
#pragma once

#include "agent/wipe-plan.h"

struct wipe_device {
    int fd; /* of the whole disk, for writing */
    bool nvme;
    uint32_t nvme_namespace;
    uint32_t nvme_format; /* dword 10 of Format NVM that keeps the layout and erases user data */
    bool ata_locked;      /* by a secure erase that was interrupted */
    bool ata_enhanced;    /* also sectors that the disk has taken out of use */
    unsigned ata_minutes; /* what the disk says that it takes */
};

/*
 * Finds out what the disk can do. shared: other namespaces of the same controller must keep their
 * data. sys: "/sys". fd stays the caller's.
 */
void wipe_device_look(const char *sys, const struct disk *disk, int fd, bool shared,
                      struct wipe_device *ret, struct wipe_ability *ret_ability);

/* For struct wipe_target; data is the struct wipe_device. */
int wipe_device_erase(void *data, enum wipe_way way, uint64_t offset, uint64_t len);

/* ---- pure parts ---- */

/* Of Identify Controller and Identify Namespace (4096 bytes each): dword 10; false: not offered. */
bool wipe_nvme_format(const uint8_t *controller, const uint8_t *namespace, bool shared,
                      uint32_t *ret_dword);
/* Of IDENTIFY DEVICE (512 bytes): whether a secure erase may be begun, and how. */
bool wipe_ata_ability(const uint8_t *identify, struct wipe_device *ret);
/* The command block of ATA PASS-THROUGH (16) for a command with or without a sector to send. */
void wipe_ata_command(uint8_t command, bool sends, uint8_t ret[static 16]);
/* The sector that SECURITY SET PASSWORD, UNLOCK and ERASE UNIT are sent. */
void wipe_ata_sector(bool enhanced_erase, uint8_t ret[static 512]);
