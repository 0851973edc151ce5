/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "agent/disk-rule.h"

#define GIB ((uint64_t)1 << 30)

static const struct disk_need need = {.size = 4 * GIB, .sector_size = 512};

static struct disk blank(const char *name, uint64_t size)
{
    struct disk d = {.size = size, .sector_size = 512, .type = "ssd", .state = DISK_BLANK};
    (void)snprintf(d.name, sizeof(d.name), "%s", name);
    (void)snprintf(d.contents, sizeof(d.contents), "blank");
    return d;
}

static struct protocol_disk_rule any(void)
{
    return (struct protocol_disk_rule){.rotational = -1};
}

static int choose(const struct protocol_disk_rule *rule, const struct disk *disks, size_t count,
                  const char **reason, struct err *err)
{
    size_t index = 99;
    *err = ERR_INIT;
    int r = disk_choose(rule, &need, disks, count, &index, reason, err);
    return r < 0 ? r : (int)index;
}

static void test_the_only_disk_is_taken(void **state)
{
    (void)state;
    struct disk disks[3] = {blank("sda", 8 * GIB), blank("vda", 8 * GIB), blank("sdb", 8 * GIB)};
    struct protocol_disk_rule rule = any();
    const char *reason;
    struct err err;
    disks[0].removable = true;
    disks[2].read_only = true;
    assert_int_equal(choose(&rule, disks, 3, &reason, &err), 1);
}

static void test_two_matches_are_refused_and_listed(void **state)
{
    (void)state;
    struct disk disks[2] = {blank("sda", 8 * GIB), blank("sdb", 9 * GIB)};
    struct protocol_disk_rule rule = any();
    const char *reason;
    struct err err;
    assert_int_equal(choose(&rule, disks, 2, &reason, &err), -ENOTUNIQ);
    assert_string_equal(reason, DISK_REASON_MANY);
    assert_non_null(strstr(err_text(&err), "sda"));
    assert_non_null(strstr(err_text(&err), "sdb"));
}

static void test_no_match_says_why_of_each(void **state)
{
    (void)state;
    struct disk disks[2] = {blank("sda", 8 * GIB), blank("sdb", 9 * GIB)};
    struct protocol_disk_rule rule = any();
    const char *reason;
    struct err err;
    disks[0].removable = true;
    rule.serial = (char[]){"S1"};
    assert_int_equal(choose(&rule, disks, 2, &reason, &err), -ENODEV);
    assert_string_equal(reason, DISK_REASON_NONE);
    assert_non_null(strstr(err_text(&err), "removable"));
    assert_non_null(strstr(err_text(&err), "other serial"));
    assert_non_null(strstr(err_text(&err), "no disk matches serial S1: "));
    assert_int_equal(choose(&rule, NULL, 0, &reason, &err), -ENODEV);
    assert_non_null(strstr(err_text(&err), "no disk"));
}

static void test_each_rule_selects(void **state)
{
    (void)state;
    struct disk d = blank("sda", 8 * GIB);
    (void)snprintf(d.serial, sizeof(d.serial), "S1");
    (void)snprintf(d.wwn, sizeof(d.wwn), "0x5000c500A1");
    (void)snprintf(d.model, sizeof(d.model), "ACME Turbo 9");
    (void)snprintf(d.path, sizeof(d.path), "/dev/disk/by-path/pci-0000:00:1f.2-ata-1");
    const struct {
        struct protocol_disk_rule rule;
        bool matches;
    } cases[] = {
        {{.rotational = -1, .serial = (char[]){"S1"}}, true},
        {{.rotational = -1, .serial = (char[]){"S"}}, false},
        {{.rotational = -1, .wwn = (char[]){"0x5000C500a1"}}, true},
        {{.rotational = -1, .wwn = (char[]){"/dev/disk/by-id/wwn-0x5000c500a1"}}, true},
        {{.rotational = -1, .model = (char[]){"ACME*"}}, true},
        {{.rotational = -1, .model = (char[]){"ACME"}}, false},
        {{.rotational = -1, .path = (char[]){"pci-0000:00:1f.2-ata-1"}}, true},
        {{.rotational = -1, .path = (char[]){"/dev/disk/by-path/pci-0000:00:1f.2-*"}}, true},
        {{.rotational = -1, .path = (char[]){"/dev/sda"}}, false},
        {{.rotational = -1, .type = (char[]){"ssd"}}, true},
        {{.rotational = -1, .type = (char[]){"hdd"}}, false},
        {{.rotational = 0}, true},
        {{.rotational = 1}, false},
        {{.rotational = -1, .min_size = 8 * GIB, .max_size = 8 * GIB}, true},
        {{.rotational = -1, .min_size = 8 * GIB + 1}, false},
        {{.rotational = -1, .max_size = 8 * GIB - 1}, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(disk_mismatch(&cases[i].rule, &d) == NULL, cases[i].matches);
}

static void test_usb_disks_must_be_named(void **state)
{
    (void)state;
    struct disk d = blank("sda", 8 * GIB);
    struct protocol_disk_rule rule = any();
    d.usb = true;
    (void)snprintf(d.serial, sizeof(d.serial), "S1");
    assert_non_null(disk_mismatch(&rule, &d));
    rule.serial = (char[]){"S1"};
    assert_null(disk_mismatch(&rule, &d));
}

static void test_foreign_data_is_kept_unless_allowed(void **state)
{
    (void)state;
    struct disk d = blank("sda", 8 * GIB);
    struct protocol_disk_rule rule = any();
    const char *reason;
    struct err err;
    d.state = DISK_FOREIGN;
    (void)snprintf(d.contents, sizeof(d.contents), "gpt ext4");
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), -ENOTEMPTY);
    assert_string_equal(reason, DISK_REASON_NOT_EMPTY);
    assert_non_null(strstr(err_text(&err), "gpt ext4"));
    d.state = DISK_UNREADABLE;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), -ENOTEMPTY);
    d.state = DISK_FOREIGN;
    rule.allow_overwrite = true;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), 0);
    rule.allow_overwrite = false;
    d.state = DISK_OURS;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), 0);
    d.state = DISK_PARTIAL;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), 0);
}

static void test_the_image_must_fit(void **state)
{
    (void)state;
    struct disk d = blank("sda", 4 * GIB - 512);
    struct protocol_disk_rule rule = any();
    const char *reason;
    struct err err;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), -ENOSPC);
    assert_string_equal(reason, DISK_REASON_TOO_SMALL);
    d.size = 4 * GIB;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), 0);
    d.sector_size = 4096;
    assert_int_equal(choose(&rule, &d, 1, &reason, &err), -EINVAL);
    assert_string_equal(reason, DISK_REASON_SECTOR_SIZE);
}

UNIT_MAIN(cmocka_unit_test(test_the_only_disk_is_taken),
          cmocka_unit_test(test_two_matches_are_refused_and_listed),
          cmocka_unit_test(test_no_match_says_why_of_each),
          cmocka_unit_test(test_each_rule_selects), cmocka_unit_test(test_usb_disks_must_be_named),
          cmocka_unit_test(test_foreign_data_is_kept_unless_allowed),
          cmocka_unit_test(test_the_image_must_fit))
