/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/boot-hosts.h"

static const ipv4 dns[] = {0x0a000002, 0x0a000003};

static struct machine machine_named(const char *name)
{
    return (struct machine){
        .meta = {.name = name},
        .spec = {.image = "debian", .install_generation = 1, .role = ROLE_NONE},
    };
}

static void put(struct boot_hosts *hosts, const struct machine *machine)
{
    struct machine_spec effective = machine_effective(machine, NULL);
    assert_int_equal(boot_hosts_put(hosts, machine, &effective, false), 0);
}

static void what_dhcp_says_is_prepared(void **state)
{
    (void)state;
    struct boot_hosts *hosts = boot_hosts_new();
    struct machine m = machine_named("n1");
    m.spec.network.address = (struct cidr){.address = 0x0a000005, .prefix = 24};
    m.spec.network.gateway = 0x0a000001;
    m.spec.network.dns = dns;
    m.spec.network.n_dns = 2;
    m.spec.first_boot.hostname = "one.example";
    put(hosts, &m);
    const struct boot_host *host = boot_hosts_get(hosts, "n1");
    assert_string_equal(host->name, "n1");
    assert_string_equal(host->hostname, "one.example");
    assert_int_equal(host->address, 0x0a000005);
    assert_int_equal(host->gateway, 0x0a000001);
    assert_int_equal(host->dns_count, 2);
    assert_int_equal(host->dns[1], 0x0a000003);
    assert_int_equal(host->plan.action, BOOT_STAGE2);
    assert_false(host->refused);
    boot_hosts_free(hosts);
}

static void a_change_replaces_it(void **state)
{
    (void)state;
    struct boot_hosts *hosts = boot_hosts_new();
    struct machine m = machine_named("n1");
    put(hosts, &m);
    m.status.installed_generation = 1;
    put(hosts, &m);
    assert_int_equal(boot_hosts_get(hosts, "n1")->plan.action, BOOT_LOCAL);
    assert_string_equal(boot_hosts_get(hosts, "n1")->hostname, "n1");
    m.spec.approved = TRI_FALSE;
    put(hosts, &m);
    assert_true(boot_hosts_get(hosts, "n1")->refused);
    assert_int_equal(boot_hosts_get(hosts, "n1")->plan.action, BOOT_NOTHING);
    boot_hosts_remove(hosts, "n1");
    assert_null(boot_hosts_get(hosts, "n1"));
    boot_hosts_free(hosts);
}

static void addresses_follow_their_machine(void **state)
{
    (void)state;
    static const struct mac first = {{2, 0, 0, 0, 0, 1}}, second = {{2, 0, 0, 0, 0, 2}};
    struct boot_hosts *hosts = boot_hosts_new();
    struct machine a = machine_named("a"), b = machine_named("b");
    a.spec.mac_addresses = &first;
    a.spec.n_mac_addresses = 1;
    put(hosts, &a);
    assert_string_equal(boot_hosts_by_mac(hosts, first)->name, "a");
    assert_null(boot_hosts_by_mac(hosts, second));
    a.spec.mac_addresses = &second;
    put(hosts, &a);
    assert_null(boot_hosts_by_mac(hosts, first));
    assert_string_equal(boot_hosts_by_mac(hosts, second)->name, "a");
    /* told of in another order than it happened: b has it now */
    b.spec.mac_addresses = &second;
    b.spec.n_mac_addresses = 1;
    put(hosts, &b);
    boot_hosts_remove(hosts, "a");
    assert_string_equal(boot_hosts_by_mac(hosts, second)->name, "b");
    boot_hosts_remove(hosts, "b");
    assert_null(boot_hosts_by_mac(hosts, second));
    boot_hosts_free(hosts);
}

static void phases_are_counted(void **state)
{
    (void)state;
    struct boot_hosts *hosts = boot_hosts_new();
    struct machine a = machine_named("a"), b = machine_named("b");
    put(hosts, &a);
    put(hosts, &b);
    assert_int_equal(boot_hosts_in_phase(hosts, MACHINE_PHASE_UNSET), 2);
    a.status.phase = MACHINE_RUNNING;
    put(hosts, &a);
    put(hosts, &a);
    assert_int_equal(boot_hosts_in_phase(hosts, MACHINE_PHASE_UNSET), 1);
    assert_int_equal(boot_hosts_in_phase(hosts, MACHINE_RUNNING), 1);
    boot_hosts_remove(hosts, "a");
    boot_hosts_remove(hosts, "a");
    assert_int_equal(boot_hosts_in_phase(hosts, MACHINE_RUNNING), 0);
    boot_hosts_free(hosts);
}

UNIT_MAIN(cmocka_unit_test(what_dhcp_says_is_prepared), cmocka_unit_test(a_change_replaces_it),
          cmocka_unit_test(addresses_follow_their_machine), cmocka_unit_test(phases_are_counted))
