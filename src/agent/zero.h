/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a range of a disk zero, in the cheapest way that is certain. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/*
 * `fd` is open for direct I/O; offset and length are multiples of the sector size. by_device: the
 * device zeroes ranges itself (thin devices give the space back); where it does not after all, the
 * range is read, and written only where it is not zero yet. buffer: aligned, of `size` bytes, for
 * reading. 0 or a negative errno.
 */
int zero_range(int fd, uint64_t offset, uint64_t len, bool by_device, void *buffer, size_t size)
    _must_check_;
