/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/value.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM LOWER UPPER DIGITS

/* Between 1 and max characters, all of the set. */
static bool only(const char *s, const char *set, size_t max)
{
    size_t n = strspn(s, set);
    return n > 0 && !s[n] && n <= max;
}

/* The length of the RFC 1123 label at s, 0 when there is none. */
static size_t label_length(const char *s)
{
    size_t n = strspn(s, ALNUM "-");
    if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
        return 0;
    return n;
}

bool value_is_hostname(const char *s)
{
    size_t n = label_length(s);
    return n && !s[n];
}

bool value_is_fqdn(const char *s)
{
    if (strlen(s) > 253)
        return false;
    for (;;) {
        size_t n = label_length(s);
        if (!n)
            return false;
        if (!s[n])
            return true;
        if (s[n] != '.')
            return false;
        s += n + 1;
    }
}

bool value_is_machine(const char *s)
{
    return value_is_fqdn(s) && !s[strcspn(s, UPPER)];
}

bool value_is_user(const char *s)
{
    return only(s, LOWER DIGITS "_-", 32) && strchr(LOWER "_", s[0]);
}

bool value_is_owner(const char *s)
{
    char user[80];
    size_t n = strcspn(s, ":");
    if (n >= sizeof(user))
        return false;
    memcpy(user, s, n);
    user[n] = '\0';
    bool good = value_is_user(user) || only(user, DIGITS, 9);
    return good && (!s[n] || value_is_user(s + n + 1) || only(s + n + 1, DIGITS, 9));
}

bool value_is_path(const char *s)
{
    if (s[0] != '/' || strlen(s) > 1024 || !value_is_line(s))
        return false;
    while (*s) {
        size_t n = strcspn(++s, "/");
        if (n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && !strncmp(s, "..", 2)))
            return false;
        s += n;
    }
    return true;
}

bool value_is_timezone(const char *s)
{
    return only(s, ALNUM "_+-/", 64) && s[0] != '/' && !strstr(s, "//");
}

bool value_is_machine_id(const char *s)
{
    return strlen(s) == 32 && only(s, DIGITS "abcdef", 32) && s[strspn(s, "0")];
}

bool value_is_url(const char *s)
{
    const char *rest = str_after(s, "http://");
    if (!rest)
        rest = str_after(s, "https://");
    return rest && only(rest, ALNUM "-._~:/?#[]@!$&()*+,;=%", 512);
}

bool value_is_key(const char *s)
{
    return strlen(s) == 43 && only(s, ALNUM "-_", 43);
}

bool value_is_token(const char *s)
{
    return only(s, ALNUM "-_", 128);
}

bool value_is_password_hash(const char *s)
{
    return only(s, ALNUM "./$=,*!_-+", 255);
}

/* A character that is not printable or ends a line for YAML, in UTF-8 (C1, U+2028, U+FFFE, ...). */
static bool is_control(const char *s)
{
    const unsigned char *c = (const unsigned char *)s;
    if (c[0] < 0x20 || c[0] == 0x7f)
        return true;
    if (c[0] == 0xc2)
        return c[1] < 0xa0;
    if (c[0] == 0xe2)
        return c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9);
    return c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe;
}

static bool is_plain(const char *s, const char *also)
{
    for (; *s; s++) {
        if (is_control(s) && !strchr(also, *s))
            return false;
    }
    return true;
}

bool value_is_line(const char *s)
{
    return is_plain(s, "");
}

bool value_is_command(const char *s)
{
    return is_plain(s, "\n\t");
}

bool value_is_pem(const char *s)
{
    return strncmp(s, "-----BEGIN ", 11) == 0 && value_is_command(s) && str_ends_with(s, "\n");
}

bool value_is_public_key(const char *s)
{
    return s[0] && s[0] != '#' && value_is_line(s);
}

bool value_is_interface(const char *s)
{
    return only(s, ALNUM "_.-", 15) && !str_eq(s, ".") && !str_eq(s, "..") && s[0] != '-';
}

int value_address_family(const char *s)
{
    char text[64];
    struct in6_addr address;
    size_t n = strcspn(s, "/");
    if (n >= sizeof(text))
        return 0;
    memcpy(text, s, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, &address) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, text, &address) == 1 ? AF_INET6 : 0;
}

bool value_is_address(const char *s)
{
    return !strchr(s, '/') && value_address_family(s);
}

bool value_is_prefix(const char *s)
{
    const char *slash = strchr(s, '/');
    int family = value_address_family(s);
    uint64_t bits;
    return slash && family && str_parse_u64(slash + 1, 0, family == AF_INET ? 32 : 128, &bits) == 0;
}

bool value_is_server(const char *s)
{
    return value_is_address(s) || value_is_fqdn(s);
}

bool value_is_bond_mode(const char *s)
{
    static const char *const modes[] = {"balance-rr", "active-backup", "balance-xor", "broadcast",
                                        "802.3ad",    "balance-tlb",   "balance-alb"};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (strcmp(s, modes[i]) == 0)
            return true;
    }
    return false;
}

bool value_is_variable(const char *s)
{
    while (strspn(s, LOWER UPPER "_") > 0) {
        s += strspn(s, ALNUM "_");
        if (!*s)
            return true;
        if (*s++ != '.')
            return false;
    }
    return false;
}

bool value_is_host_key_type(const char *s)
{
    return str_eq(s, "ed25519") || str_eq(s, "ecdsa") || str_eq(s, "rsa");
}
