/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/disks.h"
#include "agent/handover.h"
#include "agent/inventory.h"
#include "agent/storage.h"
#include "base/file.h"
#include "base/str.h"

static void test_path_names_are_those_of_udev(void **state)
{
    (void)state;
    const struct {
        const char *real;
        unsigned ata, nvme;
        const char *name;
    } cases[] = {
        {"/sys/devices/pci0000:00/0000:00:04.0/virtio1/block/vda", 0, 0, "pci-0000:00:04.0"},
        {"/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", 1, 0,
         "pci-0000:00:1f.2-ata-1"},
        {"/sys/devices/pci0000:00/0000:00:01.1/0000:02:00.0/nvme/nvme0/nvme0n1", 0, 1,
         "pci-0000:02:00.0-nvme-1"},
        {"/sys/devices/pci0000:00/0000:00:03.0/virtio0/host2/target2:0:1/2:0:1:5/block/sdb", 0, 0,
         "pci-0000:00:03.0-scsi-0:0:1:5"},
    };
    char path[DISK_PATH_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        disk_path_name(cases[i].real, cases[i].ata, cases[i].nvme, path);
        assert_string_equal(str_after(path, "/dev/disk/by-path/"), cases[i].name);
    }
    disk_path_name("/sys/devices/platform/x/block/sda", 0, 0, path);
    assert_string_equal(path, "");
}

static void test_wwn_of_identifiers(void **state)
{
    (void)state;
    char wwn[DISK_TEXT_SIZE];
    disk_wwn("naa.5000c500a1b2c3d4", wwn);
    assert_string_equal(wwn, "0x5000c500a1b2c3d4");
    disk_wwn("eui.0025385b71b0a123", wwn);
    assert_string_equal(wwn, "eui.0025385b71b0a123");
    disk_wwn("t10.ATA     QEMU HARDDISK", wwn);
    assert_string_equal(wwn, "");
}

