/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "agent/coldplug.h"
#include "base/file.h"
#include "base/str.h"
#include "image/initrd-modules.h"

static const char dep[] =
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/drivers/virtio/virtio_ring.ko:\n"
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko "
    "kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/net/virtio_net.ko: kernel/drivers/virtio/virtio_ring.ko "
    "kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n"
    "kernel/fs/ext4/ext4.ko:\n";
static const char alias[] = "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
                            "alias virtio:d00000001v* virtio_net\n"
                            "alias virtio:d00000002v* virtio_blk\n"
                            "alias fs-ext4 ext4\n";

static struct modules *modules;
static struct module_selection selection;
static char order[512];
static char sys_folder[] = "/tmp/slipway-coldplug-XXXXXX";
static bool virtio_appears;

static void put_device(const char *bus, const char *device, const char *modalias)
{
    _autofree_ char *folder = str_format("%s/bus/%s/devices/%s", sys_folder, bus, device);
    _autofree_ char *path = str_format("%s/modalias", folder);
    assert_int_equal(dir_make(folder, 0755, NULL), 0);
    assert_int_equal(file_write_atomic(path, modalias, strlen(modalias), 0644, NULL), 0);
}

/* Stands for the kernel: notes the order; virtio's devices are there once their bus is driven. */
static int insert(const char *path, const char *parameters)
{
    const char *name = strrchr(path, '/') + 1;
    (void)snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%s%s ", name,
                   parameters[0] ? "?" : "", parameters);
    if (strcmp(name, "virtio_pci.ko") == 0 && virtio_appears) {
        put_device("virtio", "virtio0", "virtio:d00000001v00001AF4\n");
        put_device("virtio", "virtio1", "virtio:d00000002v00001AF4\n");
    }
    return 0;
}

static int setup(void **state)
{
    (void)state;
    struct module_tables tables = {.dep = dep, .alias = alias, .softdep = ""};
    struct err err = ERR_INIT;
    modules = calloc(1, sizeof(*modules));
    if (!modules || module_select(&tables, "vm", &selection, &err) < 0 ||
        module_index_open(&modules->index, selection.index.data, selection.index.len) < 0)
        return -1;
    modules->folder = "/lib/modules";
    modules->cmdline = "virtio_net.napi_tx=0";
    modules->insert = insert;
    order[0] = '\0';
    memcpy(sys_folder, "/tmp/slipway-coldplug-XXXXXX", sizeof(sys_folder));
    return mkdtemp(sys_folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(modules);
    module_selection_free(&selection);
    selection = (struct module_selection){0};
    return tree_remove(sys_folder, NULL);
}

static void test_devices_behind_a_bus_are_found(void **state)
{
    (void)state;
    virtio_appears = true;
    put_device("pci", "0000:00:03.0", "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00\n");
    coldplug_settle(modules, sys_folder, CLASS_BIT(MODULE_BUS));
    assert_string_equal(order, "virtio.ko virtio_ring.ko virtio_pci.ko ");
    coldplug_settle(modules, sys_folder, CLASS_BIT(MODULE_NETWORK));
    assert_string_equal(order, "virtio.ko virtio_ring.ko virtio_pci.ko virtio_net.ko?napi_tx=0 ");
    coldplug_settle(modules, sys_folder, CLASS_ALL);
    assert_string_equal(order, "virtio.ko virtio_ring.ko virtio_pci.ko virtio_net.ko?napi_tx=0 "
                               "virtio_blk.ko ");
    assert_int_equal(coldplug_pass(modules, sys_folder, CLASS_ALL), 0);
}

static void test_what_the_kernel_asks_for(void **state)
{
    (void)state;
    assert_int_equal(modules_load_alias(modules, "fs-ext4"), 0);
    assert_string_equal(order, "ext4.ko ");
    assert_int_equal(modules_load_alias(modules, "virtio-ring"), 0);
    assert_int_equal(modules_load_alias(modules, "fs-zonk"), -ENOENT);
    assert_string_equal(order, "ext4.ko virtio_ring.ko ");
}

static void test_no_sysfs_is_no_crash(void **state)
{
    (void)state;
    assert_int_equal(coldplug_pass(modules, "/nonexistent", CLASS_ALL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_devices_behind_a_bus_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_kernel_asks_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_sysfs_is_no_crash, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
