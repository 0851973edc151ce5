/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>

bool str_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src);
    if (n >= size) {
        dst[0] = '\0';
        return -ENOSPC;
    }
    memcpy(dst, src, n + 1);
    return 0;
}

char *str_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return n < 0 ? NULL : text;
}

int str_replace(char **s, const char *value)
{
    char *copy = NULL;
    if (value) {
        copy = strdup(value);
        if (!copy)
            return -ENOMEM;
    }
    free(*s);
    *s = copy;
    return 0;
}

int str_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    if (!s || !s[0])
        return -EINVAL;
    for (const char *p = s; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return -ERANGE;
    }
    if (v < min || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

int str_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    if (!s)
        return -EINVAL;
    bool negative = s[0] == '-';
    uint64_t magnitude;
    int r = str_parse_u64(s + (negative ? 1 : 0), 0, (uint64_t)INT64_MAX, &magnitude);
    if (r < 0)
        return r;
    int64_t v = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (v < min || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

int str_parse_size(const char *s, uint64_t *ret)
{
    static const char units[] = "KMGT";
    size_t digits = s ? strspn(s, "0123456789") : 0;
    char number[24];
    if (digits == 0 || digits >= sizeof(number))
        return -EINVAL;
    memcpy(number, s, digits);
    number[digits] = '\0';
    uint64_t v;
    int r = str_parse_u64(number, 0, UINT64_MAX, &v);
    if (r < 0)
        return r;
    const char *unit = s + digits;
    if (unit[0]) {
        const char *u = strchr(units, unit[0]);
        if (!u || (unit[1] && !str_eq(unit + 1, "i")))
            return -EINVAL;
        unsigned shift = 10u * (unsigned)(u - units + 1);
        if (v > UINT64_MAX >> shift)
            return -ERANGE;
        v <<= shift;
    }
    *ret = v;
    return 0;
}

const char *str_human_size(char *dst, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    uint64_t whole = bytes, rest = 0;
    while (whole >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (unit == 0 || whole >= 100)
        (void)snprintf(dst, size, "%" PRIu64 " %s", whole, units[unit]);
    else
        (void)snprintf(dst, size, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024,
                       units[unit]);
    return dst;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *str_hex(const void *data, size_t len)
{
    char *text = malloc(len * 2 + 1);
    if (text)
        sodium_bin2hex(text, len * 2 + 1, data, len);
    return text;
}

int str_unhex(const char *s, void *dst, size_t len)
{
    size_t got = 0;
    if (!s || strlen(s) != len * 2)
        return -EINVAL;
    if (sodium_hex2bin(dst, len, s, len * 2, NULL, &got, NULL) != 0 || got != len)
        return -EINVAL;
    return 0;
}

char *str_base64(const void *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text)
        sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

const char *str_uuid4(const uint8_t bytes[static 16], char dst[static UUID_TEXT_SIZE])
{
    uint8_t b[16];
    memcpy(b, bytes, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(dst, UUID_TEXT_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    return dst;
}

bool str_is_ascii(const char *s)
{
    while (*s && !((unsigned char)*s & 0x80))
        s++;
    return *s == '\0';
}

int str_unbase64(const char *s, size_t max, uint8_t **ret_data, size_t *ret_len)
{
    if (!s || !str_is_ascii(s))
        return -EINVAL;
    size_t size = strlen(s) / 4 * 3;
    if (size > max + 2)
        return -EMSGSIZE;
    _autofree_ uint8_t *data = malloc(size + 1);
    if (!data)
        return -ENOMEM;
    size_t len = 0;
    if (sodium_base642bin(data, size + 1, s, strlen(s), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return -EINVAL;
    if (len > max)
        return -EMSGSIZE;
    *ret_data = TAKE_PTR(data);
    *ret_len = len;
    return 0;
}

int str_unbase64_exact(const char *s, void *dst, size_t len)
{
    _autofree_ uint8_t *data = NULL;
    size_t got = 0;
    if (str_unbase64(s, len, &data, &got) < 0 || got != len)
        return -EINVAL;
    memcpy(dst, data, len);
    return 0;
}
