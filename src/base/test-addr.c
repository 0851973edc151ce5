/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"
#include "base/test.h"

static void test_mac(void **state)
{
    (void)state;
    struct mac m;
    char text[MAC_TEXT_SIZE];
    assert_int_equal(mac_parse("52:54:00:AB:cd:01", &m), 0);
    assert_string_equal(mac_text(m, text), "52:54:00:ab:cd:01");
    assert_int_equal(mac_parse("52-54-00-ab-cd-01", &m), 0);
    assert_true(mac_is_unicast(m));
    static const char *const bad[] = {"",
                                      "zz",
                                      "52:54:00:ab:cd",
                                      "52:54:00:ab:cd:0g",
                                      "52:54-00:ab:cd:01",
                                      "52:54:00:ab:cd:01:02",
                                      "525400abcd01xxxxx"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(mac_parse(bad[i], &m), -EINVAL);
}

static void test_ipv4_and_cidr(void **state)
{
    (void)state;
    ipv4 a;
    struct cidr c;
    char text[CIDR_TEXT_SIZE];
    assert_int_equal(ipv4_parse("10.0.255.1", &a), 0);
    assert_int_equal(a, 0x0a00ff01);
    static const char *const bad[] = {"",         "10.0.0",   "10.0.0.256", "10.0.0.01",
                                      "1.2.3.4.", "1.2.3.4x", "-1.2.3.4",   "1..2.3"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(ipv4_parse(bad[i], &a), -EINVAL);
    assert_int_equal(cidr_parse("192.168.7.9/24", &c), 0);
    assert_int_equal(cidr_first(c), 0xc0a80700);
    assert_int_equal(cidr_last(c), 0xc0a807ff);
    assert_true(cidr_contains(c, 0xc0a80701));
    assert_false(cidr_contains(c, 0xc0a80801));
    assert_string_equal(cidr_text(c, text), "192.168.7.9/24");
    assert_int_equal(cidr_parse("10.0.0.0/33", &c), -EINVAL);
    assert_int_equal(cidr_parse("10.0.0.0/08", &c), -EINVAL);
    assert_int_equal(cidr_parse("0.0.0.0/0", &c), 0);
    assert_true(cidr_contains(c, 0xffffffff));
    assert_int_equal(ipv4_mask_prefix(0xffffff00), 24);
    assert_int_equal(ipv4_mask_prefix(0), 0);
    assert_int_equal(ipv4_mask_prefix(0xff00ff00), -1);
}

UNIT_MAIN(cmocka_unit_test(test_mac), cmocka_unit_test(test_ipv4_and_cidr))
