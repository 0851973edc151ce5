/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/test.h"
#include "dhcp/message.h"

enum { SNAME_AT = 44, FILE_AT = 108, OPTIONS_AT = 240 };

static struct dhcp_message message(void)
{
    struct dhcp_message m = {.op = DHCP_OP_REPLY,
                             .htype = 1,
                             .hlen = 6,
                             .hops = 2,
                             .xid = 0x12345678,
                             .secs = 9,
                             .flags = DHCP_FLAG_BROADCAST,
                             .ciaddr = 1,
                             .yiaddr = 2,
                             .siaddr = 3,
                             .giaddr = 4,
                             .chaddr = {2, 0, 0, 0, 0, 1},
                             .file = "boot/file"};
    assert_int_equal(dhcp_options_add_u8(&m.options, DHCP_OPTION_MESSAGE_TYPE, DHCP_ACK), 0);
    return m;
}

static size_t build(const struct dhcp_message *m, uint8_t *bytes, size_t size)
{
    size_t len = 0;
    assert_int_equal(dhcp_message_build(m, bytes, size, &len), 0);
    return len;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct dhcp_message m = message(), back;
    uint8_t bytes[DHCP_MESSAGE_MAX], value[700];
    memset(value, 7, sizeof(value));
    assert_int_equal(dhcp_options_add(&m.options, 224, value, sizeof(value)), 0); /* split */
    assert_int_equal(dhcp_options_add(&m.options, 80, NULL, 0), 0);
    size_t len = build(&m, bytes, sizeof(bytes));
    assert_int_equal(dhcp_message_parse(bytes, len, &back), 0);
    assert_int_equal(back.op, m.op);
    assert_int_equal(back.hops, 2);
    assert_int_equal(back.xid, m.xid);
    assert_int_equal(back.secs, 9);
    assert_int_equal(back.flags, DHCP_FLAG_BROADCAST);
    assert_int_equal(back.ciaddr, 1);
    assert_int_equal(back.yiaddr, 2);
    assert_int_equal(back.siaddr, 3);
    assert_int_equal(back.giaddr, 4);
    assert_memory_equal(back.chaddr, m.chaddr, sizeof(m.chaddr));
    assert_string_equal(back.file, "boot/file");
    assert_string_equal(back.sname, "");
    assert_int_equal(dhcp_message_type(&back), DHCP_ACK);
    struct rd r = dhcp_options_get(&back.options, 224);
    assert_int_equal(r.len, sizeof(value));
    assert_memory_equal(r.buf, value, sizeof(value));
    assert_true(dhcp_options_has(&back.options, 80));
}

static void test_minimum_size(void **state)
{
    (void)state;
    struct dhcp_message m = message();
    uint8_t bytes[DHCP_MESSAGE_MIN];
    size_t len = 0;
    assert_int_equal(build(&m, bytes, sizeof(bytes)), DHCP_MESSAGE_MIN);
    assert_int_equal(dhcp_message_build(&m, bytes, DHCP_MESSAGE_MIN - 1, &len), -EMSGSIZE);
}

static void test_refused(void **state)
{
    (void)state;
    struct dhcp_message m = message(), back;
    uint8_t bytes[DHCP_MESSAGE_MAX + 1] = {0};
    size_t len = build(&m, bytes, DHCP_MESSAGE_MAX);
    for (size_t n = 0; n < OPTIONS_AT; n++)
        assert_int_equal(dhcp_message_parse(bytes, n, &back), -EBADMSG);
    assert_int_equal(dhcp_message_parse(bytes, OPTIONS_AT, &back), 0); /* no options at all */
    assert_int_equal(dhcp_message_type(&back), DHCP_NO_TYPE);
    assert_int_equal(dhcp_message_parse(bytes, sizeof(bytes), &back), -EBADMSG);
    bytes[OPTIONS_AT - 1] ^= 1; /* the cookie */
    assert_int_equal(dhcp_message_parse(bytes, len, &back), -EBADMSG);
}

/* Option 52: file and sname carry options, `file` first (RFC 3396 section 5). */
static void test_overload_is_read(void **state)
{
    (void)state;
    struct dhcp_message m = message(), back;
    uint8_t bytes[DHCP_MESSAGE_MIN];
    char text[16];
    (void)build(&m, bytes, sizeof(bytes));
    const uint8_t options[] = {52, 1, 3, 53, 1, 1, 12, 1, 'a', 255};
    const uint8_t file[] = {12, 1, 'b', 52, 1, 0, 255}, sname[] = {12, 1, 'c', 255};
    memcpy(bytes + OPTIONS_AT, options, sizeof(options));
    memset(bytes + FILE_AT, 0, 128);
    memcpy(bytes + FILE_AT, file, sizeof(file));
    memcpy(bytes + SNAME_AT, sname, sizeof(sname));
    assert_int_equal(dhcp_message_parse(bytes, sizeof(bytes), &back), 0);
    assert_int_equal(dhcp_options_text(&back.options, 12, text, sizeof(text)), 3);
    assert_string_equal(text, "abc");
    assert_string_equal(back.file, "");
    assert_string_equal(back.sname, "");
    bytes[FILE_AT + 1] = 200; /* reaches beyond the field */
    assert_int_equal(dhcp_message_parse(bytes, sizeof(bytes), &back), -EBADMSG);
}

