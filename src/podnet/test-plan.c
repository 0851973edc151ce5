/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>

#include "base/str.h"
#include "base/test.h"
#include "podnet/plan.h"

enum { ETH0 = 2, ETH1 = 3, CNI0 = 4 };

/* This machine is node1: 10.0.0.1/24 on eth0, 192.168.7.1/24 on eth1, and pods on cni0. */
static const struct net_link links[] = {
    {.index = 1, .name = "lo", .loopback = true, .mtu = 65536, .up = true},
    {.index = ETH0, .name = "eth0", .mtu = 1500, .up = true},
    {.index = ETH1, .name = "eth1", .mtu = 9000, .up = true},
    {.index = CNI0, .name = "cni0", .mtu = 1500, .up = true, .kind = "bridge"},
};
static const struct net_address addresses[] = {
    {.ifindex = 1, .address = {0x7f000001, 8}},
    {.ifindex = ETH0, .address = {0x0a000001, 24}},
    {.ifindex = ETH1, .address = {0xc0a80701, 24}},
    {.ifindex = CNI0, .address = {0x0af40101, 24}},
};
static const struct podnet_host host = {.links = links,
                                        .n_links = ARRAY_SIZE(links),
                                        .addresses = addresses,
                                        .n_addresses = ARRAY_SIZE(addresses),
                                        .has_portmap = true};
static const struct podnet_config config = {.pod_subnet = {0x0af40000, 16}, .node_name = "node1"};

static struct podnet_node node(const char *name, const char *address, const char *range)
{
    struct podnet_node n = {.created = 1000};
    assert_int_equal(str_copy(n.name, sizeof(n.name), name), 0);
    if (address)
        assert_int_equal(ipv4_parse(address, &n.address), 0);
    if (range)
        assert_int_equal(cidr_parse(range, &n.range), 0);
    return n;
}

#define NODE1 node("node1", "10.0.0.1", "10.244.1.0/24")

static struct podnet_plan planned_with(const struct podnet_config *c, const struct podnet_host *h,
                                       const struct podnet_node *nodes, size_t n)
{
    struct podnet_plan plan = {0};
    assert_int_equal(podnet_plan_make(c, nodes, n, h, &plan), 0);
    return plan;
}

static struct podnet_plan planned(const struct podnet_node *nodes, size_t n)
{
    return planned_with(&config, &host, nodes, n);
}

static void assert_route(const struct net_route *r, const char *dest, const char *gateway,
                         int ifindex)
{
    char d[CIDR_TEXT_SIZE], g[IPV4_TEXT_SIZE];
    assert_string_equal(cidr_text(r->dest, d), dest);
    assert_string_equal(ipv4_text(r->gateway, g), gateway);
    assert_int_equal(r->ifindex, ifindex);
    assert_int_equal(r->protocol, PODNET_PROTOCOL);
}

static void test_one_node_alone(void **state)
{
    (void)state;
    const struct podnet_node nodes[] = {NODE1};
    _autoplan_ struct podnet_plan plan = planned(nodes, 1);
    assert_string_equal(plan.waiting, "");
    assert_int_equal(plan.n_routes, 0);
    assert_int_equal(plan.n_peers, 0);
    assert_string_equal(plan.tunnel.name, "");
    assert_int_equal(plan.mtu, 1500);
    assert_string_equal(buf_str(&plan.problems), "");
}

static void test_nodes_on_our_links(void **state)
{
    (void)state;
    const struct podnet_node nodes[] = {
        node("node3", "192.168.7.3", "10.244.3.0/24"),
        NODE1,
        node("node2", "10.0.0.2", "10.244.2.0/24"),
    };
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_int_equal(plan.n_routes, 2);
    assert_route(&plan.routes[0], "10.244.2.0/24", "10.0.0.2", ETH0);
    assert_route(&plan.routes[1], "10.244.3.0/24", "192.168.7.3", ETH1);
    assert_int_equal(plan.n_peers, 0);
    assert_string_equal(plan.tunnel.name, "");
}

static void test_a_node_behind_a_router(void **state)
{
    (void)state;
    const struct podnet_node nodes[] = {NODE1, node("far", "10.9.0.2", "10.244.2.0/24"),
                                        node("near", "10.0.0.3", "10.244.3.0/24")};
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    char text[MAC_TEXT_SIZE];
    assert_int_equal(plan.n_routes, 1);
    assert_int_equal(plan.n_peers, 1);
    assert_int_equal(plan.peers[0].node, 0x0a090002);
    assert_int_equal(plan.peers[0].address, 0x0af40200);
    assert_string_equal(mac_text(plan.peers[0].mac, text), "0e:53:0a:f4:02:00");
    assert_string_equal(plan.tunnel.name, "vxlan.slipway");
    assert_string_equal(mac_text(plan.tunnel.mac, text), "0e:53:0a:f4:01:00");
    assert_int_equal(plan.tunnel.local, 0x0a000001);
    assert_int_equal(plan.tunnel.mtu, 1450);
    assert_int_equal(plan.tunnel_address, 0x0af40100);
    assert_int_equal(plan.mtu, 1450);
}

