/* SPDX-License-Identifier: Apache-2.0 */
/* Against what Debian's own mkfs programs write. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>

#include "agent/disk-key.h"
#include "agent/layout.h"
#include "agent/signature.h"
#include "base/file.h"
#include "base/proc.h"
#include "image/gpt-disk.h"
#include "image/mbr.h"

enum { SIZE = 64 << 20 };
static char path[] = "/tmp/slipway-signature-XXXXXX";
static int fd = -1;

static int read_file(void *data, uint64_t offset, void *dst, size_t len)
{
    ssize_t n = fd_pread_full(*(int *)data, dst, len, offset);
    return n == (ssize_t)len ? 0 : -EIO;
}

static struct disk examine(void)
{
    struct disk disk = {.size = SIZE, .sector_size = 512};
    struct signature_reader reader = {.read = read_file, .data = &fd};
    assert_int_equal(signature_examine(&reader, &disk), 0);
    return disk;
}

static int setup(void **state)
{
    (void)state;
    fd = mkstemp(path);
    return fd < 0 || ftruncate(fd, SIZE) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)close(fd);
    return unlink(path);
}

static int empty(void **state)
{
    (void)state;
    return ftruncate(fd, 0) < 0 || ftruncate(fd, SIZE) < 0 ? -1 : 0;
}

static void make(const char *const argv[])
{
    struct err err = ERR_INIT;
    struct proc_options options = {0};
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void test_blank(void **state)
{
    (void)state;
    assert_int_equal(examine().state, DISK_BLANK);
}

static void test_file_systems_by_their_makers(void **state)
{
    (void)state;
    const char *const ext4[] = {"/sbin/mkfs.ext4", "-q", "-F", path, NULL};
    const char *const ext2[] = {"/sbin/mkfs.ext2", "-q", "-F", path, NULL};
    const char *const vfat[] = {"/sbin/mkfs.vfat", path, NULL};
    const char *const swap[] = {"/sbin/mkswap", "-q", path, NULL};
    const struct {
        const char *const *argv;
        const char *name;
    } cases[] = {{ext4, "ext4"}, {ext2, "ext2"}, {vfat, "vfat"}, {swap, "swap"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(empty(NULL), 0);
        make(cases[i].argv);
        struct disk disk = examine();
        assert_int_equal(disk.state, DISK_FOREIGN);
        assert_string_equal(disk.contents, cases[i].name);
    }
}

static void put(uint64_t offset, const void *data, size_t len)
{
    assert_int_equal(fd_pwrite_full(fd, data, len, offset), 0);
}

static void test_other_signatures(void **state)
{
    (void)state;
    const struct {
        uint64_t offset;
        const char *bytes;
        size_t len;
        const char *name;
    } cases[] = {
        {0, "LUKS\xba\xbe", 6, "luks"},          {0, "XFSB", 4, "xfs"},
        {0x10040, "_BHRfS_M", 8, "btrfs"},       {3, "NTFS    ", 8, "ntfs"},
        {4096, "\xfc\x4e\x2b\xa9", 4, "mdraid"}, {SIZE - 8192, "\xfc\x4e\x2b\xa9", 4, "mdraid"},
        {510, "\x55\xaa", 2, "mbr partitions"},  {5000, "x", 1, "unknown data"},
        {SIZE - 1, "x", 1, "unknown data"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(empty(NULL), 0);
        put(cases[i].offset, cases[i].bytes, cases[i].len);
        struct disk disk = examine();
        assert_int_equal(disk.state, DISK_FOREIGN);
        assert_string_equal(disk.contents, cases[i].name);
    }
}

static void test_lvm_label_in_the_second_sector(void **state)
{
    (void)state;
    put(512, "LABELONE", 8);
    put(512 + 24, "LVM2 001", 8);
    assert_string_equal(examine().contents, "lvm");
}

static void test_marker_of_an_unfinished_installation(void **state)
{
    (void)state;
    uint8_t sector[MARKER_SIZE], digest[32];
    memset(digest, 7, sizeof(digest));
    marker_build(digest, sector);
    put(0, sector, sizeof(sector));
    struct disk disk = examine();
    assert_int_equal(disk.state, DISK_PARTIAL);
    assert_memory_equal(disk.partial_digest, digest, sizeof(digest));
    assert_int_equal(disk.key_offset, DISK_KEY_MARKER_OFFSET);
}

/* A GPT with a seed partition is ours only when stage2 itself wrote that file system. */
static void test_seed_tells_ours_from_foreign(void **state)
{
    (void)state;
    struct gpt gpt;
    struct err err = ERR_INIT;
    struct gpt_guid guid = {{1}}, other = {{2}};
    assert_int_equal(gpt_init(&gpt, 512, SIZE / 512, guid), 0);
    int number = gpt_append(&gpt, LAYOUT_SEED_SIZE, GPT_TYPE_BASIC_DATA, other, "CIDATA");
    assert_true(number > 0);
    assert_int_equal(gpt_disk_write(fd, &gpt, &err), 0);
    struct disk disk = examine();
    assert_int_equal(disk.state, DISK_FOREIGN);
    assert_non_null(strstr(disk.contents, "gpt"));
    struct layout layout = {.seed_partition = (unsigned)number,
                            .seed_offset = gpt_partition_offset(&gpt, (unsigned)number),
                            .seed_size = gpt_partition_size(&gpt, (unsigned)number)};
    struct seed seed _autoseed_ = SEED_INIT;
    uint8_t *bytes = NULL;
    assert_int_equal(seed_put(&seed, "meta-data", 0600, "x", 1, &err), 0);
    assert_int_equal(layout_seed(&layout, &seed, 512, &bytes, &err), 0);
    put(layout.seed_offset, bytes, layout.seed_size - DISK_KEY_SEED_ROOM);
    free(bytes);
    disk = examine();
    assert_int_equal(disk.state, DISK_OURS);
    assert_int_equal(disk.key_offset, layout.seed_offset + layout.seed_size - DISK_KEY_SEED_ROOM);
    /* The backup copy alone is enough to know that there is something. */
    uint8_t zeros[1024] = {0};
    put(0, zeros, sizeof(zeros));
    assert_int_equal(examine().state, DISK_OURS);
}

