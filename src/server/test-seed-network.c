/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/seed-network.h"

static const struct mac own[] = {{{0x52, 0x54, 0, 0, 0, 2}}};
static const struct machine_nic nics[] = {
    {.name = "eth0", .mac = {{0x52, 0x54, 0, 0, 0, 1}}, .carrier = true},
    {.name = "eth1", .mac = {{0x52, 0x54, 0, 0, 0, 2}}, .carrier = true},
    {.name = "eth2", .mac = {{0x52, 0x54, 0, 0, 0, 3}}},
};
static const struct machine_inventory inventory = {.nics = nics, .n_nics = 3};

static struct machine_spec a_machine(void)
{
    struct machine_spec spec = {.mac_addresses = own, .n_mac_addresses = 1};
    assert_int_equal(cidr_parse("10.0.0.5/24", &spec.network.address), 0);
    return spec;
}

static int seeded(const struct machine_spec *spec, struct provision *ret, struct err *err)
{
    *ret = (struct provision){0};
    return seed_network(spec, &inventory, NULL, ret, err);
}

static void dhcp_alone_needs_no_links(void **state)
{
    (void)state;
    _autoprovision_ struct provision p;
    struct machine_spec spec = {.mac_addresses = own, .n_mac_addresses = 1};
    assert_int_equal(seeded(&spec, &p, NULL), 0);
    assert_int_equal(p.links.count, 0);
}

static void a_bond_takes_the_cards_with_a_carrier(void **state)
{
    (void)state;
    _autoprovision_ struct provision p;
    struct machine_spec spec = a_machine();
    spec.network.bond.mode = BOND_ACTIVE_BACKUP;
    assert_int_equal(seeded(&spec, &p, NULL), 0);
    assert_int_equal(p.links.count, 1);
    const struct provision_link *bond = &p.links.items[0];
    assert_int_equal(bond->kind, PROVISION_BOND);
    assert_int_equal(bond->members.count, 2);
    assert_true(mac_eq(bond->members.items[0], nics[0].mac));
    assert_true(mac_eq(bond->members.items[1], nics[1].mac));
    /* the address that DHCP knows the machine by */
    assert_true(mac_eq(bond->mac, own[0]));
    assert_string_equal(bond->addresses.items[0], "10.0.0.5/24");
}

static void a_bond_takes_the_cards_that_are_named(void **state)
{
    (void)state;
    static const char *const named[] = {"eth2", "52:54:00:00:00:01"};
    _autoprovision_ struct provision p;
    struct machine_spec spec = a_machine();
    spec.network.bond =
        (struct bond){.mode = BOND_ACTIVE_BACKUP, .interfaces = named, .n_interfaces = 2};
    spec.network.vlan = 7;
    assert_int_equal(seeded(&spec, &p, NULL), 0);
    assert_int_equal(p.links.count, 2);
    const struct provision_link *bond = &p.links.items[0], *vlan = &p.links.items[1];
    assert_true(mac_eq(bond->members.items[0], nics[2].mac));
    assert_true(mac_eq(bond->members.items[1], nics[0].mac));
    assert_true(mac_eq(bond->mac, nics[2].mac));
    assert_int_equal(bond->addresses.count, 0);
    assert_string_equal(vlan->parent, bond->name);
    assert_int_equal(vlan->vlan_id, 7);
    assert_string_equal(vlan->addresses.items[0], "10.0.0.5/24");
}

static void a_card_that_is_not_there_is_named(void **state)
{
    (void)state;
    static const char *const named[] = {"eth0", "eth9"};
    _autoprovision_ struct provision p;
    struct err err = ERR_INIT;
    struct machine_spec spec = a_machine();
    spec.network.bond =
        (struct bond){.mode = BOND_ACTIVE_BACKUP, .interfaces = named, .n_interfaces = 2};
    assert_int_equal(seeded(&spec, &p, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "interfaces[1]: stage2 found no card \"eth9\""));
}

static void a_tagged_network_is_on_the_card(void **state)
{
    (void)state;
    _autoprovision_ struct provision p;
    struct machine_spec spec = a_machine();
    spec.network.vlan = 7;
    assert_int_equal(seeded(&spec, &p, NULL), 0);
    assert_int_equal(p.links.count, 2);
    assert_true(mac_eq(p.links.items[0].mac, own[0]));
    assert_true(mac_eq(p.links.items[1].mac, own[0]));
    assert_null(p.links.items[1].parent);
}

UNIT_MAIN(cmocka_unit_test(dhcp_alone_needs_no_links),
          cmocka_unit_test(a_bond_takes_the_cards_with_a_carrier),
          cmocka_unit_test(a_bond_takes_the_cards_that_are_named),
          cmocka_unit_test(a_card_that_is_not_there_is_named),
          cmocka_unit_test(a_tagged_network_is_on_the_card))
