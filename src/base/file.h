/* SPDX-License-Identifier: Apache-2.0 */
/* Files and descriptors: whole reads and writes, atomic replacement, directories. */
#pragma once

#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads until len bytes or end of file. The count read, or a negative errno. Restarts on EINTR. */
ssize_t fd_read_full(int fd, void *data, size_t len);
ssize_t fd_pread_full(int fd, void *data, size_t len, uint64_t offset);

/* Writes all of it. 0 or a negative errno. */
int fd_write_full(int fd, const void *data, size_t len) _must_check_;
int fd_pwrite_full(int fd, const void *data, size_t len, uint64_t offset) _must_check_;

/* Sets or clears O_NONBLOCK. 0 or a negative errno. */
int fd_nonblock(int fd, bool on) _must_check_;

/*
 * The whole file, at most max bytes, malloc'd and NUL-terminated (so text may be used as a string;
 * *ret_len is the length without that NUL and may be NULL). -EFBIG when it is longer.
 */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
    _must_check_;

/*
 * Replaces path by data so that a reader, or a crash, sees the old or the new content and nothing
 * between: temporary file beside it, fsync, rename, fsync of the folder. mode as for open(2).
 */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
    _must_check_;

/* Makes the folder and its missing parents (0755 for parents, mode for the last). 0 when there. */
int dir_make(const char *path, mode_t mode, struct err *err) _must_check_;

/* fsync of a folder, after a rename or a new file in it. */
int dir_sync(const char *path) _must_check_;

/* Removes a file or a whole tree without following symbolic links. 0 also when nothing is there. */
int tree_remove(const char *path, struct err *err) _must_check_;
