/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "agent/network.h"

#define LINK(...) ((struct network_candidate){__VA_ARGS__})

static void test_nothing_bound_is_nothing_chosen(void **state)
{
    (void)state;
    struct network_candidate links[] = {LINK(.carrier = true), LINK(.carrier = false)};
    assert_int_equal(network_choose(links, 2, 0), -1);
    assert_int_equal(network_choose(NULL, 0, 0), -1);
}

static void test_first_bound_link_is_used(void **state)
{
    (void)state;
    struct network_candidate links[] = {LINK(.carrier = true), LINK(.carrier = true, .bound = true),
                                        LINK(.carrier = true, .bound = true)};
    assert_int_equal(network_choose(links, 3, 0), 1);
}

static void test_boot_adapter_is_waited_for_and_preferred(void **state)
{
    (void)state;
    struct network_candidate links[] = {LINK(.carrier = true, .bound = true),
                                        LINK(.carrier = true, .boot = true)};
    assert_int_equal(network_choose(links, 2, 0), -1);
    assert_int_equal(network_choose(links, 2, NETWORK_BOOT_PATIENCE_MS), 0);
    links[1].bound = true;
    assert_int_equal(network_choose(links, 2, NETWORK_BOOT_PATIENCE_MS), 1);
}

static void test_boot_adapter_without_cable_holds_nobody_up(void **state)
{
    (void)state;
    struct network_candidate links[] = {LINK(.carrier = true, .bound = true), LINK(.boot = true)};
    assert_int_equal(network_choose(links, 2, 0), 0);
}

static void test_a_link_that_does_not_reach_the_server_comes_last(void **state)
{
    (void)state;
    struct network_candidate links[] = {
        LINK(.carrier = true, .bound = true, .boot = true, .misses = 2),
        LINK(.carrier = true, .bound = true, .misses = 1)};
    assert_int_equal(network_choose(links, 2, 0), 1);
    links[1].misses = 2;
    assert_int_equal(network_choose(links, 2, 0), 0);
}

UNIT_MAIN(cmocka_unit_test(test_nothing_bound_is_nothing_chosen),
          cmocka_unit_test(test_first_bound_link_is_used),
          cmocka_unit_test(test_boot_adapter_is_waited_for_and_preferred),
          cmocka_unit_test(test_boot_adapter_without_cable_holds_nobody_up),
          cmocka_unit_test(test_a_link_that_does_not_reach_the_server_comes_last))
