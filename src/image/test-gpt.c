/* SPDX-License-Identifier: Apache-2.0 */
/* Our tables against our parser, and against sfdisk both ways. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/gpt-disk.h"
#include "image/mbr.h"

#define MIB ((uint64_t)1 << 20)

static const struct gpt_guid DISK_ID = {
    {1, 2, 3, 4, 5, 6, 7, 0x48, 0x89, 10, 11, 12, 13, 14, 15, 16}};

static struct gpt_guid guid(uint8_t last)
{
    struct gpt_guid g = DISK_ID;
    g.b[15] = last;
    return g;
}

static void make(struct gpt *gpt, uint32_t sector_size, uint64_t bytes)
{
    uint64_t unit = MIB / sector_size;
    assert_int_equal(gpt_init(gpt, sector_size, bytes / sector_size, DISK_ID), 0);
    assert_int_equal(gpt_set(gpt, 1, unit, unit, GPT_TYPE_BIOS_BOOT, guid(17), "bios"), 0);
    assert_int_equal(gpt_set(gpt, 2, 2 * unit, 4 * unit, GPT_TYPE_ESP, guid(18), "ESP"), 0);
    assert_int_equal(gpt_set(gpt, 4, 6 * unit, 8 * unit, GPT_TYPE_LINUX, guid(20), "root"), 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {512, 4096};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct gpt gpt, copy;
        uint8_t bytes[GPT_HEAD_MAX];
        memset(bytes, 0xa5, sizeof(bytes));
        make(&gpt, sizes[i], 32 * MIB);
        gpt_print_head(&gpt, bytes);
        assert_int_equal(bytes[439], 0xa5);
        assert_int_equal(gpt_parse_head(bytes, sizeof(bytes), sizes[i], gpt.sectors, &copy), 0);
        assert_memory_equal(&gpt, &copy, sizeof(gpt));
        gpt_print_tail(&gpt, bytes);
        assert_int_equal(gpt_parse_tail(bytes, sizeof(bytes), sizes[i], gpt.sectors, &copy), 0);
        assert_memory_equal(&gpt, &copy, sizeof(gpt));
        assert_int_equal(gpt_parse_tail(bytes, sizeof(bytes), sizes[i], gpt.sectors + 1, &copy),
                         -EBADMSG);
    }
}

static void test_every_flipped_byte_is_seen(void **state)
{
    (void)state;
    struct gpt gpt, copy;
    uint8_t bytes[GPT_HEAD_MAX] = {0};
    make(&gpt, 512, 32 * MIB);
    gpt_print_head(&gpt, bytes);
    for (size_t i = 512; i < 512 + 92; i++) {
        bytes[i] ^= 0x40;
        assert_true(gpt_parse_head(bytes, sizeof(bytes), 512, gpt.sectors, &copy) < 0);
        bytes[i] ^= 0x40;
    }
    for (size_t i = 1024; i < 1024 + 16384; i += 61) {
        bytes[i] ^= 0x40;
        assert_int_equal(gpt_parse_head(bytes, sizeof(bytes), 512, gpt.sectors, &copy), -EBADMSG);
        bytes[i] ^= 0x40;
    }
    assert_int_equal(gpt_parse_head(bytes, gpt_head_size(512) - 1, 512, gpt.sectors, &copy),
                     -EINVAL);
    assert_int_equal(gpt_parse_head(bytes, sizeof(bytes), 512, gpt.sectors, &copy), 0);
    assert_int_equal(gpt_parse_head(bytes, sizeof(bytes), 512, gpt.sectors - 1, &copy), -EBADMSG);
}

static void test_relocate_append_grow(void **state)
{
    (void)state;
    struct gpt gpt;
    make(&gpt, 512, 32 * MIB);
    assert_int_equal(gpt_find_name(&gpt, "Root"), 4);
    assert_int_equal(gpt_find_name(&gpt, "roo"), -ENOENT);
    assert_int_equal(gpt_find_last(&gpt), 4);
    assert_int_equal(gpt_relocate(&gpt, 10 * MIB / 512), -ENOSPC);
    assert_int_equal(gpt_relocate(&gpt, 64 * MIB / 512), 0);
    assert_int_equal(gpt_append(&gpt, 8 * MIB - 1, GPT_TYPE_BASIC_DATA, guid(19), "CIDATA"), 3);
    assert_int_equal(gpt_partition_offset(&gpt, 3), 55 * MIB);
    assert_int_equal(gpt_partition_size(&gpt, 3), 8 * MIB);
    assert_int_equal(gpt_grow(&gpt, 4), 1);
    assert_int_equal(gpt_partition_size(&gpt, 4), 49 * MIB);
    assert_int_equal(gpt_grow(&gpt, 4), 0);
    assert_int_equal(gpt_grow(&gpt, 5), -ENOENT);
    assert_int_equal(gpt_append(&gpt, 8 * MIB, GPT_TYPE_BASIC_DATA, guid(21), "more"), -ENOSPC);
    assert_int_equal(gpt_check(&gpt), 0);
}

static void test_set_refuses(void **state)
{
    (void)state;
    struct gpt gpt;
    make(&gpt, 512, 32 * MIB);
    assert_int_equal(gpt_set(&gpt, 3, 2048, 10, GPT_TYPE_LINUX, DISK_ID, "x"), -EEXIST);
    assert_int_equal(gpt_set(&gpt, 3, 33, 1, GPT_TYPE_LINUX, DISK_ID, "x"), -ENOSPC);
    assert_int_equal(gpt_set(&gpt, 3, 40000, UINT64_MAX, GPT_TYPE_LINUX, DISK_ID, "x"), -ENOSPC);
    assert_int_equal(gpt_set(&gpt, 0, 40000, 1, GPT_TYPE_LINUX, DISK_ID, "x"), -EINVAL);
    assert_int_equal(gpt_set(&gpt, 129, 40000, 1, GPT_TYPE_LINUX, DISK_ID, "x"), -EINVAL);
    assert_int_equal(gpt_set(&gpt, 3, 40000, 1, GPT_TYPE_LINUX, DISK_ID, "\xc3\xa9"), -EINVAL);
}

static void test_guid_text(void **state)
{
    (void)state;
    struct gpt_guid g;
    char text[GPT_GUID_TEXT_SIZE];
    assert_int_equal(gpt_guid_parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", &g), 0);
    assert_true(gpt_guid_eq(g, GPT_TYPE_ESP));
    assert_string_equal(gpt_guid_text(GPT_TYPE_BIOS_BOOT, text),
                        "21686148-6449-6e6f-744e-656564454649");
    assert_string_equal(gpt_guid_text(GPT_TYPE_LINUX, text),
                        "0fc63daf-8483-4772-8e79-3d69d8477de4");
    assert_string_equal(gpt_guid_text(GPT_TYPE_BASIC_DATA, text),
                        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");
    assert_int_equal(gpt_guid_parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93", &g), -EINVAL);
    assert_int_equal(gpt_guid_parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93x", &g), -EINVAL);
}

static int temporary_disk(char path[static 32], uint64_t size)
{
    assert_int_equal(str_copy(path, 32, "/tmp/test-gpt-XXXXXX"), 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static void test_sfdisk_reads_ours(void **state)
{
    (void)state;
    char path[32];
    struct gpt gpt;
    _autofd_ int fd = temporary_disk(path, 32 * MIB);
    make(&gpt, 512, 32 * MIB);
    assert_int_equal(gpt_disk_write(fd, &gpt, NULL), 0);
    _autobuf_ struct buf out = BUF_INIT;
    _autobuf_ struct buf log = BUF_INIT;
    const char *const verify[] = {"sfdisk", "--verify", path, NULL};
    const char *const dump[] = {"sfdisk", "--dump", path, NULL};
    struct proc_options options = {.output = &out, .log = &log};
    struct err err = ERR_INIT;
    if (proc_run(verify, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_null(strstr(buf_str(&log), "orrupt"));
    assert_int_equal(proc_run(dump, &options, NULL, &err), 0);
    assert_non_null(strstr(buf_str(&out), "start=        2048, size=        2048, "
                                          "type=21686148-6449-6E6F-744E-656564454649"));
    assert_non_null(strstr(buf_str(&out), "name=\"ESP\""));
    assert_non_null(strstr(buf_str(&out), "4 : start=       12288, size=       16384"));
    (void)unlink(path);
}

static void test_reads_sfdisks_and_survives_a_lost_head(void **state)
{
    (void)state;
    char path[32];
    struct gpt gpt;
    enum gpt_source source;
    _autofd_ int fd = temporary_disk(path, 64 * MIB);
    static const char script[] = "label: gpt\n"
                                 "start=2048, size=16384, type=linux, name=\"root\"\n"
                                 "size=20480, type=uefi, name=\"r\xc3\xa9sum\xc3\xa9\"\n";
    const char *const argv[] = {"sfdisk", "--quiet", path, NULL};
    struct proc_options options = {.input = script, .input_len = sizeof(script) - 1};
    struct err err = ERR_INIT;
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(gpt_disk_read(fd, 64 * MIB, 512, &gpt, &source, NULL), 0);
    assert_int_equal(source, GPT_SOURCE_PRIMARY);
    assert_int_equal(gpt_find_name(&gpt, "root"), 1);
    assert_true(gpt_guid_eq(gpt.entries[1].type, GPT_TYPE_ESP));
    assert_int_equal(gpt_disk_read(fd, 64 * MIB, 4096, &gpt, NULL, NULL), -ENOENT);
    uint8_t zero[1024] = {0};
    assert_int_equal(fd_pwrite_full(fd, zero, sizeof(zero), 0), 0);
    assert_int_equal(gpt_disk_read(fd, 64 * MIB, 512, &gpt, &source, NULL), 0);
    assert_int_equal(source, GPT_SOURCE_BACKUP);
    assert_int_equal(gpt_disk_write(fd, &gpt, NULL), 0);
    assert_int_equal(gpt_disk_read(fd, 64 * MIB, 512, &gpt, &source, NULL), 0);
    assert_int_equal(source, GPT_SOURCE_PRIMARY);
    (void)unlink(path);
}

static void test_mbr(void **state)
{
    (void)state;
    char path[32];
    struct mbr mbr;
    uint8_t sector[MBR_SIZE] = {0};
    assert_int_equal(mbr_parse(sector, sizeof(sector), &mbr), -ENOENT);
    _autofd_ int fd = temporary_disk(path, 64 * MIB);
    static const char script[] = "label: dos\nstart=2048, size=16384, type=83, bootable\n";
    const char *const argv[] = {"sfdisk", "--quiet", path, NULL};
    const char *const verify[] = {"sfdisk", "--verify", path, NULL};
    const char *const dump[] = {"sfdisk", "--dump", path, NULL};
    struct proc_options in = {.input = script, .input_len = sizeof(script) - 1};
    assert_int_equal(proc_run(argv, &in, NULL, NULL), 0);
    assert_int_equal(fd_pread_full(fd, sector, sizeof(sector), 0), sizeof(sector));
    assert_int_equal(mbr_parse(sector, sizeof(sector), &mbr), 0);
    assert_int_equal(mbr.entries[0].first, 2048);
    assert_true(mbr.entries[0].active);
    assert_int_equal(mbr_append(&mbr, 131072, 16384, 2048, MBR_TYPE_FAT16_LBA), 2);
    assert_int_equal(mbr_append(&mbr, 131072, 16384, 2048, MBR_TYPE_FAT16_LBA), -ENOSPC);
    mbr_print(&mbr, sector);
    assert_int_equal(fd_pwrite_full(fd, sector, sizeof(sector), 0), 0);
    _autobuf_ struct buf out = BUF_INIT;
    struct proc_options options = {.output = &out};
    assert_int_equal(proc_run(verify, &options, NULL, NULL), 0);
    assert_int_equal(proc_run(dump, &options, NULL, NULL), 0);
    assert_non_null(strstr(buf_str(&out), "2 : start=      114688, size=       16384, type=e"));
    assert_non_null(
        strstr(buf_str(&out), "1 : start=        2048, size=       16384, type=83, bo"));
    struct gpt gpt;
    make(&gpt, 512, 64 * MIB);
    assert_int_equal(gpt_disk_write(fd, &gpt, NULL), 0);
    assert_int_equal(fd_pread_full(fd, sector, sizeof(sector), 0), sizeof(sector));
    assert_int_equal(mbr_parse(sector, sizeof(sector), &mbr), -EEXIST);
    (void)unlink(path);
}

UNIT_MAIN(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_flipped_byte_is_seen),
          cmocka_unit_test(test_relocate_append_grow), cmocka_unit_test(test_set_refuses),
          cmocka_unit_test(test_guid_text), cmocka_unit_test(test_sfdisk_reads_ours),
          cmocka_unit_test(test_reads_sfdisks_and_survives_a_lost_head), cmocka_unit_test(test_mbr))
