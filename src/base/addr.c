/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include "base/str.h"

int mac_parse(const char *s, struct mac *ret)
{
    struct mac m;
    if (!s || strlen(s) != MAC_TEXT_SIZE - 1)
        return -EINVAL;
    char separator = s[2];
    if (separator != ':' && separator != '-')
        return -EINVAL;
    for (size_t i = 0; i < 6; i++) {
        int high = str_hex_digit(s[i * 3]), low = str_hex_digit(s[i * 3 + 1]);
        if (high < 0 || low < 0 || (i < 5 && s[i * 3 + 2] != separator))
            return -EINVAL;
        m.b[i] = (uint8_t)(high << 4 | low);
    }
    *ret = m;
    return 0;
}

const char *mac_text(struct mac m, char dst[static MAC_TEXT_SIZE])
{
    (void)snprintf(dst, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m.b[0], m.b[1], m.b[2],
                   m.b[3], m.b[4], m.b[5]);
    return dst;
}

/* One octet without leading zeros; the position behind it, or NULL. */
static const char *parse_octet(const char *s, ipv4 *ret)
{
    ipv4 v = 0;
    size_t n = 0;
    while (s[n] >= '0' && s[n] <= '9' && n < 3) {
        v = v * 10 + (ipv4)(s[n] - '0');
        n++;
    }
    if (n == 0 || v > 255 || (n > 1 && s[0] == '0'))
        return NULL;
    *ret = v;
    return s + n;
}

int ipv4_parse(const char *s, ipv4 *ret)
{
    ipv4 address = 0;
    if (!s)
        return -EINVAL;
    for (int i = 0; i < 4; i++) {
        ipv4 octet;
        s = parse_octet(s, &octet);
        if (!s || *s != (i < 3 ? '.' : '\0'))
            return -EINVAL;
        address = address << 8 | octet;
        s++;
    }
    *ret = address;
    return 0;
}

const char *ipv4_text(ipv4 a, char dst[static IPV4_TEXT_SIZE])
{
    (void)snprintf(dst, IPV4_TEXT_SIZE, "%u.%u.%u.%u", a >> 24 & 255, a >> 16 & 255, a >> 8 & 255,
                   a & 255);
    return dst;
}

int cidr_parse(const char *s, struct cidr *ret)
{
    struct cidr c;
    const char *slash = s ? strchr(s, '/') : NULL;
    char address[IPV4_TEXT_SIZE];
    if (!slash || slash - s >= IPV4_TEXT_SIZE)
        return -EINVAL;
    memcpy(address, s, (size_t)(slash - s));
    address[slash - s] = '\0';
    uint64_t prefix;
    if (ipv4_parse(address, &c.address) < 0 || str_parse_u64(slash + 1, 0, 32, &prefix) < 0)
        return -EINVAL;
    if (strlen(slash + 1) > 1 && slash[1] == '0')
        return -EINVAL;
    c.prefix = (uint8_t)prefix;
    *ret = c;
    return 0;
}

const char *cidr_text(struct cidr c, char dst[static CIDR_TEXT_SIZE])
{
    char address[IPV4_TEXT_SIZE];
    (void)snprintf(dst, CIDR_TEXT_SIZE, "%s/%u", ipv4_text(c.address, address), c.prefix);
    return dst;
}

int ipv4_mask_prefix(ipv4 mask)
{
    int prefix = mask ? 32 - __builtin_ctz(mask) : 0;
    return cidr_mask((struct cidr){.prefix = (uint8_t)prefix}) == mask ? prefix : -1;
}