static void test_seed_among_dos_partitions(void **state)
{
    (void)state;
    struct mbr mbr = {.entries = {{.type = MBR_TYPE_LINUX, .first = 2048, .count = 4096}}};
    struct layout layout = {.seed_size = LAYOUT_SEED_SIZE};
    struct seed seed _autoseed_ = SEED_INIT;
    struct err err = ERR_INIT;
    uint8_t sector[MBR_SIZE] = {0}, *bytes = NULL;
    int number = mbr_append(&mbr, SIZE / 512, LAYOUT_SEED_SIZE / 512, 2048, MBR_TYPE_FAT16_LBA);
    assert_true(number > 0);
    mbr_print(&mbr, sector);
    put(0, sector, sizeof(sector));
    assert_int_equal(examine().state, DISK_FOREIGN);
    layout.seed_offset = (uint64_t)mbr.entries[number - 1].first * 512;
    assert_int_equal(layout_seed(&layout, &seed, 512, &bytes, &err), 0);
    put(layout.seed_offset, bytes, layout.seed_size - DISK_KEY_SEED_ROOM);
    free(bytes);
    struct disk disk = examine();
    assert_int_equal(disk.state, DISK_OURS);
    assert_int_equal(disk.key_offset, layout.seed_offset + layout.seed_size - DISK_KEY_SEED_ROOM);
    /* A partition that claims to go on behind the disk's end holds no key. */
    mbr.entries[number - 1].count = UINT32_MAX - mbr.entries[number - 1].first;
    mbr_print(&mbr, sector);
    put(0, sector, sizeof(sector));
    assert_int_equal(examine().key_offset, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_blank, empty),
        cmocka_unit_test_setup(test_file_systems_by_their_makers, empty),
        cmocka_unit_test_setup(test_other_signatures, empty),
        cmocka_unit_test_setup(test_lvm_label_in_the_second_sector, empty),
        cmocka_unit_test_setup(test_marker_of_an_unfinished_installation, empty),
        cmocka_unit_test_setup(test_seed_tells_ours_from_foreign, empty),
        cmocka_unit_test_setup(test_seed_among_dos_partitions, empty),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
