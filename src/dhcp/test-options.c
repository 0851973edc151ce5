/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/test.h"
#include "dhcp/options.h"

static int parse(const uint8_t *bytes, size_t len, struct dhcp_options *o)
{
    struct rd area = rd_init(bytes, len);
    return dhcp_options_parse(&area, 1, o);
}

static void test_values(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0,   53,  1,   3,   0, 0,  54, 4, 10,   0,  0, 1,   12, 5,
                             'h', 'o', 's', 't', 0, 57, 2,  5, 0xdc, 80, 0, 255, 99, 9};
    struct dhcp_options o;
    char text[16];
    assert_int_equal(parse(bytes, sizeof(bytes), &o), 0);
    assert_int_equal(dhcp_options_u8(&o, 53), 3);
    assert_int_equal(dhcp_options_ipv4(&o, 54), 0x0a000001);
    assert_int_equal(dhcp_options_u16(&o, 57), 1500);
    assert_int_equal(dhcp_options_text(&o, 12, text, sizeof(text)), 4); /* a NUL ends it */
    assert_string_equal(text, "host");
    assert_int_equal(dhcp_options_text(&o, 12, text, 3), 2);
    assert_string_equal(text, "ho");
    assert_true(dhcp_options_has(&o, 80)); /* present with length 0 */
    assert_false(dhcp_options_has(&o, 99));
    assert_int_equal(dhcp_options_u32(&o, 53), 0); /* wrong size */
    assert_int_equal(dhcp_options_u8(&o, 54), 0);
    struct rd absent = dhcp_options_get(&o, 99);
    assert_false(rd_ok(&absent));
}

static void test_truncated(void **state)
{
    (void)state;
    const uint8_t bytes[] = {53, 1, 3, 61, 7, 1, 2, 3};
    struct dhcp_options o;
    assert_int_equal(parse(bytes, 3, &o), 0); /* no END is tolerated */
    for (size_t n = 4; n <= sizeof(bytes); n++) {
        assert_int_equal(parse(bytes, n, &o), -EBADMSG);
        assert_false(dhcp_options_has(&o, 53)); /* nothing is left half parsed */
    }
}

/* RFC 3396: parts of one option, apart and in several areas, in order. */
static void test_concatenation(void **state)
{
    (void)state;
    const uint8_t first[] = {67, 2, 'a', 'b', 53, 1, 1, 67, 1, 'c'};
    const uint8_t second[] = {67, 3, 'd', 'e', 'f', 255};
    struct rd areas[] = {rd_init(first, sizeof(first)), rd_init(second, sizeof(second))};
    struct dhcp_options o;
    char text[16];
    assert_int_equal(dhcp_options_parse(areas, 2, &o), 0);
    assert_int_equal(dhcp_options_text(&o, 67, text, sizeof(text)), 6);
    assert_string_equal(text, "abcdef");
    assert_int_equal(dhcp_options_u8(&o, 53), 1);
    assert_int_equal(o.count, 2);
}

static void test_more_than_fits(void **state)
{
    (void)state;
    uint8_t bytes[257 * 17];
    for (size_t i = 0; i < 17; i++) {
        uint8_t *p = bytes + 257 * i;
        p[0] = (uint8_t)(100 + i);
        p[1] = 255;
    }
    struct dhcp_options o;
    assert_int_equal(parse(bytes, 257 * 16, &o), 0);
    assert_int_equal(parse(bytes, 257 * 17, &o), -EBADMSG);
}

static void test_add(void **state)
{
    (void)state;
    struct dhcp_options o = {0};
    uint8_t big[DHCP_OPTIONS_DATA_MAX] = {0};
    assert_int_equal(dhcp_options_add_u8(&o, 53, 5), 0);
    assert_int_equal(dhcp_options_add_u8(&o, 53, 6), -EEXIST);
    assert_int_equal(dhcp_options_add_u8(&o, 0, 6), -EINVAL);
    assert_int_equal(dhcp_options_add_u8(&o, 255, 6), -EINVAL);
    assert_int_equal(dhcp_options_add(&o, 43, big, sizeof(big)), -EMSGSIZE);
    assert_false(dhcp_options_has(&o, 43));
    assert_int_equal(dhcp_options_add(&o, 43, big, sizeof(big) - 1), 0);
    assert_int_equal(dhcp_options_u8(&o, 53), 5);
}

/* RFC 3442's own example, and what it forbids. */
static void test_routes(void **state)
{
    (void)state;
    const struct dhcp_route routes[] = {
        {{0x0a119000, 20}, 0x0a000001}, {{0, 0}, 0x0a0000fe}, {{0x0a1b81ff, 32}, 0x0a000002}};
    const uint8_t expect[] = {20, 10,  17, 144, 10, 0,   0,   1,  0, 10, 0,
                              0,  254, 32, 10,  27, 129, 255, 10, 0, 0,  2};
    uint8_t bytes[64];
    struct dhcp_route back[3];
    assert_int_equal(dhcp_routes_build(routes, 3, bytes, sizeof(bytes)), sizeof(expect));
    assert_memory_equal(bytes, expect, sizeof(expect));
    assert_int_equal(dhcp_routes_build(routes, 3, bytes, 10), -EMSGSIZE);
    assert_int_equal(dhcp_routes_parse(rd_init(expect, sizeof(expect)), back, 3), 3);
    assert_int_equal(back[0].dest.address, 0x0a119000);
    assert_int_equal(back[2].gateway, 0x0a000002);
    assert_int_equal(dhcp_routes_parse(rd_init(expect, sizeof(expect)), back, 2), 2);
    assert_int_equal(dhcp_routes_parse(rd_init(expect, 21), back, 3), -EBADMSG);
    const uint8_t wide[] = {33, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_int_equal(dhcp_routes_parse(rd_init(wide, sizeof(wide)), back, 3), -EBADMSG);
    const uint8_t host_bits[] = {8, 10, 10, 0, 0, 1};
    assert_int_equal(dhcp_routes_parse(rd_init(host_bits, sizeof(host_bits)), back, 3), 1);
}

static void test_search(void **state)
{
    (void)state;
    const char *const names[] = {"eng.apple.com", "a."};
    const char expect[] = "\3eng\5apple\3com\0\1a";
    uint8_t bytes[64];
    assert_int_equal(dhcp_search_build(names, 2, bytes, sizeof(bytes)), sizeof(expect));
    assert_memory_equal(bytes, expect, sizeof(expect));
    const char *const bad[] = {"a..b"};
    assert_int_equal(dhcp_search_build(bad, 1, bytes, sizeof(bytes)), -EINVAL);
    assert_int_equal(dhcp_search_build(names, 1, bytes, 5), -EMSGSIZE);
}

UNIT_MAIN(cmocka_unit_test(test_values), cmocka_unit_test(test_truncated),
          cmocka_unit_test(test_concatenation), cmocka_unit_test(test_more_than_fits),
          cmocka_unit_test(test_add), cmocka_unit_test(test_routes), cmocka_unit_test(test_search))
