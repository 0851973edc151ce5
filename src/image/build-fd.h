/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for the children of a build, which open them as /proc/self/fd/N: they may run in a user
 * namespace that has no right to walk to a path of the building user's.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Moves a descriptor, which the caller gives up, to a number that mmdebstrap does not use, and lets
 * children inherit it. A negative fd is returned as it is. The new number or -errno.
 */
int build_fd_inherit(int fd);

/*
 * A file that such a namespace can open: its own mode lets everybody, but it has no name that
 * anybody could reach it by. Inherited; -errno.
 */
int build_fd_unnamed(const char *folder, mode_t mode);

/* A file in memory with this content. Inherited; -errno. */
int build_fd_memory(const char *name, const void *data, size_t len);

/*
 * A regular file for reading. One that others may not read is copied into an unnamed file in
 * `folder` unless this is root. Inherited; -errno, and err says which file it is.
 */
int build_fd_open(const char *path, const char *folder, struct err *err);
