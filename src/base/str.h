/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: comparing, strict number parsing, hex and base64. All inputs are NUL-terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

static inline bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool str_empty(const char *s)
{
    return !s || !s[0];
}

/* The rest of s behind prefix, or NULL when s does not start with it. */
static inline const char *str_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends_with(const char *s, const char *suffix);

/*
 * Copies src into dst of `size` bytes. 0, or -ENOSPC when it does not fit whole (dst then holds
 * "").
 */
int str_copy(char *dst, size_t size, const char *src) _must_check_;

/* malloc'd copy by format; NULL when out of memory. */
char *str_format(const char *format, ...) _printf_(1, 2);

/* Replaces *s (free()d) by a copy of value (NULL allowed). 0 or -ENOMEM; *s is kept on failure. */
int str_replace(char **s, const char *value) _must_check_;

/*
 * A whole decimal number and nothing else, between min and max. 0, -EINVAL (not a number) or
 * -ERANGE; *ret is untouched on failure.
 */
int str_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret) _must_check_;
int str_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret) _must_check_;

/*
 * A size in bytes with an optional suffix K, M, G, T (powers of 1024) or Ki, Mi, Gi, Ti as
 * Kubernetes writes them. 0, -EINVAL or -ERANGE.
 */
int str_parse_size(const char *s, uint64_t *ret) _must_check_;

/* "1.5 GiB" for people, into dst (32 bytes are enough). Returns dst. */
const char *str_human_size(char *dst, size_t size, uint64_t bytes);

/* The value of one hex digit of any case, -1 for other characters. */
int str_hex_digit(char c);

/* Lower-case hex of len bytes; malloc'd, NULL when out of memory. */
char *str_hex(const void *data, size_t len);

/* Exactly `len` bytes from 2*len hex digits. 0 or -EINVAL. */
int str_unhex(const char *s, void *dst, size_t len) _must_check_;

#define UUID_TEXT_SIZE 37 /* "3b0c4d1e-...-..." and NUL */

/*
 * A UUID of version 4 and variant 10 (RFC 9562) from any 16 bytes; it is as random as they are.
 * Returns dst.
 */
const char *str_uuid4(const uint8_t bytes[static 16], char dst[static UUID_TEXT_SIZE]);

/* Whether no byte has its highest bit set. libsodium's base64 takes such bytes for an "A". */
bool str_is_ascii(const char *s);

/* RFC 4648 base64 with padding; malloc'd, NULL when out of memory. */
char *str_base64(const void *data, size_t len);

/* Decodes at most `max` bytes; *ret_data is malloc'd. 0, -EINVAL, -EMSGSIZE or -ENOMEM. */
int str_unbase64(const char *s, size_t max, uint8_t **ret_data, size_t *ret_len) _must_check_;

/* As str_unbase64() into a fixed array which must be filled exactly. 0 or -EINVAL. */
int str_unbase64_exact(const char *s, void *dst, size_t len) _must_check_;
