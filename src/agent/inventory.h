/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine is made of: gathered from the kernel, told to the server as JSON. */
#pragma once

#include <jansson.h>

#include "agent/disk.h"
#include "base/addr.h"

enum { NICS_MAX = 64, INVENTORY_TEXT_SIZE = 128 };

struct nic {
    char name[32];
    struct mac mac;
    char driver[32];
    char pci_address[32];
    int speed_mbps; /* -1: unknown */
    bool carrier;
};

struct inventory {
    char manufacturer[INVENTORY_TEXT_SIZE], product[INVENTORY_TEXT_SIZE];
    char serial[INVENTORY_TEXT_SIZE];
    char uuid[40]; /* lower case; "" when firmware gives none */
    char bios_version[INVENTORY_TEXT_SIZE];
    char cpu_model[INVENTORY_TEXT_SIZE];
    unsigned cpu_count, cpu_sockets;
    uint64_t memory_bytes;
    bool efi, secure_boot;
    struct nic nics[NICS_MAX];
    size_t nic_count;
    struct disk disks[DISKS_MAX];
    size_t disk_count;
};

/* What does not change while stage2 runs: firmware, processors, memory. */
void inventory_system(const char *sys, const char *proc, struct inventory *inventory);

/* Network adapters as they are now. */
void inventory_nics(const char *sys, struct inventory *inventory);

/* Disks as they are now, with a look at their contents. */
void inventory_disks(const char *sys, const char *dev, struct inventory *inventory);

/* As Machine.status.inventory; a new reference, NULL when out of memory. */
json_t *inventory_to_json(const struct inventory *inventory);

/*
 * The system UUID in DHCP's order of bytes (RFC 4578 takes SMBIOS' bytes as they are; Linux prints
 * the first three fields swapped). False when there is none.
 */
bool inventory_uuid_bytes(const struct inventory *inventory, uint8_t ret[static 16]);

/* A serial or UUID that firmware really gave, not a vendor's filler text. Pure. */
bool inventory_text_is_real(const char *text);