/* The most specific subnet of ours counts, and never the pods' own bridge. */
static void test_which_link_leads_to_a_node(void **state)
{
    (void)state;
    const struct net_address many[] = {
        {.ifindex = ETH0, .address = {0x0a000001, 8}}, /* 10.0.0.1/8 holds 10.244.0.0/16, too */
        {.ifindex = ETH1, .address = {0x0a050001, 16}},
        {.ifindex = CNI0, .address = {0x0af40101, 24}},
        {.ifindex = 1, .address = {0x0a070001, 16}}, /* on the loopback */
        {.ifindex = 9, .address = {0x0a080001, 16}}, /* on a link that is gone */
    };
    struct podnet_host h = host;
    h.addresses = many;
    h.n_addresses = ARRAY_SIZE(many);
    const struct podnet_node nodes[] = {
        NODE1,
        node("a", "10.5.0.9", "10.244.2.0/24"),
        node("b", "10.6.0.9", "10.244.3.0/24"),
        node("c", "10.7.0.9", "10.244.4.0/24"),
        node("d", "10.8.0.9", "10.244.5.0/24"),
        node("e", "10.244.1.9", "10.244.6.0/24"),
    };
    _autoplan_ struct podnet_plan plan = planned_with(&config, &h, nodes, ARRAY_SIZE(nodes));
    assert_int_equal(plan.n_routes, 4);
    assert_route(&plan.routes[0], "10.244.2.0/24", "10.5.0.9", ETH1);
    assert_route(&plan.routes[1], "10.244.3.0/24", "10.6.0.9", ETH0);
    assert_route(&plan.routes[2], "10.244.4.0/24", "10.7.0.9", ETH0);
    assert_route(&plan.routes[3], "10.244.5.0/24", "10.8.0.9", ETH0);
    assert_string_equal(buf_str(&plan.problems),
                        "Node e gets no route: its InternalIP is in the pods' subnet\n");
}

static void test_a_link_that_is_down_is_no_router(void **state)
{
    (void)state;
    struct net_link down[ARRAY_SIZE(links)];
    memcpy(down, links, sizeof(links));
    down[1].up = false;
    struct podnet_host h = host;
    h.links = down;
    const struct podnet_node nodes[] = {NODE1, node("node2", "10.0.0.2", "10.244.2.0/24")};
    _autoplan_ struct podnet_plan plan = planned_with(&config, &h, nodes, 2);
    assert_int_equal(plan.n_routes, 1);
    assert_int_equal(plan.n_peers, 0);
}

static void test_the_younger_of_two_with_one_range(void **state)
{
    (void)state;
    struct podnet_node nodes[] = {NODE1, node("old", "10.0.0.2", "10.244.2.0/24"),
                                  node("new", "10.0.0.3", "10.244.2.0/24")};
    nodes[2].created = 2000;
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_int_equal(plan.n_routes, 1);
    assert_route(&plan.routes[0], "10.244.2.0/24", "10.0.0.2", ETH0);
    assert_string_equal(
        buf_str(&plan.problems),
        "Node new gets no route: its podCIDR 10.244.2.0/24 overlaps that of Node old\n");
}

static void test_two_with_one_range_of_one_age(void **state)
{
    (void)state;
    const struct podnet_node nodes[] = {node("b", "10.0.0.3", "10.244.2.0/24"), NODE1,
                                        node("a", "10.0.0.2", "10.244.2.0/24")};
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_int_equal(plan.n_routes, 0);
    assert_string_equal(
        buf_str(&plan.problems),
        "Node a gets no route: its podCIDR 10.244.2.0/24 overlaps that of Node b\n"
        "Node b gets no route: its podCIDR 10.244.2.0/24 overlaps that of Node a\n");
}

