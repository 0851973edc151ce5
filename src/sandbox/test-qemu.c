/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "sandbox/accel.h"
#include "sandbox/nat.h"
#include "sandbox/qemu.h"

static struct sandbox_machine machine(const char *spec)
{
    json_t *json = NULL;
    struct sandbox_machine m = {0};
    assert_int_equal(sandbox_machine_flag(spec, &json, NULL), 0);
    json_auto_t *owned = json;
    assert_int_equal(sandbox_machine_parse(owned, &m, NULL), 0);
    return m;
}

/* The arguments behind each -device, -drive, -cpu..., joined by blanks for searching. */
static void command(const char *spec, bool kvm, char *dst, size_t size)
{
    struct sandbox_machine m = machine(spec);
    struct qemu_host host = {.kvm = kvm, .ovmf_code = "/ovmf/CODE.fd", .index = 3};
    _autoargv_ struct argv argv = ARGV_INIT;
    qemu_command(&m, &host, &argv);
    assert_non_null(argv_vector(&argv));
    size_t used = 0;
    for (size_t i = 0; i < argv.count; i++) {
        int n = snprintf(dst + used, size - used, "%s ", argv.v[i]);
        assert_true(n > 0 && (size_t)n < size - used);
        used += (size_t)n;
    }
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_network_first(void **state)
{
    (void)state;
    char text[8192];
    command("n1,disk=1Gi,nic=virtio/52:54:00:00:00:01", false, text, sizeof(text));
    assert_has(text, "qemu-system-x86_64 ");
    assert_has(text, "tcg,thread=multi");
    assert_has(text, "virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:00:00:01,bootindex=1 ");
    assert_has(text, "virtio-blk-pci,drive=disk0,serial=n1-0,bootindex=2 ");
    assert_has(text, "ifname=vm3-0,");
    assert_null(strstr(text, "pflash"));
    assert_null(strstr(text, "-rtc"));
}

static void test_disk_first(void **state)
{
    (void)state;
    char text[8192];
    command("n1,boot=disk,disk=1Gi/ahci////,disk=1Gi/scsi///1Mi,nic=e1000e", false, text,
            sizeof(text));
    assert_has(text, "ide-hd,bus=ide.0,drive=disk0,serial=n1-0,bootindex=1 ");
    assert_has(text, "file=disk0.raw,format=raw,cache=unsafe,discard=unmap ");
    assert_has(
        text, "file=disk1.raw,format=raw,cache=unsafe,discard=unmap,throttling.bps-write=1048576 ");
    assert_has(text, "virtio-scsi-pci,id=scsi ");
    assert_has(text, "scsi-hd,bus=scsi.0,drive=disk1,serial=n1-1,bootindex=2 ");
    assert_has(text, "e1000e,id=nic0,netdev=net0,");
    assert_has(text, ",bootindex=3 ");
}

static void test_uefi_with_its_own_order(void **state)
{
    (void)state;
    char text[8192];
    command("n1,firmware=uefi,boot=firmware,clock=2001-01-01T00:00:00Z,disk=1Gi/nvme/S/4096", true,
            text, sizeof(text));
    assert_has(text, "-rtc base=2001-01-01T00:00:00 ");
    assert_has(text, "if=pflash,unit=0,format=raw,readonly=on,file=/ovmf/CODE.fd");
    assert_has(text, "if=pflash,unit=1,format=raw,file=vars.fd");
    assert_has(text, "nvme,drive=disk0,serial=S,logical_block_size=4096,physical_block_size=4096 ");
    assert_has(text, "-accel kvm -cpu host ");
    assert_null(strstr(text, "bootindex"));
    assert_null(strstr(text, "romfile"));
    command("n1,firmware=uefi,rom=false,nic=", false, text, sizeof(text));
    assert_has(text, ",romfile=,bootindex=1 ");
}

static void test_screen(void **state)
{
    (void)state;
    char text[8192];
    command("n1", false, text, sizeof(text));
    assert_has(text, "graphics=off");
    assert_has(text, "-vga none");
    command("n1,vnc=true", false, text, sizeof(text));
    assert_has(text, "-vnc unix:vnc.sock");
}

static void test_kernel_came_up(void **state)
{
    (void)state;
    assert_true(accel_kernel_came_up("[ 2.1] Kernel panic - not syncing: VFS: Unable to mount root "
                                     "fs on unknown-block(0,0)"));
    assert_true(accel_kernel_came_up("[ 2.1] Run /init as init process"));
    assert_false(accel_kernel_came_up(""));
    assert_false(accel_kernel_came_up("[ 0.0] Linux version 6.1.0\nKernel panic - not syncing: "
                                      "timer doesn't work through Interrupt-remapped IO-APIC"));
}

static void test_nat_plans_differ(void **state)
{
    (void)state;
    struct nat_plan a = nat_plan("/a"), again = nat_plan("/a"), b = nat_plan("/b");
    assert_memory_equal(&a, &again, sizeof(a));
    assert_string_not_equal(a.veth, b.veth);
    assert_string_not_equal(a.table, b.table);
    struct cidr host, inside, subnet;
    assert_int_equal(cidr_parse(a.host, &host), 0);
    assert_int_equal(cidr_parse(a.inside, &inside), 0);
    assert_int_equal(cidr_parse(a.subnet, &subnet), 0);
    assert_int_equal(subnet.address, cidr_first(subnet));
    assert_true(cidr_contains(subnet, host.address) && cidr_contains(subnet, inside.address));
    assert_int_not_equal(host.address, inside.address);
    assert_int_equal(subnet.address & 0xffc00000u, 0x64400000u);
}

UNIT_MAIN(cmocka_unit_test(test_network_first), cmocka_unit_test(test_disk_first),
          cmocka_unit_test(test_uefi_with_its_own_order), cmocka_unit_test(test_screen),
          cmocka_unit_test(test_kernel_came_up), cmocka_unit_test(test_nat_plans_differ))
