/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes made by our own writer, and by mkfs.vfat and mtools. */
#include "node/fat-volume.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"
#include "image/fat.h"

struct memory {
    uint8_t *data;
    size_t size;
};

static int memory_read(void *data, uint64_t offset, void *dst, size_t len)
{
    struct memory *m = data;
    assert_true(offset <= m->size && len <= m->size - offset);
    memcpy(dst, m->data + offset, len);
    return 0;
}

static int memory_write(void *data, uint64_t offset, const void *src, size_t len)
{
    struct memory *m = data;
    assert_true(offset <= m->size && len <= m->size - offset);
    memcpy(m->data + offset, src, len);
    return 0;
}

static struct fat_device device_of(struct memory *m)
{
    return (struct fat_device){memory_read, memory_write, m, m->size};
}

static void assert_file(struct fat_volume *v, const char *path, const char *data, size_t len)
{
    struct fat_entry entry;
    _autofree_ char *text = NULL;
    size_t got = 0;
    int r = fat_volume_find(v, path, &entry);
    if (r < 0)
        fail_msg("%s: %s", path, strerror(-r));
    assert_int_equal(fat_volume_read(v, &entry, 1 << 20, &text, &got), 0);
    assert_int_equal(got, len);
    assert_memory_equal(text, data, len);
}

enum { BIG = 300000 };

static void check_bits(int bits, uint64_t size)
{
    _autofree_ char *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 7 + i / 251);
    struct fat_file files[] = {{"meta-data", "x: 1\n", 5},
                               {"Network-Config-With-A-Long-Name", big, BIG},
                               {"slipway/identity.json", "{}", 2},
                               {"empty", "", 0}};
    struct fat_options options = {.size = size, .label = "CIDATA", .bits = bits};
    struct memory m = {NULL, size};
    struct err err = ERR_INIT;
    if (fat_build(&options, files, ARRAY_SIZE(files), &m.data, &err) < 0)
        fail_msg("%s", err_text(&err));
    struct fat_device device = device_of(&m);
    struct fat_volume v;
    struct fat_entry entry;
    assert_int_equal(fat_volume_open(&device, &v), 0);
    assert_int_equal(v.bits, bits);
    assert_string_equal(v.label, "CIDATA");
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_file(&v, files[i].path, files[i].data, files[i].len);
    assert_file(&v, "SLIPWAY/Identity.JSON", "{}", 2);
    assert_int_equal(fat_volume_find(&v, "meta-dat", &entry), -ENOENT);
    assert_int_equal(fat_volume_find(&v, "slipway/none", &entry), -ENOENT);
    assert_int_equal(fat_volume_find(&v, "meta-data/x", &entry), -ENOENT);
    assert_int_equal(fat_volume_find(&v, "", &entry), -ENOENT);
    assert_int_equal(fat_volume_find(&v, "slipway", &entry), 0);
    _autofree_ char *text = NULL;
    assert_int_equal(fat_volume_read(&v, &entry, 100, &text, NULL), -EISDIR);
    assert_int_equal(fat_volume_find(&v, files[1].path, &entry), 0);
    assert_int_equal(fat_volume_read(&v, &entry, BIG - 1, &text, NULL), -EFBIG);
    assert_int_equal(fat_volume_wipe(&v, &entry), 0);
    memset(big, 0, BIG);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_file(&v, files[i].path, files[i].data, files[i].len);
    free(m.data);
}

static void test_own_volumes(void **state)
{
    (void)state;
    check_bits(12, 2 << 20);
    check_bits(16, 8 << 20);
    check_bits(32, 48 << 20);
}

