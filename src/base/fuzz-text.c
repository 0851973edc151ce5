/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text: what parses prints, and parses again to the same value. */
#include <assert.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DECODED_MAX = 4096 };

static void try_addresses(const char *text)
{
    char printed[MAC_TEXT_SIZE + CIDR_TEXT_SIZE];
    struct mac mac, mac_again;
    struct cidr cidr, cidr_again;
    ipv4 address, address_again;
    if (mac_parse(text, &mac) == 0)
        assert(mac_parse(mac_text(mac, printed), &mac_again) == 0 && mac_eq(mac, mac_again));
    if (ipv4_parse(text, &address) == 0)
        assert(ipv4_parse(ipv4_text(address, printed), &address_again) == 0 &&
               address == address_again && str_eq(text, printed));
    if (cidr_parse(text, &cidr) == 0) {
        assert(cidr_parse(cidr_text(cidr, printed), &cidr_again) == 0);
        assert(cidr.address == cidr_again.address && cidr.prefix == cidr_again.prefix);
        assert(cidr.prefix <= 32 && cidr_contains(cidr, cidr.address));
    }
}

static void try_numbers(const char *text)
{
    uint64_t number = 0, size = 0;
    int64_t wall = 0, wall_again = 0;
    char printed[CLOCK_TEXT_SIZE];
    if (strlen(text) <= 20 && str_parse_u64(text, 0, UINT64_MAX, &number) == 0)
        assert(str_parse_size(text, &size) == 0 && size == number);
    if (str_parse_i64(text, -10, 10, &wall) == 0)
        assert(wall >= -10 && wall <= 10);
    if (clock_parse(text, &wall) == 0)
        assert(clock_parse(clock_text(wall, printed), &wall_again) == 0 && wall == wall_again);
}

static void try_bytes(const char *text)
{
    _autofree_ uint8_t *data = NULL;
    uint8_t digest[32];
    size_t len = 0;
    if (str_unbase64(text, DECODED_MAX, &data, &len) == 0) {
        _autofree_ char *printed = str_base64(data, len);
        assert(len <= DECODED_MAX && printed && str_eq(printed, text));
    }
    if (str_unbase64_exact(text, digest, sizeof(digest)) == 0)
        assert(strlen(text) == (sizeof(digest) + 2) / 3 * 4);
    if (str_unhex(text, digest, sizeof(digest)) == 0) {
        _autofree_ char *printed = str_hex(digest, sizeof(digest));
        assert(printed && strcasecmp(printed, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autofree_ char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    try_addresses(text);
    try_numbers(text);
    try_bytes(text);
    return 0;
}
