/* SPDX-License-Identifier: Apache-2.0 */
/* Files below a folder, and nothing else. */
#pragma once

#include "base/cleanup.h"

/*
 * Opens the regular file `name` (relative, as a client sent it) below the folder root for reading.
 * Nothing outside root is reached, whatever symbolic links say, and no part may begin with '.'.
 * A descriptor, or -ENOENT (also: not a regular file, hidden, escaping), -EACCES, -EMFILE, ...
 */
int http_file_open(int root, const char *name) _must_check_;

/* The media type by a name's ending; "application/octet-stream" when unknown. */
const char *http_media_type(const char *name);
