/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

#include "base/str.h"
#include "base/test.h"
#include "net/netlink.h"

static void test_link_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_index = 7, .ifi_type = 1, .ifi_flags = IFF_UP};
    const uint8_t mac[6] = {2, 0, 0, 0, 0, 7}, carrier = 1;
    nl_begin(&w, RTM_NEWLINK, 0, &h, sizeof(h));
    nl_put(&w, IFLA_IFNAME, "eth7", 5);
    nl_put(&w, IFLA_ADDRESS, mac, sizeof(mac));
    nl_put(&w, IFLA_CARRIER, &carrier, 1);
    nl_put_u32(&w, IFLA_MTU, 9000);
    nl_finish(&w, 42);
    assert_true(wr_ok(&w));
    struct rd r = rd_init(bytes, w.pos);
    struct nl_message m;
    struct net_link link;
    assert_true(nl_next(&r, &m));
    assert_int_equal(m.seq, 42);
    assert_int_equal(nl_parse_link(m.payload, &link), 0);
    assert_int_equal(link.index, 7);
    assert_string_equal(link.name, "eth7");
    assert_int_equal(link.mac.b[5], 7);
    assert_int_equal(link.mtu, 9000);
    assert_true(link.up && link.carrier && !link.loopback);
    assert_false(nl_next(&r, &m));
    assert_true(rd_ok(&r));
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    struct nlmsghdr h = {.nlmsg_len = 8}; /* below its own header */
    struct rd r = rd_init(&h, sizeof(h));
    struct nl_message m;
    assert_false(nl_next(&r, &m));
    assert_false(rd_ok(&r));
    h.nlmsg_len = 4096; /* beyond the datagram */
    r = rd_init(&h, sizeof(h));
    assert_false(nl_next(&r, &m));
    assert_false(rd_ok(&r));
    struct rtattr a = {.rta_len = 2};
    struct nl_attr attr;
    r = rd_init(&a, sizeof(a));
    assert_false(nl_attr_next(&r, &attr));
    assert_false(rd_ok(&r));
}

static void test_names_that_do_not_fit(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_index = 1};
    nl_begin(&w, RTM_NEWLINK, 0, &h, sizeof(h));
    nl_put(&w, IFLA_IFNAME, "a-name-longer-than-fifteen", 27);
    nl_finish(&w, 1);
    struct rd r = rd_init(bytes, w.pos);
    struct nl_message m;
    struct net_link link;
    assert_true(nl_next(&r, &m));
    assert_int_equal(nl_parse_link(m.payload, &link), 0);
    assert_string_equal(link.name, "");
}

static void test_errors(void **state)
{
    (void)state;
    int32_t codes[] = {0, -EEXIST, 5, -70000};
    const int expect[] = {0, -EEXIST, -EBADMSG, -EBADMSG};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        assert_int_equal(nl_error(rd_init(&codes[i], 4)), expect[i]);
    assert_int_equal(nl_error(rd_init(codes, 3)), -EBADMSG);
}

/* The real kernel, read only: every system has its loopback. */
static void test_loopback_is_listed(void **state)
{
    (void)state;
    _autofd_ int fd = -1;
    _autofree_ struct net_link *links = NULL;
    _autofree_ struct net_address *addresses = NULL;
    size_t count = 0, found = 0;
    assert_int_equal(net_open(&fd), 0);
    assert_int_equal(net_links(fd, &links, &count), 0);
    for (size_t i = 0; i < count; i++)
        found += links[i].loopback && str_eq(links[i].name, "lo");
    assert_int_equal(found, 1);
    struct net_link lo;
    assert_int_equal(net_link_by_name(fd, "lo", &lo), 0);
    assert_true(lo.loopback);
    struct net_link same;
    assert_int_equal(net_link_by_index(fd, lo.index, &same), 0);
    assert_string_equal(same.name, "lo");
    assert_int_equal(net_link_by_name(fd, "no-such-link", &lo), -ENODEV);
    assert_int_equal(net_link_by_name(fd, "a-name-longer-than-fifteen", &lo), -ENODEV);
    assert_int_equal(net_link_by_index(fd, 1 << 30, &lo), -ENODEV);
    assert_int_equal(net_addresses(fd, &addresses, &count), 0);
    assert_int_equal(net_link_speed("lo"), -1);
}

UNIT_MAIN(cmocka_unit_test(test_link_round_trip), cmocka_unit_test(test_lengths_that_lie),
          cmocka_unit_test(test_names_that_do_not_fit), cmocka_unit_test(test_errors),
          cmocka_unit_test(test_loopback_is_listed))
