/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/efi-boot.h"
#include "base/file.h"
#include "base/str.h"

static const struct gpt_guid disk_guid = {{1, 2, 3}};
static const struct efi_target target = {.description = "Slipway",
                                         .loader = "\\EFI\\debian\\shimx64.efi",
                                         .number = 2,
                                         .first = 4096,
                                         .sectors = 65536,
                                         .partition = {{1, 2, 3}}};

static void test_built_option_is_parsed_again(void **state)
{
    (void)state;
    uint8_t data[EFI_OPTION_MAX];
    struct efi_option option;
    size_t len = 0;
    assert_int_equal(efi_option_build(&target, data, sizeof(data), &len), 0);
    assert_int_equal(efi_option_parse(data, len, &option), 0);
    assert_string_equal(option.description, "Slipway");
    assert_string_equal(option.loader, "\\EFI\\debian\\shimx64.efi");
    assert_int_equal(option.attributes, EFI_LOAD_OPTION_ACTIVE);
    assert_true(option.has_partition && gpt_guid_eq(option.partition, disk_guid));
    assert_true(efi_option_is(&option, &target));
    assert_false(option.network);
    for (size_t cut = 0; cut < len; cut++)
        (void)!efi_option_parse(data, cut, &option);
    assert_int_equal(efi_option_build(&target, data, 40, &len), -EMSGSIZE);
}

/* "UEFI PXEv4" as OVMF writes it: ACPI, PCI, MAC and IPv4 nodes. */
static const uint8_t option_bytes[] = {
    1, 0, 0, 0,  0x47, 0, 'n', 0, 0,  0,  2, 1,    12,   0, 0xd0, 0x41, 3,    0x0a, 0, 0, 0,
    0, 1, 1, 6,  0,    0, 3,   3, 11, 37, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0,    0, 0, 0,
    0, 0, 0, 0,  0,    0, 0,   0, 0,  0,  0, 0,    0,    0, 0,    0,    0,    0,    0, 0, 0,
    0, 1, 3, 12, 12,   0, 0,   0, 0,  0,  0, 0,    0,    0, 0x7f, 0xff, 4,    0};

static void test_network_entry_is_recognised(void **state)
{
    (void)state;
    struct efi_option option;
    assert_int_equal(efi_option_parse(option_bytes, sizeof(option_bytes), &option), 0);
    assert_true(option.network);
    assert_false(option.has_partition);
}

static struct efi_entry entry(uint16_t number, bool network, const char *description)
{
    struct efi_entry e = {.number = number, .option = {.attributes = 1, .network = network}};
    (void)snprintf(e.option.description, sizeof(e.option.description), "%s", description);
    return e;
}

static void test_network_stays_in_front(void **state)
{
    (void)state;
    struct efi_entry entries[] = {entry(0, false, "UiApp"), entry(1, true, "PXEv4"),
                                  entry(2, false, "CD")};
    uint16_t order[] = {1, 2, 0};
    struct efi_plan plan;
    assert_int_equal(efi_plan(entries, 3, order, 3, &target, &plan), 0);
    assert_int_equal(plan.number, 3);
    assert_true(plan.write_entry && plan.write_order);
    uint16_t expected[] = {1, 3, 2, 0};
    assert_int_equal(plan.order_count, 4);
    assert_memory_equal(plan.order, expected, sizeof(expected));
}

static void test_without_network_ours_is_first(void **state)
{
    (void)state;
    struct efi_entry entries[] = {entry(0, false, "UiApp"), entry(2, false, "CD")};
    uint16_t order[] = {2, 0};
    struct efi_plan plan;
    assert_int_equal(efi_plan(entries, 2, order, 2, &target, &plan), 0);
    assert_int_equal(plan.number, 1);
    assert_int_equal(plan.order[0], 1);
    assert_int_equal(efi_plan(entries, 2, NULL, 0, &target, &plan), 0);
    assert_int_equal(plan.order_count, 1);
}