/* Too much for the client: what has room in sname goes there, the rest is left out. */
static void test_overload_is_written(void **state)
{
    (void)state;
    struct dhcp_message m = message(), back;
    uint8_t bytes[DHCP_MESSAGE_DEFAULT], value[200] = {0};
    const char *relay = "\1\4wire";
    assert_int_equal(dhcp_options_add(&m.options, DHCP_OPTION_RELAY_AGENT, relay, 6), 0);
    assert_int_equal(dhcp_options_add(&m.options, 224, value, 200), 0);
    assert_int_equal(dhcp_options_add(&m.options, 225, value, 80), 0);
    assert_int_equal(dhcp_options_add(&m.options, 226, value, 50), 0); /* sname */
    assert_int_equal(dhcp_options_add(&m.options, 227, value, 90), 0); /* nowhere */
    size_t len = build(&m, bytes, sizeof(bytes));
    assert_true(len <= sizeof(bytes));
    assert_int_equal(dhcp_message_parse(bytes, len, &back), 0);
    assert_true(dhcp_options_has(&back.options, 224));
    assert_true(dhcp_options_has(&back.options, 225));
    assert_true(dhcp_options_has(&back.options, 226));
    assert_false(dhcp_options_has(&back.options, 227));
    assert_true(dhcp_options_has(&back.options, DHCP_OPTION_RELAY_AGENT));
    assert_string_equal(back.file, "boot/file"); /* never given up: U-Boot reads only it */
    memcpy(m.sname, "taken", 6);
    len = build(&m, bytes, sizeof(bytes));
    assert_int_equal(dhcp_message_parse(bytes, len, &back), 0);
    assert_string_equal(back.sname, "taken");
    assert_false(dhcp_options_has(&back.options, 226));
}

/* Some relays and switches look for option 82 only at the end. */
static void test_relay_option_is_last(void **state)
{
    (void)state;
    struct dhcp_message m = message();
    uint8_t bytes[DHCP_MESSAGE_MAX];
    assert_int_equal(dhcp_options_add(&m.options, DHCP_OPTION_RELAY_AGENT, "\1\1x", 3), 0);
    assert_int_equal(dhcp_options_add_u8(&m.options, 224, 1), 0);
    (void)build(&m, bytes, sizeof(bytes));
    const uint8_t expect[] = {53, 1, 5, 224, 1, 1, 82, 3, 1, 1, 'x', 255};
    assert_memory_equal(bytes + OPTIONS_AT, expect, sizeof(expect));
}

static void test_required_options_must_fit(void **state)
{
    (void)state;
    struct dhcp_message m = message();
    uint8_t bytes[DHCP_MESSAGE_DEFAULT], value[400] = {0};
    size_t len = 0;
    assert_int_equal(dhcp_options_add(&m.options, DHCP_OPTION_RELAY_AGENT, value, 400), 0);
    assert_int_equal(dhcp_message_build(&m, bytes, sizeof(bytes), &len), -EMSGSIZE);
}

/* EDK2 writes a NUL behind option 67's value, over whatever follows. */
static void test_boot_file_is_followed_by_a_pad(void **state)
{
    (void)state;
    struct dhcp_message m = message();
    uint8_t bytes[DHCP_MESSAGE_MAX];
    assert_int_equal(dhcp_options_add_text(&m.options, DHCP_OPTION_BOOT_FILE, "x.efi"), 0);
    assert_int_equal(dhcp_options_add_u8(&m.options, 224, 1), 0);
    (void)build(&m, bytes, sizeof(bytes));
    const uint8_t expect[] = {53, 1, 5, 67, 5, 'x', '.', 'e', 'f', 'i', 0, 224, 1, 1, 255};
    assert_memory_equal(bytes + OPTIONS_AT, expect, sizeof(expect));
}

static void test_mac(void **state)
{
    (void)state;
    struct dhcp_message m = message();
    struct mac mac = dhcp_message_mac(&m);
    assert_memory_equal(mac.b, m.chaddr, 6);
    m.hlen = 16;
    mac = dhcp_message_mac(&m);
    assert_false(mac_is_unicast(mac));
    m.hlen = 6;
    m.htype = 32; /* InfiniBand */
    mac = dhcp_message_mac(&m);
    assert_false(mac_is_unicast(mac));
}

UNIT_MAIN(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_minimum_size),
          cmocka_unit_test(test_refused), cmocka_unit_test(test_overload_is_read),
          cmocka_unit_test(test_overload_is_written), cmocka_unit_test(test_relay_option_is_last),
          cmocka_unit_test(test_required_options_must_fit),
          cmocka_unit_test(test_boot_file_is_followed_by_a_pad), cmocka_unit_test(test_mac))