static void run(const char *const argv[])
{
    struct err err = ERR_INIT;
    if (proc_run(argv, NULL, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void check_mtools(const char *bits, const char *cluster_sectors, const char *kib)
{
    char image[] = "/tmp/test-fat-volume.XXXXXX";
    int fd = mkstemp(image);
    assert_true(fd >= 0);
    close(fd);
    _autofree_ char *source = str_format("%s.txt", image);
    _autofree_ char *data = malloc(BIG);
    memset(data, 'z', BIG);
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(source, data, BIG, 0600, &err), 0);
    unlink(image);
    run((const char *const[]){"mkfs.vfat", "-C", "-F", bits, "-s", cluster_sectors, "-n", "CIDATA",
                              image, kib, NULL});
    run((const char *const[]){"mmd", "-i", image, "::slipway", NULL});
    run((const char *const[]){"mcopy", "-i", image, source, "::slipway/node.json", NULL});
    run((const char *const[]){"mcopy", "-i", image, source, "::a name with spaces and more", NULL});
    run((const char *const[]){"mdel", "-i", image, "::a name with spaces and more", NULL});
    run((const char *const[]){"mcopy", "-i", image, source, "::network-config", NULL});
    struct memory m = {0};
    assert_int_equal(file_read(image, 64 << 20, (char **)&m.data, &m.size, &err), 0);
    unlink(image);
    unlink(source);
    struct fat_device device = device_of(&m);
    struct fat_volume v;
    struct fat_entry entry;
    assert_int_equal(fat_volume_open(&device, &v), 0);
    assert_string_equal(v.label, "CIDATA");
    assert_file(&v, "slipway/node.json", data, BIG);
    assert_file(&v, "network-config", data, BIG);
    assert_int_equal(fat_volume_find(&v, "a name with spaces and more", &entry), -ENOENT);
    free(m.data);
}

static void test_volumes_of_mtools(void **state)
{
    (void)state;
    char program[256];
    if (!proc_find("mkfs.vfat", program, sizeof(program)) ||
        !proc_find("mcopy", program, sizeof(program)))
        skip();
    check_mtools("12", "4", "2048");
    check_mtools("16", "1", "8192");
    check_mtools("32", "1", "49152");
}

static void test_what_is_no_volume(void **state)
{
    (void)state;
    struct memory m = {calloc(1, 65536), 65536};
    struct fat_device device = device_of(&m);
    struct fat_volume v;
    assert_int_equal(fat_volume_open(&device, &v), -EBADMSG);
    m.data[510] = 0x55;
    m.data[511] = 0xaa;
    assert_int_equal(fat_volume_open(&device, &v), -EBADMSG);
    device.size = 100;
    assert_int_equal(fat_volume_open(&device, &v), -EBADMSG);
    free(m.data);
}

/* A table in which the folder's chain points to itself. */
static void test_loops_end(void **state)
{
    (void)state;
    struct fat_file files[] = {{"d/file", "data", 4}};
    struct fat_options options = {.size = 8 << 20, .label = "CIDATA", .bits = 16};
    struct memory m = {NULL, 8 << 20};
    assert_int_equal(fat_build(&options, files, 1, &m.data, NULL), 0);
    struct fat_device device = device_of(&m);
    struct fat_volume v;
    struct fat_entry entry;
    assert_int_equal(fat_volume_open(&device, &v), 0);
    assert_int_equal(fat_volume_find(&v, "d", &entry), 0);
    uint8_t *link = m.data + v.table + entry.cluster * 2;
    link[0] = (uint8_t)entry.cluster;
    link[1] = (uint8_t)(entry.cluster >> 8);
    /* Fill the rest of the folder, so that its end mark is gone. */
    uint8_t *folder = m.data + v.data + (uint64_t)(entry.cluster - 2) * v.cluster_size;
    for (uint32_t i = 0; i < v.cluster_size; i += 32)
        folder[i] = 0xe5;
    assert_int_equal(fat_volume_open(&device, &v), 0);
    assert_int_equal(fat_volume_find(&v, "d/nothing", &entry), -EBADMSG);
    free(m.data);
}

UNIT_MAIN(cmocka_unit_test(test_own_volumes), cmocka_unit_test(test_volumes_of_mtools),
          cmocka_unit_test(test_what_is_no_volume), cmocka_unit_test(test_loops_end))