/* A Node that claims everybody's range takes nothing from those that were there. */
static void test_a_range_around_others(void **state)
{
    (void)state;
    struct podnet_node nodes[] = {NODE1, node("node2", "10.0.0.2", "10.244.2.0/24"),
                                  node("greedy", "10.0.0.66", "10.244.0.0/16"),
                                  node("later", "10.0.0.4", "10.244.4.0/24"),
                                  node("apart", "10.0.0.5", "10.244.5.0/24")};
    nodes[2].created = 2000;
    nodes[3].created = 3000;
    _autoplan_ struct podnet_plan plan = planned(nodes, ARRAY_SIZE(nodes));
    assert_string_equal(plan.waiting, "");
    assert_int_equal(plan.n_routes, 2);
    assert_route(&plan.routes[0], "10.244.2.0/24", "10.0.0.2", ETH0);
    assert_route(&plan.routes[1], "10.244.5.0/24", "10.0.0.5", ETH0);
    assert_non_null(strstr(buf_str(&plan.problems), "Node greedy gets no route"));
    assert_non_null(strstr(buf_str(&plan.problems), "Node later gets no route"));
}

static void test_our_range_is_an_older_nodes(void **state)
{
    (void)state;
    struct podnet_node nodes[] = {NODE1, node("old", "10.0.0.2", "10.244.1.0/24"),
                                  node("node3", "10.0.0.3", "10.244.3.0/24")};
    nodes[0].created = 2000;
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_string_equal(plan.waiting, "the podCIDR of Node node1 is another Node's, too");
    assert_null(plan.conflist);
}

static void test_ranges_outside_of_the_cluster(void **state)
{
    (void)state;
    const struct podnet_node nodes[] = {NODE1, node("a", "10.0.0.2", "10.0.0.0/8"),
                                        node("b", "10.0.0.3", "8.8.8.0/24")};
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_int_equal(plan.n_routes, 0);
    assert_string_equal(
        buf_str(&plan.problems),
        "Node b gets no route: its podCIDR 8.8.8.0/24 is not in the Cluster's subnet\n"
        "Node a gets no route: its podCIDR 10.0.0.0/8 is not in the Cluster's subnet\n");
}

static void test_addresses_that_no_node_has(void **state)
{
    (void)state;
    static const char *const bad[] = {"127.0.0.1",   "224.0.0.1",  "0.0.0.7", "10.0.0.1",
                                      "192.168.7.1", "10.244.9.9", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct podnet_node nodes[] = {NODE1, node("bad", bad[i], "10.244.2.0/24")};
        _autoplan_ struct podnet_plan plan = planned(nodes, 2);
        assert_string_equal(plan.waiting, "");
        assert_int_equal(plan.n_routes + plan.n_peers, 0);
        assert_non_null(str_after(buf_str(&plan.problems), "Node bad gets no route: it"));
    }
}

static void test_nodes_without_a_range(void **state)
{
    (void)state;
    struct podnet_node nodes[] = {NODE1, node("fresh", "10.0.0.2", NULL),
                                  node("six", "10.0.0.3", NULL)};
    nodes[2].foreign = true;
    _autoplan_ struct podnet_plan plan = planned(nodes, 3);
    assert_int_equal(plan.n_routes, 0);
    assert_string_equal(buf_str(&plan.problems),
                        "Node six gets no route: it has no IPv4 podCIDR\n");
}

