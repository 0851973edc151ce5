/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files below a folder by names that strangers send, and nothing else. */
#pragma once

#include "base/cleanup.h"

/*
 * Opens the regular file `name` below the folder root (a descriptor, O_PATH suffices) for reading.
 * name is relative and has no empty, "." or ".." parts. Nothing outside root is reached, whatever
 * symbolic links say; no part may begin with '.', so that temporary files stay hidden. A
 * descriptor, or -ENOENT (also: not a regular file, hidden, escaping), -EACCES, -EMFILE, ...
 */
int open_beneath(int root, const char *name) _must_check_;