static void test_second_installation_changes_as_little_as_it_can(void **state)
{
    (void)state;
    uint8_t data[EFI_OPTION_MAX];
    size_t len = 0;
    struct efi_entry entries[] = {entry(1, true, "PXEv4"), {.number = 5}};
    uint16_t order[] = {1, 5};
    struct efi_plan plan;
    assert_int_equal(efi_option_build(&target, data, sizeof(data), &len), 0);
    assert_int_equal(efi_option_parse(data, len, &entries[1].option), 0);
    assert_int_equal(efi_plan(entries, 2, order, 2, &target, &plan), 0);
    assert_int_equal(plan.number, 5);
    assert_false(plan.write_entry || plan.write_order);
    /* Another partition identity: the entry of that name is written anew, in its place. */
    struct efi_target moved = target;
    moved.partition.b[0] = 9;
    assert_int_equal(efi_plan(entries, 2, order, 2, &moved, &plan), 0);
    assert_int_equal(plan.number, 5);
    assert_true(plan.write_entry);
    assert_false(plan.write_order);
}

/* ---- on folders that stand for efivarfs and the EFI system partition ---- */

#define GUID "-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void write_text(const char *folder, const char *name, const void *data, size_t len)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(path, data, len, 0644, &err), 0);
}

static void make_folder(const char *base, const char *name)
{
    _autofree_ char *path = str_format("%s/%s", base, name);
    assert_int_equal(dir_make(path, 0755, NULL), 0);
}

static void test_loader_is_found_in_order_of_preference(void **state)
{
    (void)state;
    char base[] = "/tmp/slipway-efi-XXXXXX", loader[EFI_LOADER_SIZE];
    assert_non_null(mkdtemp(base));
    assert_int_equal(efi_find_loader(base, loader), -ENOENT);
    make_folder(base, "efi/boot");
    write_text(base, "efi/boot/bootx64.efi", "x", 1);
    assert_int_equal(efi_find_loader(base, loader), 0);
    assert_string_equal(loader, "\\EFI\\boot\\bootx64.efi");
    make_folder(base, "efi/debian");
    write_text(base, "efi/debian/grubx64.efi", "x", 1);
    assert_int_equal(efi_find_loader(base, loader), 0);
    assert_string_equal(loader, "\\EFI\\debian\\grubx64.efi");
    write_text(base, "efi/debian/shimx64.efi", "x", 1);
    assert_int_equal(efi_find_loader(base, loader), 0);
    assert_string_equal(loader, "\\EFI\\debian\\shimx64.efi");
    assert_int_equal(tree_remove(base, NULL), 0);
}

static void test_variables_are_written(void **state)
{
    (void)state;
    char base[] = "/tmp/slipway-efi-XXXXXX";
    assert_non_null(mkdtemp(base));
    make_folder(base, "esp/EFI/debian");
    make_folder(base, "vars");
    write_text(base, "esp/EFI/debian/shimx64.efi", "x", 1);
    write_text(base, "vars/BootOrder" GUID, "\x07\0\0\0\x01\0", 6);
    _autofree_ char *vars = str_format("%s/vars", base);
    _autofree_ char *esp = str_format("%s/esp", base);
    struct efi_boot_options options = {
        .efivars = vars, .esp_mount = esp, .description = "Slipway", .boot_next = true};
    struct err err = ERR_INIT;
    if (efi_boot_repair(&options, &target, &err) < 0)
        fail_msg("%s", err_text(&err));
    _autofree_ char *order = NULL;
    _autofree_ char *next = NULL;
    _autofree_ char *path = str_format("%s/BootOrder" GUID, vars);
    _autofree_ char *next_path = str_format("%s/BootNext" GUID, vars);
    size_t len = 0;
    assert_int_equal(file_read(path, 64, &order, &len, &err), 0);
    assert_int_equal(len, 8);
    assert_memory_equal(order, "\x07\0\0\0\0\0\x01\0", 8);
    assert_int_equal(file_read(next_path, 64, &next, &len, &err), 0);
    assert_int_equal(len, 6);
    assert_memory_equal(next, "\x07\0\0\0\0\0", 6);
    assert_int_equal(tree_remove(base, NULL), 0);
}

