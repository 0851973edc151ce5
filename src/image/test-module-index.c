/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "image/initrd-modules.h"

static const char dep[] =
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/drivers/virtio/virtio_ring.ko:\n"
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko "
    "kernel/drivers/virtio/virtio.ko\n"
    "kernel/net/core/failover.ko:\n"
    "kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko "
    "kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko:\n"
    "kernel/lib/libcrc32c.ko:\n"
    "kernel/crypto/crc32c_generic.ko:\n"
    "kernel/drivers/block/nbd.ko:\n"
    "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko\n";
static const char alias[] = "# Aliases extracted from modules themselves.\n"
                            "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
                            "alias virtio:d00000001v* virtio_net\n"
                            "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
                            "alias pci:v00008086d000010D[0-2]sv*sd*bc*sc*i* e1000e\n"
                            "alias crc32c crc32c_generic\n"
                            "alias fs-xfs xfs\n";
static const char softdep[] = "softdep libcrc32c pre: crc32c\n";
static const struct module_tables tables = {.dep = dep, .alias = alias, .softdep = softdep};

static void select_set(const char *set, struct module_selection *selection,
                       struct module_index *index)
{
    struct err err = ERR_INIT;
    if (module_select(&tables, set, selection, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(module_index_open(index, selection->index.data, selection->index.len), 0);
}

static const char *match_one(const struct module_index *index, const char *modalias)
{
    uint16_t found[4];
    struct module_view view;
    if (module_index_match(index, modalias, found, 4) != 1)
        return NULL;
    assert_int_equal(module_index_get(index, found[0], &view), 0);
    return view.name;
}

static void test_modalias_finds_its_driver(void **state)
{
    (void)state;
    struct module_selection selection _autoselection_ = {0};
    struct module_index index;
    select_set("server,xfs", &selection, &index);
    assert_string_equal(match_one(&index, "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00"),
                        "virtio_pci");
    assert_string_equal(match_one(&index, "virtio:d00000001v00001AF4"), "virtio_net");
    assert_string_equal(match_one(&index, "pci:v00008086d000010D3sv0sd0bc02sc00i00"), "e1000e");
    assert_string_equal(match_one(&index, "pci:v00008086d000010D1sv0sd0bc02sc00i00"), "e1000e");
    assert_string_equal(match_one(&index, "fs-xfs"), "xfs");
    assert_null(match_one(&index, "pci:v00008086d000010D4sv0sd0bc02sc00i00"));
    assert_null(match_one(&index, ""));
}

static void test_dependencies_come_first_and_in_order(void **state)
{
    (void)state;
    struct module_selection selection _autoselection_ = {0};
    struct module_index index;
    select_set("server,xfs", &selection, &index);
    uint16_t net, first, last;
    struct module_view view, other;
    assert_int_equal(module_index_find(&index, "virtio-net", &net), 0);
    assert_int_equal(module_index_get(&index, net, &view), 0);
    assert_int_equal(view.class, MODULE_NETWORK);
    assert_int_equal(view.dep_count, 3);
    assert_int_equal(module_index_dep(&index, &view, 0, &first), 0);
    assert_int_equal(module_index_dep(&index, &view, 2, &last), 0);
    assert_int_equal(module_index_dep(&index, &view, 3, &last), -EBADMSG);
    assert_int_equal(module_index_get(&index, first, &other), 0);
    assert_string_equal(other.name, "virtio");
    assert_int_equal(module_index_get(&index, last, &other), 0);
    assert_string_equal(other.name, "failover");
}

static bool has(const struct module_selection *selection, const char *name)
{
    for (size_t i = 0; i < selection->count; i++) {
        if (strcmp(selection->files[i].name, name) == 0)
            return true;
    }
    return false;
}

static void test_sets_differ_and_take_further_modules(void **state)
{
    (void)state;
    struct module_selection server _autoselection_ = {0};
    struct module_selection vm _autoselection_ = {0};
    struct module_index index;
    select_set("server", &server, &index);
    select_set("vm,nbd,xfs", &vm, &index);
    assert_true(has(&server, "e1000e"));
    assert_false(has(&server, "nbd"));
    assert_true(has(&vm, "nbd"));
    /* A soft dependency of a dependency, named by an alias. */
    assert_true(has(&vm, "crc32c_generic"));
}

static void test_unknown_set_is_named_in_the_error(void **state)
{
    (void)state;
    struct module_selection selection _autoselection_ = {0};
    struct err err = ERR_INIT;
    assert_int_equal(module_select(&tables, "server,zonk", &selection, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "\"zonk\""));
    assert_int_equal(module_select(&tables, ",", &selection, &err), -EINVAL);
    struct module_tables broken = {.dep = "nonsense\n", .alias = "", .softdep = ""};
    assert_int_equal(module_select(&broken, "vm", &selection, &err), -EBADMSG);
}

static void test_index_of_wrong_size_is_refused(void **state)
{
    (void)state;
    struct module_selection selection _autoselection_ = {0};
    struct module_index index;
    select_set("vm", &selection, &index);
    const struct buf *b = &selection.index;
    assert_int_equal(module_index_open(&index, b->data, b->len - 1), -EBADMSG);
    assert_int_equal(module_index_open(&index, b->data, 10), -EBADMSG);
    b->data[0] = 'X';
    assert_int_equal(module_index_open(&index, b->data, b->len), -EBADMSG);
}

static void test_name_of_path(void **state)
{
    (void)state;
    char name[MODULE_NAME_MAX + 1];
    assert_int_equal(module_name_of("kernel/net/a-b.ko.xz", name), 0);
    assert_string_equal(name, "a_b");
    assert_int_equal(module_name_of("kernel/net/README", name), -EINVAL);
    assert_int_equal(module_name_of("kernel/.ko", name), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_modalias_finds_its_driver),
          cmocka_unit_test(test_dependencies_come_first_and_in_order),
          cmocka_unit_test(test_sets_differ_and_take_further_modules),
          cmocka_unit_test(test_unknown_set_is_named_in_the_error),
          cmocka_unit_test(test_index_of_wrong_size_is_refused),
          cmocka_unit_test(test_name_of_path))
