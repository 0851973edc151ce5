/* SPDX-License-Identifier: Apache-2.0 */
/* What a transfer sends: bytes in memory or an open file. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tftp/packet.h"

enum { TFTP_NETASCII_MAX = 8 << 20 }; /* larger files are not text */

struct tftp_content {
    uint8_t *memory; /* owned; NULL: a file */
    int fd;          /* owned; -1: memory */
    uint64_t size;
};

#define TFTP_CONTENT_NONE ((struct tftp_content){.fd = -1})

void tftp_content_free(struct tftp_content *content);

/* The file `name` strictly below the folder root. 0 or what open_beneath() gives. */
int tftp_content_open(int root, const char *name, struct tftp_content *ret) _must_check_;

/*
 * Turns the content into netascii (RFC 764: line ends become CR LF, a CR becomes CR NUL), in
 * memory. 0, -EFBIG or -ENOMEM or what reading gives.
 */
int tftp_content_to_netascii(struct tftp_content *content) _must_check_;

/* Reads exactly len bytes at offset. 0 or a negative errno; -EIO when the file became shorter. */
int tftp_content_read(const struct tftp_content *content, uint64_t offset, void *dst, size_t len)
    _must_check_;

/*
 * The name below a root folder of a name as clients write it: backslashes are slashes, slashes in
 * front are dropped, repeated ones merged. 0, or -ENAMETOOLONG.
 */
int tftp_plain_name(const char *name, char *dst, size_t size) _must_check_;
