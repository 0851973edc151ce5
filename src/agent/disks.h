/* SPDX-License-Identifier: Apache-2.0 */
/* The disks of this machine, as sysfs tells and as a look at their contents shows. */
#pragma once

#include <stddef.h>

#include "agent/disk.h"
#include "base/cleanup.h"

/*
 * Lists the disks below `sys` ("/sys"); with `dev` ("/dev"; NULL: not) also looks at what they
 * hold. At most max are stored. The number stored.
 */
size_t disks_list(const char *sys, const char *dev, struct disk *ret_disks, size_t max);

/*
 * udev's by-path name for a disk whose folder in sysfs has this real path; ata_port: its port's
 * port_no, 0 if none; nvme_namespace: 0 if none. "" when it is plugged into nothing that udev
 * names. Pure.
 */
void disk_path_name(const char *real_path, unsigned ata_port, unsigned nvme_namespace,
                    char ret[static DISK_PATH_SIZE]);

/* The WWN in an identifier as SCSI and NVMe give it: "naa.5000c5..." is "0x5000c5...". Pure. */
void disk_wwn(const char *identifier, char ret[static DISK_TEXT_SIZE]);
