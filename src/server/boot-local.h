/* SPDX-License-Identifier: Apache-2.0 */
/* Small GRUBs that iPXE starts so that a machine goes on to its own disk. */
#pragma once

#include "base/err.h"

/*
 * Makes those that are missing, or were made of another configuration, in the folder:
 * BOOT_NAME_LOCAL_EFI and BOOT_NAME_LOCAL_BIOS. Without GRUB's tools it warns, and machines take
 * iPXE's own way, which is slower (UEFI) or knows less (BIOS). 0, or a negative errno when the
 * folder cannot be written.
 */
int boot_local_prepare(const char *folder, struct err *err) _must_check_;
