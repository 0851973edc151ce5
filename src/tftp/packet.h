/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TFTP packets (RFC 1350, RFC 2347 options, RFC 2348 blksize, RFC 2349 timeout and tsize, RFC 7440
 * windowsize) as typed values. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum tftp_op { TFTP_RRQ = 1, TFTP_WRQ, TFTP_DATA, TFTP_ACK, TFTP_ERROR, TFTP_OACK };

enum tftp_error {
    TFTP_E_UNDEFINED,
    TFTP_E_NOT_FOUND,
    TFTP_E_ACCESS,
    TFTP_E_DISK_FULL,
    TFTP_E_ILLEGAL,
    TFTP_E_UNKNOWN_TID,
    TFTP_E_EXISTS,
    TFTP_E_NO_USER,
    TFTP_E_OPTIONS,
};

enum tftp_mode { TFTP_OCTET, TFTP_NETASCII };

enum {
    TFTP_NAME_MAX = 255,
    TFTP_BLOCK_DEFAULT = 512,
    TFTP_BLOCK_MIN = 8,
    TFTP_BLOCK_MAX = 65464,
    TFTP_HEADER_SIZE = 4,    /* of DATA and ACK */
    TFTP_TEXT_MAX = 120,     /* of an ERROR's message that is kept */
    TFTP_REQUEST_MAX = 1024, /* longer datagrams are no requests */
};

/* Each is present or not; values of options that RFCs do not allow count as not present. */
struct tftp_options {
    bool has_block, has_size, has_timeout, has_window;
    uint16_t block;    /* bytes, 8..65464 */
    uint64_t size;     /* bytes; 0 in a request to read */
    uint8_t timeout_s; /* 1..255 */
    uint16_t window;   /* blocks, 1..65535 */
};

struct tftp_packet {
    enum tftp_op op;
    /* TFTP_RRQ, TFTP_WRQ, TFTP_OACK */
    struct tftp_options options;
    enum tftp_mode mode;
    char name[TFTP_NAME_MAX + 1]; /* as sent; control characters refuse the packet */
    /* TFTP_DATA, TFTP_ACK */
    uint16_t block;
    const uint8_t *data; /* borrowed */
    size_t len;
    /* TFTP_ERROR */
    uint16_t code;
    char text[TFTP_TEXT_MAX + 1]; /* printable */
};

/*
 * 0, or -EBADMSG. Tolerant where clients are known to be odd: bytes behind an ACK or behind a
 * request's last option are padding, option names may have any case, unknown options are skipped.
 */
int tftp_parse(const void *data, size_t len, struct tftp_packet *ret) _must_check_;

/* Each writes one packet to dst and returns its length, or 0 when it does not fit. */
size_t tftp_build_request(void *dst, size_t size, enum tftp_op op, const char *name,
                          enum tftp_mode mode, const struct tftp_options *options);
size_t tftp_build_oack(void *dst, size_t size, const struct tftp_options *options);
size_t tftp_build_data_header(void *dst, size_t size, uint16_t block);
size_t tftp_build_ack(void *dst, size_t size, uint16_t block);
size_t tftp_build_error(void *dst, size_t size, enum tftp_error code, const char *text);