static void put(const char *base, const char *name, const char *text)
{
    _autofree_ char *path = str_format("%s/%s", base, name);
    _autofree_ char *folder = strdup(path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(dir_make(folder, 0755, NULL), 0);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void make_disk(const char *base, const char *name, const char *device)
{
    char link[256], target[256], attribute[300];
    const struct {
        const char *name, *value;
    } attributes[] = {{"size", "16777216\n"},
                      {"queue/logical_block_size", "512\n"},
                      {"queue/physical_block_size", "4096\n"},
                      {"queue/rotational", "1\n"},
                      {"queue/write_zeroes_max_bytes", "2147450880\n"},
                      {"removable", "0\n"},
                      {"ro", "0\n"},
                      {"device/model", "ACME Turbo   \n"},
                      {"serial", "S-1\n"}};
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        (void)snprintf(attribute, sizeof(attribute), "%s/%s", device, attributes[i].name);
        put(base, attribute, attributes[i].value);
    }
    (void)snprintf(target, sizeof(target), "%s/%s", base, device);
    (void)snprintf(link, sizeof(link), "%s/block/%s", base, name);
    _autofree_ char *folder = str_format("%s/block", base);
    assert_int_equal(dir_make(folder, 0755, NULL), 0);
    assert_int_equal(symlink(target, link), 0);
}

static void test_disks_of_a_sysfs(void **state)
{
    (void)state;
    char base[] = "/tmp/slipway-sysfs-XXXXXX";
    assert_non_null(mkdtemp(base));
    make_disk(base, "vdb", "devices/pci0000:00/0000:00:05.0/virtio2/block/vdb");
    make_disk(base, "vda", "devices/pci0000:00/0000:00:04.0/virtio1/block/vda");
    make_disk(base, "sda", "devices/pci0000:00/0000:00:14.0/usb1/1-1/host0/x/block/sda");
    make_disk(base, "loop0", "devices/virtual/block/loop0");
    make_disk(base, "sr0", "devices/pci0000:00/0000:00:06.0/block/sr0");
    struct disk disks[8];
    size_t count = disks_list(base, NULL, disks, 8);
    assert_int_equal(count, 3);
    assert_string_equal(disks[0].name, "sda");
    assert_true(disks[0].usb);
    const struct disk *vda = &disks[1];
    assert_string_equal(vda->name, "vda");
    assert_string_equal(vda->serial, "S-1");
    assert_string_equal(vda->model, "ACME Turbo");
    assert_string_equal(vda->type, "virtual");
    assert_string_equal(vda->path, "/dev/disk/by-path/pci-0000:00:04.0");
    assert_int_equal(vda->size, (uint64_t)8 << 30);
    assert_int_equal(vda->physical_sector_size, 4096);
    assert_true(vda->rotational && vda->write_zeroes);
    assert_false(vda->usb || vda->removable || vda->read_only);
    assert_int_equal(disks_list(base, NULL, disks, 1), 1);
    assert_int_equal(tree_remove(base, NULL), 0);
}

static void test_inventory_of_a_sysfs(void **state)
{
    (void)state;
    char base[] = "/tmp/slipway-sysfs-XXXXXX";
    assert_non_null(mkdtemp(base));
    put(base, "class/dmi/id/sys_vendor", "ACME\n");
    put(base, "class/dmi/id/product_serial", "To be filled by O.E.M.\n");
    put(base, "class/dmi/id/product_uuid", "4C4C4544-0044-4A10-8051-B4C04F4E3332\n");
    put(base, "proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU\n");
    put(base, "proc/meminfo", "MemTotal:        2048 kB\n");
    make_disk(base, "vda", "devices/pci0000:00/0000:00:04.0/virtio1/block/vda");
    put(base, "class/net/lo/type", "772\n");
    put(base, "class/net/eth0/type", "1\n");
    put(base, "class/net/eth0/address", "52:54:00:00:00:01\n");
    put(base, "class/net/eth0/carrier", "1\n");
    _autofree_ char *device = str_format("%s/class/net/eth0/device", base);
    assert_int_equal(symlink("../../../0000:00:03.0", device), 0);
    _autofree_ char *proc = str_format("%s/proc", base);
    _autofree_ struct inventory *inventory = calloc(1, sizeof(*inventory));
    inventory_system(base, proc, inventory);
    inventory_nics(base, inventory);
    inventory_disks(base, NULL, inventory);
    assert_string_equal(inventory->manufacturer, "ACME");
    assert_string_equal(inventory->serial, "");
    assert_string_equal(inventory->uuid, "4c4c4544-0044-4a10-8051-b4c04f4e3332");
    assert_string_equal(inventory->cpu_model, "Fast CPU");
    assert_int_equal(inventory->memory_bytes, 2 << 20);
    assert_int_equal(inventory->nic_count, 1);
    assert_string_equal(inventory->nics[0].pci_address, "0000:00:03.0");
    json_t *json = inventory_to_json(inventory);
    assert_string_equal(json_string_value(json_object_get(json, "firmware")), "bios");
    assert_int_equal(json_array_size(json_object_get(json, "disks")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "nics")), 1);
    json_decref(json);
    uint8_t uuid[16];
    assert_true(inventory_uuid_bytes(inventory, uuid));
    assert_memory_equal(uuid, "\x44\x45\x4c\x4c\x44\x00\x10\x4a\x80\x51", 10);
    assert_int_equal(tree_remove(base, NULL), 0);
}

static void test_filler_texts_are_no_serials(void **state)
{
    (void)state;
    assert_false(inventory_text_is_real("Default string"));
    assert_false(inventory_text_is_real("00000000"));
    assert_false(inventory_text_is_real("..."));
    assert_false(inventory_text_is_real(""));
    assert_true(inventory_text_is_real("CZC1234567"));
}

static void test_partition_devices(void **state)
{
    (void)state;
    char device[64];
    partition_device("vda", 4, device, sizeof(device));
    assert_string_equal(device, "/dev/vda4");
    partition_device("nvme0n1", 12, device, sizeof(device));
    assert_string_equal(device, "/dev/nvme0n1p12");
}

static void test_patience_for_disks(void **state)
{
    (void)state;
    assert_int_equal(storage_quiet_ms(false, false, 1), STORAGE_QUIET_MS);
    assert_int_equal(storage_quiet_ms(true, false, 1), STORAGE_QUIET_SCSI_MS);
    assert_int_equal(storage_quiet_ms(true, true, 4), STORAGE_QUIET_FABRIC_MS);
    assert_int_equal(storage_quiet_ms(false, false, 0), STORAGE_NONE_MS);
}

UNIT_MAIN(cmocka_unit_test(test_path_names_are_those_of_udev),
          cmocka_unit_test(test_wwn_of_identifiers), cmocka_unit_test(test_disks_of_a_sysfs),
          cmocka_unit_test(test_inventory_of_a_sysfs),
          cmocka_unit_test(test_filler_texts_are_no_serials),
          cmocka_unit_test(test_partition_devices), cmocka_unit_test(test_patience_for_disks))
