/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "podnet/diff.h"

static struct net_route route(uint8_t net, ipv4 gateway)
{
    return (struct net_route){.dest = {0x0af40000u | (ipv4)net << 8, 24},
                              .gateway = gateway,
                              .ifindex = 2,
                              .protocol = PODNET_PROTOCOL};
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct net_route have[] = {route(3, 7), route(2, 6)};
    const struct net_route want[] = {route(2, 6), route(3, 7)};
    _autofree_ struct podnet_route_change *changes = NULL;
    size_t n = 99;
    assert_int_equal(podnet_diff_routes(have, 2, want, 2, &changes, &n), 0);
    assert_int_equal(n, 0);
    _autofree_ struct podnet_route_change *none = NULL;
    assert_int_equal(podnet_diff_routes(NULL, 0, NULL, 0, &none, &n), 0);
    assert_int_equal(n, 0);
}

static void test_routes_come_change_and_go(void **state)
{
    (void)state;
    struct net_route have[] = {route(5, 5), route(1, 1), route(2, 2)};
    const struct net_route want[] = {route(2, 22), route(3, 3), route(5, 5)};
    _autofree_ struct podnet_route_change *changes = NULL;
    size_t n = 0;
    assert_int_equal(podnet_diff_routes(have, 3, want, 3, &changes, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(changes[0].kind, PODNET_REMOVE);
    assert_int_equal(changes[0].route.gateway, 1);
    assert_int_equal(changes[1].kind, PODNET_REPLACE);
    assert_int_equal(changes[1].route.gateway, 22);
    assert_int_equal(changes[2].kind, PODNET_CREATE);
    assert_int_equal(changes[2].route.gateway, 3);
}

/* A range that became larger is another destination; so is one of ours with another metric. */
static void test_what_is_another_route(void **state)
{
    (void)state;
    struct net_route have[] = {route(2, 2), route(4, 4)};
    have[1].metric = 100;
    struct net_route want[] = {route(2, 2), route(4, 4)};
    want[0].dest.prefix = 23;
    _autofree_ struct podnet_route_change *changes = NULL;
    size_t n = 0;
    assert_int_equal(podnet_diff_routes(have, 2, want, 2, &changes, &n), 0);
    assert_int_equal(n, 4);
    assert_int_equal(changes[0].kind, PODNET_REMOVE);
    assert_int_equal(changes[0].route.dest.prefix, 24);
    assert_int_equal(changes[1].kind, PODNET_REMOVE);
    assert_int_equal(changes[1].route.metric, 100);
    assert_int_equal(changes[2].kind, PODNET_CREATE);
    assert_int_equal(changes[2].route.dest.prefix, 23);
    assert_int_equal(changes[3].kind, PODNET_CREATE);
}

static void test_everything_of_a_route_counts(void **state)
{
    (void)state;
    const struct net_route want[] = {route(2, 2)};
    for (int i = 0; i < 3; i++) {
        struct net_route have[] = {route(2, 2)};
        have[0].ifindex += i == 0;
        have[0].source += i == 1;
        have[0].onlink = i == 2;
        _autofree_ struct podnet_route_change *changes = NULL;
        size_t n = 0;
        assert_int_equal(podnet_diff_routes(have, 1, want, 1, &changes, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(changes[0].kind, PODNET_REPLACE);
    }
}

static void test_neighbours(void **state)
{
    (void)state;
    for (enum net_neighbour_table table = NET_ARP; table <= NET_FDB; table++) {
        struct net_neighbour have[] = {{3, {{2, 0, 0, 0, 0, 3}}, 30},
                                       {3, {{2, 0, 0, 0, 0, 1}}, 10},
                                       {3, {{2, 0, 0, 0, 0, 2}}, 20}};
        struct net_neighbour want[] = {{3, {{2, 0, 0, 0, 0, 4}}, 40},
                                       {3, {{2, 0, 0, 0, 0, 1}}, 10},
                                       {3, {{2, 0, 0, 0, 0, 2}}, 20}};
        if (table == NET_FDB)
            want[2].address = 21;
        else
            want[2].mac.b[5] = 9;
        _autofree_ struct podnet_neighbour_change *changes = NULL;
        size_t n = 0;
        assert_int_equal(podnet_diff_neighbours(table, have, 3, want, 3, &changes, &n), 0);
        assert_int_equal(n, 3);
        assert_true(changes[0].remove);
        assert_int_equal(changes[0].entry.address, 30);
        assert_false(changes[1].remove || changes[2].remove);
        assert_int_equal(changes[1].entry.address, table == NET_FDB ? 21 : 20);
        assert_int_equal(changes[2].entry.address, 40);
    }
}

static void test_tunnels(void **state)
{
    (void)state;
    const struct net_vxlan want = {.id = PODNET_VXLAN_ID,
                                   .port = PODNET_VXLAN_PORT,
                                   .local = 1,
                                   .mac = {{0x0e, 0x53, 0, 0, 0, 1}},
                                   .mtu = 1450};
    struct net_vxlan have = want;
    have.mtu = 9000;
    assert_int_equal(podnet_diff_tunnel(&have, &want), PODNET_TUNNEL_KEEP);
    for (int i = 0; i < 5; i++) {
        have = want;
        have.id += i == 0;
        have.port = (uint16_t)(have.port + (i == 1));
        have.local += i == 2;
        have.mac.b[5] = (uint8_t)(1 + (i == 3));
        have.learning = i == 4;
        assert_int_equal(podnet_diff_tunnel(&have, &want), PODNET_TUNNEL_REBUILD);
    }
}

static void test_routes_of_a_plan(void **state)
{
    (void)state;
    struct net_route routes[] = {route(1, 1), route(3, 3)};
    struct podnet_peer peers[] = {{.node = 9, .address = 0x0af40200, .range = {0x0af40200, 24}}};
    const struct podnet_plan plan = {.routes = routes,
                                     .n_routes = 2,
                                     .peers = peers,
                                     .n_peers = 1,
                                     .tunnel_address = 0x0af40900};
    size_t n = 0;
    _autofree_ struct net_route *all = podnet_all_routes(&plan, 8, &n);
    assert_int_equal(n, 3);
    assert_int_equal(all[0].gateway, 1);
    assert_int_equal(all[1].gateway, 0x0af40200);
    assert_int_equal(all[1].source, 0x0af40900);
    assert_int_equal(all[1].ifindex, 8);
    assert_true(all[1].onlink);
    assert_int_equal(all[2].gateway, 3);
    _autofree_ struct net_route *without = podnet_all_routes(&plan, 0, &n);
    assert_int_equal(n, 2);
    assert_int_equal(without[1].gateway, 3);
}

UNIT_MAIN(cmocka_unit_test(test_nothing_to_do), cmocka_unit_test(test_routes_come_change_and_go),
          cmocka_unit_test(test_what_is_another_route),
          cmocka_unit_test(test_everything_of_a_route_counts), cmocka_unit_test(test_neighbours),
          cmocka_unit_test(test_tunnels), cmocka_unit_test(test_routes_of_a_plan))