static void read_variable(const char *vars, const char *name, char **ret, size_t *ret_len)
{
    _autofree_ char *path = str_format("%s/%s" GUID, vars, name);
    assert_int_equal(file_read(path, 256, ret, ret_len, NULL), 0);
}

static void test_network_entry_for_the_next_start(void **state)
{
    (void)state;
    struct efi_entry entries[] = {entry(0, false, "UiApp"), entry(1, true, "PXEv4"),
                                  entry(2, true, "PXEv6")};
    const uint16_t order[] = {0, 9, 2, 1};
    uint16_t number = 0;
    assert_int_equal(efi_network_entry(entries, 3, order, 4, &number), 0);
    assert_int_equal(number, 2);
    entries[2].option.attributes = 0;
    assert_int_equal(efi_network_entry(entries, 3, order, 4, &number), 0);
    assert_int_equal(number, 1);
    assert_int_equal(efi_network_entry(entries, 1, order, 4, &number), -ENOENT);
}

/* What an installation wrote goes again, and only that. */
static void test_variables_are_removed(void **state)
{
    (void)state;
    char base[] = "/tmp/slipway-efi-XXXXXX";
    uint8_t network[4 + sizeof(option_bytes)] = {7};
    assert_non_null(mkdtemp(base));
    make_folder(base, "esp/EFI/debian");
    make_folder(base, "vars");
    write_text(base, "esp/EFI/debian/shimx64.efi", "x", 1);
    write_text(base, "vars/BootOrder" GUID, "\x07\0\0\0\x01\0", 6);
    memcpy(network + 4, option_bytes, sizeof(option_bytes));
    write_text(base, "vars/Boot0001" GUID, (const char *)network, sizeof(network));
    _autofree_ char *vars = str_format("%s/vars", base);
    _autofree_ char *esp = str_format("%s/esp", base);
    struct efi_boot_options options = {
        .efivars = vars, .esp_mount = esp, .description = "Slipway", .boot_next = true};
    struct err err = ERR_INIT;
    assert_int_equal(efi_boot_repair(&options, &target, &err), 0);
    assert_int_equal(efi_boot_forget(&options, &err), 0);
    _autofree_ char *order = NULL;
    _autofree_ char *next = NULL;
    _autofree_ char *kept = NULL;
    size_t len = 0;
    /* written whole: a variable ends there, where a file keeps its length */
    read_variable(vars, "BootOrder", &order, &len);
    assert_memory_equal(order, "\x07\0\0\0\x01\0", 6);
    read_variable(vars, "Boot0001", &kept, &len);
    assert_memory_equal(kept, network, sizeof(network));
    _autofree_ char *gone = str_format("%s/Boot0000" GUID, vars);
    _autofree_ char *gone_next = str_format("%s/BootNext" GUID, vars);
    assert_int_equal(access(gone, F_OK), -1);
    assert_int_equal(access(gone_next, F_OK), -1);
    /* without an entry of ours nothing changes; the network can be next all the same */
    assert_int_equal(efi_boot_forget(&options, &err), 0);
    assert_int_equal(efi_boot_network_next(&options, &err), 0);
    read_variable(vars, "BootNext", &next, &len);
    assert_memory_equal(next, "\x07\0\0\0\x01\0", 6);
    assert_int_equal(tree_remove(base, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(test_built_option_is_parsed_again),
          cmocka_unit_test(test_network_entry_is_recognised),
          cmocka_unit_test(test_network_stays_in_front),
          cmocka_unit_test(test_without_network_ours_is_first),
          cmocka_unit_test(test_second_installation_changes_as_little_as_it_can),
          cmocka_unit_test(test_loader_is_found_in_order_of_preference),
          cmocka_unit_test(test_variables_are_written),
          cmocka_unit_test(test_network_entry_for_the_next_start),
          cmocka_unit_test(test_variables_are_removed))
