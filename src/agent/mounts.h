/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's file systems that stage2 needs. */
#pragma once

#include "base/cleanup.h"

/* Mounts /proc, /sys, /dev, /run; those that are there already are left. 0 or the first failure. */
int mounts_basic(void) _must_check_;

/* Mounts efivarfs. 0; -ENODEV when the machine was not started by EFI. */
int mounts_efivars(void) _must_check_;
