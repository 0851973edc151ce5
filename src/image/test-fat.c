/* SPDX-License-Identifier: Apache-2.0 */
/* File systems that we make, as fsck.vfat, mtools and blkid see them. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/fat.h"

#define MIB ((uint64_t)1 << 20)

struct disk {
    char path[32];
};

static void disk_remove(struct disk *disk)
{
    (void)unlink(disk->path);
}

static void write_disk(struct disk *disk, const uint8_t *data, size_t len)
{
    assert_int_equal(str_copy(disk->path, sizeof(disk->path), "/tmp/test-fat-XXXXXX"), 0);
    _autofd_ int fd = mkstemp(disk->path);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, data, len), 0);
}

static void run(struct buf *out, const char *const argv[])
{
    struct err err = ERR_INIT;
    struct proc_options options = {.output = out};
    buf_reset(out);
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s: %s", err_text(&err), buf_str(out));
}

/* What mtools reads from a file of the volume must be what was put there. */
static void check_file(struct buf *out, const struct disk *disk, const struct fat_file *file)
{
    if (!file->data)
        return;
    _autofree_ char *name = str_format("::/%s", file->path);
    const char *const argv[] = {"mtype", "-i", disk->path, name, NULL};
    run(out, argv);
    assert_int_equal(out->len, file->len);
    if (file->len)
        assert_memory_equal(out->data, file->data, file->len);
}

static void check(const struct fat_options *options, const struct fat_file *files, size_t count,
                  const char *width)
{
    _cleanup_(disk_remove) struct disk disk;
    _autofree_ uint8_t *data = NULL;
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (fat_build(options, files, count, &data, &err) < 0)
        fail_msg("%s", err_text(&err));
    write_disk(&disk, data, options->size);
    const char *const fsck[] = {"fsck.vfat", "-n", "-v", disk.path, NULL};
    run(&out, fsck);
    const char *const blkid[] = {"blkid", "-p", "-o", "export", disk.path, NULL};
    run(&out, blkid);
    _autofree_ char *version = str_format("VERSION=FAT%s\n", width);
    _autofree_ char *label = str_format("LABEL=%s\n", options->label);
    assert_non_null(strstr(buf_str(&out), version));
    assert_non_null(strstr(buf_str(&out), label));
    assert_non_null(strstr(buf_str(&out), "UUID=1234-ABCD\n"));
    for (size_t i = 0; i < count; i++)
        check_file(&out, &disk, &files[i]);
}

static uint8_t big[3 * 1000 * 1000 + 17];

static const struct fat_file sample[] = {
    {"meta-data", "instance-id: a\n", 15},
    {"user-data", "#cloud-config\n", 14},
    {"network-config", "version: 2\n", 11},
    {"slipway/node.json", "{}", 2},
    {"slipway/identity.json", "{\"a\":1}", 7},
    {"EFI/BOOT/BOOTX64.EFI", big, sizeof(big)},
    {"EFI/BOOT/grub.cfg", "set x=y\n", 8},
    {"a name of exactly 26 chars", "1", 1},
    {"another name that is a great deal longer than thirteen characters.text", "2", 1},
    {"another name that is a great deal longer than fifteen characters.text", "3", 1},
    {".hidden", "4", 1},
    {"two.dots.txt", "5", 1},
    {"empty", "", 0},
    {"folder/", NULL, 0},
};

static void test_all_widths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7 + i / 513);
    struct fat_options o = {.label = "CIDATA", .volume_id = 0x1234abcd, .time = 1700000000};
    o.size = 4 * MIB;
    check(&o, sample, ARRAY_SIZE(sample), "12");
    o.size = 8 * MIB;
    o.bits = 16;
    check(&o, sample, ARRAY_SIZE(sample), "16");
    o.size = 64 * MIB;
    o.bits = 32;
    o.label = "ESP";
    check(&o, sample, ARRAY_SIZE(sample), "32");
    o.size = 300 * MIB;
    o.sector_size = 4096;
    check(&o, sample, ARRAY_SIZE(sample), "32");
}

static void test_many_files(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static char names[COUNT][64];
    static struct fat_file files[COUNT];
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "folder/sub %d/Long Name Number %d.conf", i % 3,
                       i);
        files[i] = (struct fat_file){names[i], names[i], strlen(names[i])};
    }
    struct fat_options o = {.label = "MANY", .volume_id = 0x1234abcd, .size = 8 * MIB, .bits = 16};
    _cleanup_(disk_remove) struct disk disk;
    _autofree_ uint8_t *data = NULL;
    _autobuf_ struct buf out = BUF_INIT;
    assert_int_equal(fat_build(&o, files, COUNT, &data, NULL), 0);
    write_disk(&disk, data, o.size);
    const char *const fsck[] = {"fsck.vfat", "-n", "-v", disk.path, NULL};
    run(&out, fsck);
    check_file(&out, &disk, &files[0]);
    check_file(&out, &disk, &files[COUNT - 1]);
}

static void refuse(struct fat_options o, const struct fat_file *files, size_t count, int code)
{
    uint8_t *data = NULL;
    if (!o.label)
        o.label = "X";
    if (!o.size)
        o.size = 2 * MIB;
    assert_int_equal(fat_build(&o, files, count, &data, NULL), code);
    assert_null(data);
}

static void test_refuses(void **state)
{
    (void)state;
    struct fat_file twice[] = {{"a", "1", 1}, {"A", "2", 1}};
    struct fat_file inside_file[] = {{"a", "1", 1}, {"a/b", "2", 1}};
    struct fat_file too_big[] = {{"a", big, sizeof(big)}};
    struct fat_file bad_names[][1] = {{{"a?", "1", 1}},       {{"", "1", 1}},    {{"/a", "1", 1}},
                                      {{"a//b", "1", 1}},     {{"..", "1", 1}},  {{"a.", "1", 1}},
                                      {{"\xc3\xa9", "1", 1}}, {{"a\nb", "1", 1}}};
    refuse((struct fat_options){0}, twice, 2, -EINVAL);
    refuse((struct fat_options){0}, inside_file, 2, -EINVAL);
    refuse((struct fat_options){0}, too_big, 1, -ENOSPC);
    for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++)
        refuse((struct fat_options){0}, bad_names[i], 1, -EINVAL);
    refuse((struct fat_options){.label = "twelve chars"}, NULL, 0, -EINVAL);
    refuse((struct fat_options){.label = "lower"}, NULL, 0, -EINVAL);
    refuse((struct fat_options){.size = 1000}, NULL, 0, -EINVAL);
    refuse((struct fat_options){.size = 8 * MIB, .bits = 32}, NULL, 0, -EINVAL);
}

static void test_same_input_same_bytes(void **state)
{
    (void)state;
    struct fat_options o = {.label = "SAME", .size = 4 * MIB, .time = 1700000000};
    _autofree_ uint8_t *a = NULL;
    _autofree_ uint8_t *b = NULL;
    assert_int_equal(fat_build(&o, sample, ARRAY_SIZE(sample), &a, NULL), 0);
    assert_int_equal(fat_build(&o, sample, ARRAY_SIZE(sample), &b, NULL), 0);
    assert_memory_equal(a, b, o.size);
}

UNIT_MAIN(cmocka_unit_test(test_all_widths), cmocka_unit_test(test_many_files),
          cmocka_unit_test(test_refuses), cmocka_unit_test(test_same_input_same_bytes))
