/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes from the API's JSON, and the configuration file. */
#include <errno.h>

#include "base/str.h"
#include "base/test.h"
#include "podnet/node.h"

static struct podnet_node read_node(const char *text)
{
    struct podnet_node node;
    json_auto_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_int_equal(podnet_node_read(object, &node), 0);
    return node;
}

static void test_a_node(void **state)
{
    (void)state;
    struct podnet_node n = read_node(
        "{\"metadata\":{\"name\":\"node1\",\"creationTimestamp\":\"2026-01-31T12:00:00Z\"},"
        "\"spec\":{\"podCIDR\":\"10.244.1.0/24\",\"podCIDRs\":[\"10.244.1.0/24\"]},"
        "\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"10.0.0.9\"},"
        "{\"type\":\"InternalIP\",\"address\":\"fd00::1\"},"
        "{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"},"
        "{\"type\":\"InternalIP\",\"address\":\"10.0.0.2\"}]}}");
    assert_string_equal(n.name, "node1");
    assert_int_equal(n.address, 0x0a000001);
    assert_int_equal(n.range.address, 0x0af40100);
    assert_int_equal(n.range.prefix, 24);
    assert_false(n.foreign);
    assert_true(n.created == 1769860800000);
}

static void test_which_range(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        ipv4 address;
        bool foreign;
    } cases[] = {
        {"{}", 0, false},
        {"{\"podCIDR\":\"10.244.1.0/24\"}", 0x0af40100, false},
        {"{\"podCIDRs\":[\"fd00:1::/64\",\"10.244.2.0/24\"]}", 0x0af40200, false},
        {"{\"podCIDRs\":[\"fd00:1::/64\"]}", 0, true},
        {"{\"podCIDR\":\"fd00:1::/64\"}", 0, true},
        {"{\"podCIDR\":\"10.244.1.7/24\"}", 0, true}, /* not a subnet's first address */
        {"{\"podCIDR\":\"0.0.0.0/0\"}", 0, true},
        {"{\"podCIDR\":\"nonsense\"}", 0, true},
        {"{\"podCIDR\":\"\"}", 0, false},
        {"{\"podCIDRs\":[7,null]}", 0, false},
        {"{\"podCIDRs\":\"10.244.1.0/24\"}", 0, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"a\"},\"spec\":%s}",
                       cases[i].spec);
        struct podnet_node n = read_node(text);
        assert_int_equal(n.range.address, cases[i].address);
        assert_int_equal(n.foreign, cases[i].foreign);
        assert_int_equal(n.address, 0);
    }
}

static void test_no_node(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "[]", "{\"metadata\":{\"name\":\"\"}}",
                                      "{\"metadata\":{\"name\":7}}"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct podnet_node node;
        json_auto_t *object = json_loads(bad[i], 0, NULL);
        assert_int_equal(podnet_node_read(object, &node), -EINVAL);
    }
}

static void test_equal_nodes(void **state)
{
    (void)state;
    struct podnet_node a = {.name = "a", .address = 1, .range = {0x0af40100, 24}}, b = a;
    assert_true(podnet_node_eq(&a, &b));
    b.range.prefix = 25;
    assert_false(podnet_node_eq(&a, &b));
    b = a;
    b.address = 2;
    assert_false(podnet_node_eq(&a, &b));
    b = a;
    b.foreign = true;
    assert_false(podnet_node_eq(&a, &b));
}

static void test_the_configuration(void **state)
{
    (void)state;
    static const char text[] = "{\"podSubnet\":\"10.244.0.0/16\",\"mtu\":1400,\"binDir\":\"/opt\","
                               "\"confDir\":\"/etc/cni\",\"nodeName\":\"node1\",\"later\":[]}";
    struct podnet_config c;
    struct err err = ERR_INIT;
    assert_int_equal(podnet_config_parse(text, strlen(text), &c, &err), 0);
    assert_int_equal(c.pod_subnet.address, 0x0af40000);
    assert_int_equal(c.pod_subnet.prefix, 16);
    assert_int_equal(c.mtu, 1400);
    assert_string_equal(c.bin_dir, "/opt");
    assert_string_equal(c.conf_dir, "/etc/cni");
    assert_string_equal(c.node_name, "node1");
}

static void test_defaults(void **state)
{
    (void)state;
    static const char text[] = "{\"podSubnet\":\"fd00::/48, 10.244.0.0/16\",\"nodeName\":\"a\"}";
    struct podnet_config c;
    struct err err = ERR_INIT;
    assert_int_equal(podnet_config_parse(text, strlen(text), &c, &err), 0);
    assert_int_equal(c.pod_subnet.address, 0x0af40000);
    assert_int_equal(c.mtu, 0);
    assert_string_equal(c.bin_dir, "/usr/lib/cni");
    assert_string_equal(c.conf_dir, "/etc/cni/net.d");
}

static void test_bad_configurations(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1"},
        {"[]", "expected a JSON object"},
        {"{\"nodeName\":\"a\"}", "podSubnet: expected a text"},
        {"{\"podSubnet\":\"10.244.0.0/16\"}", "nodeName: expected a text"},
        {"{\"podSubnet\":\"10.244.0.1/16\",\"nodeName\":\"a\"}", "podSubnet: expected an IPv4"},
        {"{\"podSubnet\":\"fd00::/48\",\"nodeName\":\"a\"}", "podSubnet: expected an IPv4"},
        {"{\"podSubnet\":\"0.0.0.0/0\",\"nodeName\":\"a\"}", "podSubnet: expected an IPv4"},
        {"{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"a\",\"mtu\":7}", "mtu: expected 0 or"},
        {"{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"a\",\"mtu\":\"x\"}", "mtu: expected"},
        {"{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"a\",\"mtu\":-1}", "mtu: expected"},
        {"{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"a\",\"confDir\":\"x\"}",
         "confDir: expected an absolute path"},
        {"{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"a\",\"binDir\":1}", "binDir: expected"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct podnet_config c = {.mtu = 4711};
        struct err err = ERR_INIT;
        assert_int_equal(podnet_config_parse(cases[i][0], strlen(cases[i][0]), &c, &err), -EINVAL);
        assert_non_null(strstr(err_text(&err), cases[i][1]));
        assert_int_equal(c.mtu, 4711);
    }
}

UNIT_MAIN(cmocka_unit_test(test_a_node), cmocka_unit_test(test_which_range),
          cmocka_unit_test(test_no_node), cmocka_unit_test(test_equal_nodes),
          cmocka_unit_test(test_the_configuration), cmocka_unit_test(test_defaults),
          cmocka_unit_test(test_bad_configurations))
