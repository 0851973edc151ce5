/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold keys, and what belongs to them. Private to the folder; thread safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file's bytes with a NUL behind them, overwritten before they are freed. */
struct key_file {
    uint8_t *data;
    size_t len;
};

void key_file_clear(struct key_file *file);
#define _autokeyfile_ _cleanup_(key_file_clear)

/*
 * Reads a regular file of at most max bytes that nobody but its owner may read. -ENOENT, -EPERM
 * (others may access it), -EINVAL (not a regular file), -EFBIG or another negative errno; err names
 * the file.
 */
int key_file_read(const char *path, size_t max, struct key_file *ret, struct err *err) _must_check_;

/* The same of a file that is no secret. */
int key_file_read_public(const char *path, size_t max, struct key_file *ret, struct err *err)
    _must_check_;
