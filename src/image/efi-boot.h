/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the firmware start what was just installed: a boot entry for the loader on the disk's EFI
 * system partition, its place in BootOrder, and BootNext for the next start. Firmware that keeps
 * nothing or refuses to be written is no failure of the installation: the fallback path
 * \EFI\BOOT\BOOTX64.EFI and the server's answer at the next network boot remain.
 */
#pragma once

#include "image/efi-option.h"

struct efi_boot_options {
    const char *efivars;   /* "/sys/firmware/efi/efivars" */
    const char *esp_mount; /* where the EFI system partition is mounted */
    const char *description;
    bool boot_next; /* the next start is by the firmware: straight to the disk */
};

/*
 * Looks for a loader below esp_mount (a distribution's shim or loader, else the fallback path),
 * and writes the variables. 0, -ENOENT (no loader), or what the firmware said.
 */
int efi_boot_repair(const struct efi_boot_options *options, const struct efi_target *target,
                    struct err *err) _must_check_;

/*
 * The loader to name, as a path with backslashes: of a distribution's folder below EFI the shim,
 * else GRUB, else systemd-boot; else the fallback. 0 or -ENOENT.
 */
int efi_find_loader(const char *esp_mount, char ret[static EFI_LOADER_SIZE]) _must_check_;

/*
 * The reverse, for a machine whose disks are wiped: removes the entries of options->description and
 * their places in BootOrder and BootNext. esp_mount is not used. 0 or what the firmware said.
 */
int efi_boot_forget(const struct efi_boot_options *options, struct err *err) _must_check_;

/*
 * The next start, and that one only, is from the network: BootNext names the first network entry of
 * BootOrder. 0, or -ENOENT when the firmware has none.
 */
int efi_boot_network_next(const struct efi_boot_options *options, struct err *err) _must_check_;
