/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/disk-key.h"
#include "base/file.h"
#include "base/str.h"

#define UUID "4c4c4544-0042-3510-8052-b4c04f4d3132"

static struct trust_public server;
static struct disk_key_owner owner;
static struct trust_key key;
static uint8_t block[DISK_KEY_SIZE];
static char folder[] = "/tmp/slipway-disk-key-XXXXXX";

static int setup(void **state)
{
    (void)state;
    if (trust_init() < 0)
        return -1;
    memset(server.b, 3, sizeof(server.b));
    owner = (struct disk_key_owner){&server, UUID};
    trust_key_generate(&key);
    return disk_key_build(&key, &owner, block);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct trust_key back;
    assert_int_equal(disk_key_parse(block, sizeof(block), &owner, &back), 0);
    assert_memory_equal(&back, &key, sizeof(key));
    owner.uuid = "";
    assert_int_equal(disk_key_build(&key, &owner, block), 0);
    assert_int_equal(disk_key_parse(block, sizeof(block), &owner, &back), 0);
}

static void test_every_damaged_byte_is_seen(void **state)
{
    (void)state;
    enum { USED = 16 + 48 + 32 };
    struct trust_key back;
    for (size_t i = 0; i < USED; i++) {
        block[i] ^= 0x20;
        assert_int_equal(disk_key_parse(block, sizeof(block), &owner, &back), -EBADMSG);
        block[i] ^= 0x20;
        assert_int_equal(disk_key_parse(block, i, &owner, &back), -EBADMSG);
    }
    assert_int_equal(disk_key_parse(block, USED, &owner, &back), 0);
}

/* A disk that was cloned, moved, or installed by another server brings no key with it. */
static void test_blocks_of_others_do_not_count(void **state)
{
    (void)state;
    struct trust_public other_server = server;
    struct trust_key back;
    struct disk_key_owner other = {&server, "4c4c4544-0042-3510-8052-b4c04f4d3133"};
    assert_int_equal(disk_key_parse(block, sizeof(block), &other, &back), -EBADMSG);
    other.uuid = "";
    assert_int_equal(disk_key_parse(block, sizeof(block), &other, &back), -EBADMSG);
    other_server.b[31] ^= 1;
    other = (struct disk_key_owner){&other_server, UUID};
    assert_int_equal(disk_key_parse(block, sizeof(block), &other, &back), -EBADMSG);
}

static void put(const char *name, uint64_t offset)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    _autofd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(fd_pwrite_full(fd, block, sizeof(block), offset), 0);
}

static void test_unfinished_installation_is_asked_first(void **state)
{
    (void)state;
    struct disk disks[] = {
        {.name = "other", .state = DISK_FOREIGN, .key_offset = 512},
        {.name = "gone", .state = DISK_OURS, .key_offset = 512},
        {.name = "none", .state = DISK_OURS},
        {.name = "short", .state = DISK_OURS, .key_offset = (1 << 20) - 100},
        {.name = "ours", .state = DISK_OURS, .key_offset = 8192},
        {.name = "partial", .state = DISK_PARTIAL, .key_offset = 512},
    };
    const struct disk *found = NULL;
    struct trust_key first = key, back;
    assert_non_null(mkdtemp(folder));
    put("other", 512);
    put("none", 0);
    put("short", 0);
    assert_int_equal(disk_key_find(folder, disks, ARRAY_SIZE(disks), &owner, &back, &found),
                     -ENOENT);
    put("ours", 8192);
    assert_int_equal(disk_key_find(folder, disks, ARRAY_SIZE(disks), &owner, &back, &found), 0);
    assert_string_equal(found->name, "ours");
    trust_key_generate(&key);
    assert_int_equal(disk_key_build(&key, &owner, block), 0);
    put("partial", 512);
    assert_int_equal(disk_key_find(folder, disks, ARRAY_SIZE(disks), &owner, &back, NULL), 0);
    assert_memory_equal(&back, &key, sizeof(key));
    assert_memory_not_equal(&back, &first, sizeof(key));
    assert_int_equal(tree_remove(folder, NULL), 0);
}

#define CASE(f) cmocka_unit_test_setup(f, setup)
UNIT_MAIN(CASE(test_round_trip), CASE(test_every_damaged_byte_is_seen),
          CASE(test_blocks_of_others_do_not_count),
          CASE(test_unfinished_installation_is_asked_first))
