/* SPDX-License-Identifier: Apache-2.0 */
/* Reading attributes of sysfs and procfs: short texts, numbers, names of linked devices. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/*
 * The first line of a file into dst, without blanks at its ends and with control characters
 * replaced; "" when it cannot be read. The path is given by format. Returns dst.
 */
const char *sysfs_text(char *dst, size_t size, const char *format, ...) _printf_(3, 4);

/* A number; 0 when it cannot be read. */
uint64_t sysfs_number(const char *format, ...) _printf_(1, 2);

/* The last component of what a symbolic link points to ("virtio_net" of .../driver); "" if none. */
const char *sysfs_link_name(char *dst, size_t size, const char *format, ...) _printf_(3, 4);
