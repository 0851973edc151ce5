/* SPDX-License-Identifier: Apache-2.0 */
/* Leases as lines of text, for the journal. */
#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "dhcp/leases.h"

static const char *const state_texts[] = {"free", "offered", "bound", "quarantined"};

enum { FLAG_STRANGER = 's', FLAG_PROBED = 'p', FIELDS = 6 };

const char *dhcp_lease_state_text(enum dhcp_lease_state state)
{
    return state_texts[state];
}

/* Wall and monotonic time with "never" kept, and no overflow on the way. */
static int64_t shift_time(int64_t t, int64_t offset)
{
    int64_t moved;
    if (t == INT64_MAX || __builtin_add_overflow(t, offset, &moved))
        return INT64_MAX;
    return moved;
}

int dhcp_lease_print(const struct dhcp_lease *lease, int64_t wall_offset, char *dst, size_t size)
{
    char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE], flags[3] = {0};
    _autofree_ char *key = str_hex(lease->key.bytes, lease->key.len);
    if (!key)
        return -ENOMEM;
    size_t n = 0;
    if (lease->stranger)
        flags[n++] = FLAG_STRANGER;
    if (lease->probed)
        flags[n++] = FLAG_PROBED;
    int len =
        snprintf(dst, size, "%s %s %lld %s %s %s", ipv4_text(lease->address, address),
                 state_texts[lease->state], (long long)shift_time(lease->expires, wall_offset),
                 mac_text(lease->mac, mac), key[0] ? key : "-", flags[0] ? flags : "-");
    return len > 0 && (size_t)len < size ? len : -EMSGSIZE;
}

static int parse_state(const char *text, enum dhcp_lease_state *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(state_texts); i++) {
        if (str_eq(text, state_texts[i])) {
            *ret = (enum dhcp_lease_state)i;
            return 0;
        }
    }
    return -EBADMSG;
}

static int parse_key(const char *text, struct dhcp_key *ret)
{
    *ret = (struct dhcp_key){0};
    if (str_eq(text, "-"))
        return 0;
    size_t len = strlen(text) / 2;
    if (len == 0 || len > DHCP_KEY_MAX || str_unhex(text, ret->bytes, len) < 0)
        return -EBADMSG;
    ret->len = (uint8_t)len;
    return 0;
}

static int parse_flags(const char *text, struct dhcp_lease *lease)
{
    if (str_eq(text, "-"))
        return 0;
    for (; *text; text++) {
        if (*text != FLAG_STRANGER && *text != FLAG_PROBED)
            return -EBADMSG;
        lease->stranger |= *text == FLAG_STRANGER;
        lease->probed |= *text == FLAG_PROBED;
    }
    return 0;
}

/* Cuts the line at single spaces into exactly FIELDS words. */
static int split(char *line, char *words[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        words[i] = line;
        size_t len = strcspn(line, " ");
        if (len == 0 || (line[len] == '\0') != (i == FIELDS - 1))
            return -EBADMSG;
        line[len] = '\0';
        line += len + 1;
    }
    return 0;
}

int dhcp_lease_parse(const char *line, int64_t wall_offset, struct dhcp_lease *ret)
{
    char copy[DHCP_RECORD_TEXT_SIZE];
    char *words[FIELDS];
    struct dhcp_lease lease = {0};
    int64_t expires = 0;
    if (str_copy(copy, sizeof(copy), line) < 0 || split(copy, words) < 0)
        return -EBADMSG;
    if (ipv4_parse(words[0], &lease.address) < 0 || parse_state(words[1], &lease.state) < 0 ||
        str_parse_i64(words[2], 0, INT64_MAX, &expires) < 0 || mac_parse(words[3], &lease.mac) < 0)
        return -EBADMSG;
    if (parse_key(words[4], &lease.key) < 0 || parse_flags(words[5], &lease) < 0)
        return -EBADMSG;
    lease.expires = shift_time(expires, -wall_offset);
    *ret = lease;
    return 0;
}
