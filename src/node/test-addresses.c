/* SPDX-License-Identifier: Apache-2.0 */
#include "node/addresses.h"

#include "base/str.h"
#include "base/test.h"

static const struct net_link links[] = {
    {.index = 1, .name = "lo", .loopback = true},
    {.index = 2, .name = "eno1"},
    {.index = 3, .name = "bond0", .kind = "bond"},
    {.index = 4, .name = "bond0.7", .kind = "vlan"},
    {.index = 5, .name = "br0", .kind = "bridge"},
    {.index = 6, .name = "eno2", .master = 5},
    {.index = 7, .name = "vnet0", .kind = "tun", .master = 5},
    {.index = 8, .name = "cni0", .kind = "bridge"},
    {.index = 9, .name = "veth1", .kind = "veth", .master = 8},
    {.index = 10, .name = "virbr0", .kind = "bridge"},
    {.index = 11, .name = "flannel.1", .kind = "vxlan"},
    {.index = 12, .name = "kube-ipvs0", .kind = "dummy"},
    {.index = 13, .name = "anycast", .kind = "dummy"},
    {.index = 14, .name = "eth0", .kind = "veth"},
};

static void test_which_links_count(void **state)
{
    (void)state;
    static const bool expected[] = {true,  true, true,  true,  true,  true, true,
                                    false, true, false, false, false, true, true};
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        bool counts = addresses_link_counts(&links[i], links, ARRAY_SIZE(links));
        if (counts != expected[i])
            fail_msg("%s", links[i].name);
    }
}

UNIT_MAIN(cmocka_unit_test(test_which_links_count))
