/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the installed system: its kernel by kexec, which spares a second power-on self-test, or
 * the whole machine by a reboot.
 */
#pragma once

#include "base/err.h"
#include "image/manifest.h"

/* The device of a partition: "/dev/vda4", "/dev/nvme0n1p4". Pure. */
void partition_device(const char *disk, unsigned number, char *dst, size_t size);

/*
 * Mounts a partition read-only at `path`, trying the file systems in `types` (NULL-terminated). The
 * device may appear a moment late. 0 or a negative errno.
 */
int partition_mount(const char *device, const char *const *types, const char *path, struct err *err)
    _must_check_;

/*
 * Loads the installed kernel and initrd from the root partition for kexec. -EPERM where lockdown
 * forbids it, -ENOSYS, -ENOTSUP (the image says no kernel), or another negative errno.
 */
int handover_load(const struct image_boot *boot, const char *disk, const char *extra_arguments,
                  struct err *err) _must_check_;

/* Starts the loaded kernel, reboots or powers off. Returns only on failure, a negative errno. */
int handover_kexec(void);
int handover_reboot(void);
int handover_power_off(void);
