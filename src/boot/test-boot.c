/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/test.h"
#include "boot/ipxe.h"

static enum boot_action action(struct boot_facts facts)
{
    struct boot_plan plan = boot_plan(&facts);
    assert_non_null(plan.reason);
    return plan.action;
}

static void test_plan(void **state)
{
    (void)state;
    assert_int_equal(action((struct boot_facts){.known = false}), BOOT_NOTHING);
    assert_int_equal(action((struct boot_facts){.serve_unknown = true}), BOOT_STAGE2);
    struct boot_facts f = {.known = true, .has_image = true, .install_generation = 1};
    assert_int_equal(action(f), BOOT_STAGE2);
    f.installed_generation = 1;
    assert_int_equal(action(f), BOOT_LOCAL);
    f.install_generation = 2;
    assert_int_equal(action(f), BOOT_STAGE2);
    f.has_image = false;
    assert_int_equal(action(f), BOOT_LOCAL);
    f.installed_generation = 0;
    assert_int_equal(action(f), BOOT_STAGE2);
    f.rejected = true;
    assert_int_equal(action(f), BOOT_NOTHING);
}

static void test_plan_of_a_release(void **state)
{
    (void)state;
    struct boot_facts f = {
        .known = true, .has_image = true, .install_generation = 1, .installed_generation = 1};
    f.member = true;
    assert_int_equal(action(f), BOOT_LOCAL);
    f.releasing = true;
    assert_int_equal(action(f), BOOT_LOCAL); /* until it has left */
    f.member = false;
    assert_int_equal(action(f), BOOT_STAGE2);
    f.releasing = false;
    f.released = true;
    assert_int_equal(action(f), BOOT_STAGE2);
    f.rejected = true;
    assert_int_equal(action(f), BOOT_NOTHING);
    f = (struct boot_facts){.known = true, .has_image = true, .member = true};
    f.install_generation = 2;
    assert_int_equal(action(f), BOOT_STAGE2); /* nothing of ours is on its disk */
    f.installed_generation = 1;
    assert_int_equal(action(f), BOOT_LOCAL);
}

/* A restored backup may say that more was installed than wanted: still no reinstall. */
static void test_plan_never_installs_backwards(void **state)
{
    (void)state;
    struct boot_facts f = {
        .known = true, .has_image = true, .install_generation = 1, .installed_generation = 5};
    assert_int_equal(action(f), BOOT_LOCAL);
}

static void test_stage2_script(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    struct ipxe_script s = {.base_url = "http://10.0.0.1:8080",
                            .server_key = "KEY",
                            .kernel_arguments = "console=ttyS0",
                            .machine = "node1",
                            .mac = {{0x52, 0x54, 0, 0xab, 0, 1}},
                            .plan = {BOOT_STAGE2, "an installation is wanted"}};
    ipxe_script(&s, &b);
    assert_int_equal(strncmp(buf_str(&b), "#!ipxe\n", 7), 0);
    assert_non_null(strstr(buf_str(&b),
                           "kernel http://10.0.0.1:8080/boot/vmlinuz initrd=initrd.img "
                           "slipway.server=http://10.0.0.1:8080 slipway.key=KEY "
                           "BOOTIF=01-52-54-00-ab-00-01 slipway.machine=node1 console=ttyS0 ||"));
}

static void test_script_text_cannot_break_out(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    struct ipxe_script s = {.base_url = "u",
                            .server_key = "k",
                            .machine = "a\nshell\n${x}||b",
                            .plan = {BOOT_LOCAL, "reason"}};
    ipxe_script(&s, &b);
    assert_null(strstr(buf_str(&b), "\nshell"));
    assert_null(strstr(buf_str(&b), "${x}"));
}

static void test_local_script(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    struct ipxe_script s = {.base_url = "u", .server_key = "k", .plan = {BOOT_LOCAL, "installed"}};
    ipxe_script(&s, &b);
    assert_non_null(strstr(buf_str(&b), "chain u/boot/local.0 ||\nsanboot "));
    assert_non_null(strstr(buf_str(&b), ":efi\nchain u/boot/local.efi ||"));
    assert_null(strstr(buf_str(&b), "kernel "));
}

UNIT_MAIN(cmocka_unit_test(test_plan), cmocka_unit_test(test_plan_of_a_release),
          cmocka_unit_test(test_plan_never_installs_backwards),
          cmocka_unit_test(test_stage2_script), cmocka_unit_test(test_script_text_cannot_break_out),
          cmocka_unit_test(test_local_script))
