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
    _autofree_ struct net_route *routes = NULL;
    assert_int_equal(net_routes(fd, 0, &routes, &count), 0);
    _autofree_ struct net_neighbour *arp = NULL, *fdb = NULL;
    assert_int_equal(net_neighbours(fd, NET_ARP, lo.index, &arp, &count), 0);
    assert_int_equal(net_neighbours(fd, NET_FDB, lo.index, &fdb, &count), 0);
    struct net_vxlan vxlan;
    int index;
    assert_int_equal(net_vxlan_read(fd, "no-such-link", &vxlan, &index), -ENODEV);
    assert_int_equal(net_vxlan_read(fd, "lo", &vxlan, &index), -EMEDIUMTYPE);
    assert_int_equal(net_link_speed("lo"), -1);
}

/* What was begun in bytes, as the kernel would get it. */
static struct rd finished(struct wr *w, uint16_t *ret_type, uint16_t *ret_flags)
{
    struct nl_message m;
    nl_finish(w, 1);
    assert_true(wr_ok(w));
    struct rd r = rd_init(w->buf, w->pos);
    assert_true(nl_next(&r, &m));
    assert_true(rd_done(&r));
    *ret_type = m.type;
    *ret_flags = m.flags;
    return m.payload;
}

static void test_route_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct wr w = wr_init(bytes, sizeof(bytes));
    const struct net_route route = {.dest = {.address = 0x0af40200, .prefix = 24},
                                    .gateway = 0x0a000002,
                                    .source = 0x0a000001,
                                    .ifindex = 7,
                                    .metric = 5,
                                    .protocol = 83,
                                    .onlink = true};
    struct net_route back;
    uint16_t type, flags;
    nl_put_route(&w, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route);
    struct rd payload = finished(&w, &type, &flags);
    assert_int_equal(type, RTM_NEWROUTE);
    assert_int_equal(flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    assert_int_equal(nl_parse_route(payload, &back), 0);
    assert_int_equal(back.dest.address, route.dest.address);
    assert_int_equal(back.dest.prefix, 24);
    assert_int_equal(back.gateway, route.gateway);
    assert_int_equal(back.source, route.source);
    assert_int_equal(back.ifindex, 7);
    assert_int_equal(back.metric, 5);
    assert_int_equal(back.protocol, 83);
    assert_true(back.onlink);
}

static void test_routes_that_are_not_for_us(void **state)
{
    (void)state;
    struct rtmsg h = {.rtm_family = AF_INET,
                      .rtm_dst_len = 24,
                      .rtm_table = RT_TABLE_MAIN,
                      .rtm_type = RTN_UNICAST};
    struct net_route route;
    assert_int_equal(nl_parse_route(rd_init(&h, sizeof(h)), &route), 0);
    h.rtm_table = RT_TABLE_LOCAL;
    assert_int_equal(nl_parse_route(rd_init(&h, sizeof(h)), &route), -ENOENT);
    h.rtm_table = RT_TABLE_MAIN;
    h.rtm_type = RTN_BLACKHOLE;
    assert_int_equal(nl_parse_route(rd_init(&h, sizeof(h)), &route), -ENOENT);
    h.rtm_type = RTN_UNICAST;
    h.rtm_dst_len = 33;
    assert_int_equal(nl_parse_route(rd_init(&h, sizeof(h)), &route), -EBADMSG);
    h.rtm_family = AF_INET6;
    assert_int_equal(nl_parse_route(rd_init(&h, sizeof(h)), &route), -EAFNOSUPPORT);
    assert_int_equal(nl_parse_route(rd_init(&h, 3), &route), -EBADMSG);
}

static void test_neighbour_round_trip(void **state)
{
    (void)state;
    const struct net_neighbour entry = {
        .ifindex = 9, .mac = {{0x0e, 0x53, 10, 244, 2, 0}}, .address = 0x0a000002};
    for (enum net_neighbour_table table = NET_ARP; table <= NET_FDB; table++) {
        uint8_t bytes[128];
        struct wr w = wr_init(bytes, sizeof(bytes));
        struct net_neighbour back;
        uint16_t type, flags;
        nl_put_neighbour(&w, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, table, &entry);
        struct rd payload = finished(&w, &type, &flags);
        assert_int_equal(nl_parse_neighbour(payload, table, &back), 0);
        assert_int_equal(back.ifindex, 9);
        assert_int_equal(back.address, entry.address);
        assert_true(mac_eq(back.mac, entry.mac));
        assert_int_equal(nl_parse_neighbour(payload, table == NET_ARP ? NET_FDB : NET_ARP, &back),
                         -EAFNOSUPPORT);
    }
}

static void test_vxlan_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct wr w = wr_init(bytes, sizeof(bytes));
    const struct net_vxlan vxlan = {.name = "vxlan.slipway",
                                    .id = 0x5357,
                                    .port = 4789,
                                    .local = 0x0a000001,
                                    .mac = {{0x0e, 0x53, 10, 244, 1, 0}},
                                    .mtu = 1450};
    struct net_vxlan back;
    uint16_t type, flags;
    nl_put_vxlan(&w, &vxlan);
    struct rd payload = finished(&w, &type, &flags);
    assert_int_equal(flags & NLM_F_EXCL, NLM_F_EXCL);
    /* the kernel's answer has an index, a request for a new link none */
    assert_int_equal(nl_parse_vxlan(payload, &back), -EBADMSG);
    const int32_t index = 5;
    memcpy(bytes + sizeof(struct nlmsghdr) + offsetof(struct ifinfomsg, ifi_index), &index, 4);
    assert_int_equal(nl_parse_vxlan(payload, &back), 0);
    assert_string_equal(back.name, vxlan.name);
    assert_int_equal(back.id, vxlan.id);
    assert_int_equal(back.port, vxlan.port);
    assert_int_equal(back.local, vxlan.local);
    assert_int_equal(back.mtu, vxlan.mtu);
    assert_true(mac_eq(back.mac, vxlan.mac));
    assert_false(back.learning);
}

UNIT_MAIN(cmocka_unit_test(test_link_round_trip), cmocka_unit_test(test_lengths_that_lie),
          cmocka_unit_test(test_names_that_do_not_fit), cmocka_unit_test(test_errors),
          cmocka_unit_test(test_loopback_is_listed), cmocka_unit_test(test_route_round_trip),
          cmocka_unit_test(test_routes_that_are_not_for_us),
          cmocka_unit_test(test_neighbour_round_trip), cmocka_unit_test(test_vxlan_round_trip))