static void test_what_is_waited_for(void **state)
{
    (void)state;
    struct podnet_node six = node("node1", "10.0.0.1", NULL);
    six.foreign = true;
    const struct {
        struct podnet_node own;
        const char *waiting;
    } cases[] = {
        {node("node9", "10.0.0.9", "10.244.9.0/24"), "there is no Node node1 yet"},
        {six, "Node node1 has no IPv4 podCIDR"},
        {node("node1", "10.0.0.1", NULL),
         "Node node1 has no podCIDR yet (kube-controller-manager gives it)"},
        {node("node1", "10.0.0.1", "10.99.0.0/24"),
         "the podCIDR 10.99.0.0/24 of Node node1 is not in the Cluster's subnet"},
        {node("node1", NULL, "10.244.1.0/24"), "Node node1 has no IPv4 InternalIP yet"},
        {node("node1", "10.0.0.77", "10.244.1.0/24"),
         "the InternalIP 10.0.0.77 of Node node1 is on no link of this machine"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct podnet_node nodes[] = {cases[i].own,
                                            node("node2", "10.0.0.2", "10.244.2.0/24")};
        _autoplan_ struct podnet_plan plan = planned(nodes, 2);
        assert_string_equal(plan.waiting, cases[i].waiting);
        assert_null(plan.conflist);
    }
    _autoplan_ struct podnet_plan none = planned(NULL, 0);
    assert_string_equal(none.waiting, "there is no Node node1 yet");
}

static void test_the_mtu_that_was_asked_for(void **state)
{
    (void)state;
    struct podnet_config c = config;
    c.mtu = 1400;
    const struct podnet_node nodes[] = {NODE1, node("far", "10.9.0.2", "10.244.2.0/24")};
    _autoplan_ struct podnet_plan plan = planned_with(&c, &host, nodes, 2);
    assert_int_equal(plan.mtu, 1400);
    assert_int_equal(plan.tunnel.mtu, 1450);
}

static void test_the_conflist(void **state)
{
    (void)state;
    struct cidr range = {0x0af40100, 24};
    _autofree_ char *text = podnet_conflist(range, 1450, true, true);
    json_auto_t *list = json_loads(text, 0, NULL);
    assert_non_null(list);
    const char *version, *name, *bridge, *subnet, *gateway, *dst, *second, *third;
    int hairpin, is_gateway, masq, mtu;
    assert_int_equal(
        json_unpack(list,
                    "{s:s, s:s, s:[{s:s, s:b, s:b, s:b, s:i, s:{s:[[{s:s, s:s}]], s:[{s:s}]}},"
                    " {s:s, s:{s:b}}, {s:s, s:{s:b}}]}",
                    "cniVersion", &version, "name", &name, "plugins", "bridge", &bridge,
                    "hairpinMode", &hairpin, "isGateway", &is_gateway, "ipMasq", &masq, "mtu", &mtu,
                    "ipam", "ranges", "subnet", &subnet, "gateway", &gateway, "routes", "dst", &dst,
                    "type", &second, "capabilities", "portMappings", &hairpin, "type", &third,
                    "capabilities", "bandwidth", &hairpin),
        0);
    assert_string_equal(bridge, "cni0");
    assert_string_equal(subnet, "10.244.1.0/24");
    assert_string_equal(gateway, "10.244.1.1");
    assert_string_equal(dst, "0.0.0.0/0");
    assert_int_equal(mtu, 1450);
    assert_false(masq);
    assert_true(hairpin && is_gateway);
    _autofree_ char *least = podnet_conflist(range, 0, false, false);
    assert_null(strstr(least, "portmap"));
    assert_null(strstr(least, "bandwidth"));
    assert_null(strstr(least, "mtu"));
}

/* However the Nodes come, the plan is the same. */
static void test_the_order_does_not_matter(void **state)
{
    (void)state;
    struct podnet_node nodes[20];
    for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
        char name[16], address[16], range[20];
        (void)snprintf(name, sizeof(name), "node%u", i + 1);
        (void)snprintf(address, sizeof(address), "10.%u.0.%u", i % 3 ? 0u : 9u, i + 1);
        (void)snprintf(range, sizeof(range), "10.244.%u.0/%u", (i + 1) & ~(i % 5 == 4 ? 3u : 0),
                       i % 5 == 4 ? 22u : 24u);
        nodes[i] = node(name, address, range);
        nodes[i].created = 1000 + i / 2;
    }
    nodes[0] = NODE1;
    _autoplan_ struct podnet_plan first = planned(nodes, ARRAY_SIZE(nodes));
    for (size_t turn = 0; turn < ARRAY_SIZE(nodes); turn++) {
        struct podnet_node last = nodes[ARRAY_SIZE(nodes) - 1];
        memmove(nodes + 1, nodes, sizeof(nodes) - sizeof(nodes[0]));
        nodes[0] = last;
        _autoplan_ struct podnet_plan plan = planned(nodes, ARRAY_SIZE(nodes));
        assert_int_equal(plan.n_routes, first.n_routes);
        assert_int_equal(plan.n_peers, first.n_peers);
        assert_memory_equal(plan.routes, first.routes, first.n_routes * sizeof(*first.routes));
        assert_memory_equal(plan.peers, first.peers, first.n_peers * sizeof(*first.peers));
        assert_string_equal(buf_str(&plan.problems), buf_str(&first.problems));
    }
}

UNIT_MAIN(cmocka_unit_test(test_one_node_alone), cmocka_unit_test(test_nodes_on_our_links),
          cmocka_unit_test(test_a_node_behind_a_router),
          cmocka_unit_test(test_which_link_leads_to_a_node),
          cmocka_unit_test(test_a_link_that_is_down_is_no_router),
          cmocka_unit_test(test_the_younger_of_two_with_one_range),
          cmocka_unit_test(test_two_with_one_range_of_one_age),
          cmocka_unit_test(test_a_range_around_others),
          cmocka_unit_test(test_our_range_is_an_older_nodes),
          cmocka_unit_test(test_ranges_outside_of_the_cluster),
          cmocka_unit_test(test_addresses_that_no_node_has),
          cmocka_unit_test(test_nodes_without_a_range), cmocka_unit_test(test_what_is_waited_for),
          cmocka_unit_test(test_the_mtu_that_was_asked_for), cmocka_unit_test(test_the_conflist),
          cmocka_unit_test(test_the_order_does_not_matter))
