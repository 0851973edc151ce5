/* SPDX-License-Identifier: Apache-2.0 */
/* Which disks are wiped how, and that a disk is only called wiped when it is: on a file. */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/disk-key.h"
#include "agent/signature.h"
#include "agent/wipe-device.h"
#include "agent/wipe-disk.h"
#include "agent/wipe.h"
#include "base/file.h"
#include "base/str.h"
#include "image/gpt-disk.h"

#define MIB ((uint64_t)1 << 20)
#define DISK_SIZE (160 * MIB + 8192)

/* ---- which way ---- */

static void assert_ways(enum protocol_wipe_method method, bool rotational,
                        struct wipe_ability ability, const char *expected)
{
    const struct disk disk = {.rotational = rotational};
    enum wipe_way ways[WIPE_WAYS_MAX];
    char text[128] = "";
    size_t n = wipe_ways(method, &disk, &ability, ways), used = 0;
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
                           wipe_way_text(ways[i]));
        assert_true(len > 0);
        used += (size_t)len;
    }
    assert_string_equal(text, expected);
}

static void test_ways(void **state)
{
    (void)state;
    const struct wipe_ability none = {0}, discard = {.discard = true},
                              nvme = {.nvme_format = true, .discard = true},
                              ata = {.ata_erase = true, .discard = true}, all = {true, true, true};
    assert_ways(PROTOCOL_WIPE_NONE, false, all, "");
    assert_ways(PROTOCOL_WIPE_ZERO, false, all, "writing zeros");
    assert_ways(PROTOCOL_WIPE_AUTO, false, none, "writing zeros");
    assert_ways(PROTOCOL_WIPE_AUTO, true, ata, "discard, writing zeros");
    assert_ways(PROTOCOL_WIPE_AUTO, false, discard, "secure discard, discard, writing zeros");
    assert_ways(PROTOCOL_WIPE_AUTO, false, nvme,
                "NVMe format, secure discard, discard, writing zeros");
    assert_ways(PROTOCOL_WIPE_DISCARD, false, all, "discard, writing zeros");
    assert_ways(PROTOCOL_WIPE_DISCARD, false, none, "writing zeros");
    assert_ways(PROTOCOL_WIPE_SECURE_ERASE, false, all,
                "NVMe format, ATA secure erase, secure discard, writing zeros");
    assert_ways(PROTOCOL_WIPE_SECURE_ERASE, true, ata, "ATA secure erase, writing zeros");
}

/* ---- which disks ---- */

static struct disk make_disk(const char *name, enum disk_state state)
{
    struct disk disk = {.size = 1 << 30, .sector_size = 512, .state = state, .type = "ssd"};
    (void)snprintf(disk.name, sizeof(disk.name), "%s", name);
    disk.key_offset = state == DISK_OURS ? 4096 : 0;
    return disk;
}

static void test_disks(void **state)
{
    (void)state;
    struct disk disks[] = {
        make_disk("sda", DISK_OURS),    make_disk("sdb", DISK_FOREIGN),
        make_disk("sdc", DISK_FOREIGN), make_disk("sdd", DISK_BLANK),
        make_disk("sde", DISK_FOREIGN), make_disk("sdf", DISK_UNREADABLE),
    };
    disks[1].usb = true;
    disks[2].removable = true;
    disks[4].read_only = true;
    size_t chosen[6];
    const char *reason = NULL;
    struct err err = ERR_INIT;
    struct protocol_wipe plan = {.generation = 1, .root = {.rotational = -1}};
    assert_int_equal(wipe_choose(&plan, disks, 6, chosen, &reason, &err), 3);
    /* the one with the key is the last, a disk that cannot be read is tried */
    assert_int_equal(chosen[2], 0);
    assert_true((chosen[0] == 3 && chosen[1] == 5) || (chosen[0] == 5 && chosen[1] == 3));
    assert_int_equal(wipe_choose(&plan, disks + 1, 2, chosen, &reason, &err), -ENODEV);
    assert_string_equal(reason, "NoDiskMatches");
    plan.root_only = true;
    assert_int_equal(wipe_choose(&plan, disks, 6, chosen, &reason, &err), 1);
    assert_int_equal(chosen[0], 0);
    disks[0].state = DISK_BLANK; /* wiped, but nobody heard of it */
    assert_int_equal(wipe_choose(&plan, disks, 6, chosen, &reason, &err), -ENOTUNIQ);
    assert_string_equal(reason, "SeveralDisksMatch");
    plan.root.path = (char[]){"/dev/sda"};
    (void)snprintf(disks[0].path, sizeof(disks[0].path), "/dev/sda");
    assert_int_equal(wipe_choose(&plan, disks, 6, chosen, &reason, &err), 1);
    assert_int_equal(chosen[0], 0);
}

/* ---- a disk ---- */

/* A device that does what it is told to do, pretends to, fails, or cannot. */
enum behaviour { CANNOT, DOES, LIES, FAILS };

struct fixture {
    struct disk disk;
    int fd;
    enum behaviour behaviour[WIPE_WAY_ZERO + 1];
    unsigned asked[WIPE_WAY_ZERO + 1];
    uint64_t blind; /* offset that no write reaches; 0: none */
    struct rng_seeded rng;
    char report[256];
};

static int zero_file(const struct fixture *f, uint64_t offset, uint64_t len)
{
    _autofree_ uint8_t *zeros = calloc(1, MIB);
    for (uint64_t at = offset; at < offset + len; at += MIB) {
        uint64_t n = offset + len - at < MIB ? offset + len - at : MIB;
        if (f->blind < at || f->blind >= at + n || !f->blind)
            assert_int_equal(fd_pwrite_full(f->fd, zeros, n, at), 0);
    }
    return 0;
}

static int erase(void *data, enum wipe_way way, uint64_t offset, uint64_t len)
{
    struct fixture *f = data;
    f->asked[way]++;
    switch (f->behaviour[way]) {
    case CANNOT:
        return -EOPNOTSUPP;
    case DOES:
        return zero_file(f, offset, len);
    case LIES:
        return 0;
    case FAILS:
        return -EIO;
    }
    return -EOPNOTSUPP;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[] = "/tmp/slipway-wipe-XXXXXX";
    _autofree_ uint8_t *mib = malloc(MIB);
    f->fd = mkstemp(path);
    (void)unlink(path);
    f->disk = make_disk("sda", DISK_OURS);
    f->disk.size = DISK_SIZE;
    rng_seeded_init(&f->rng, 5);
    rng_fill(&f->rng.rng, mib, MIB);
    for (uint64_t at = 0; at < DISK_SIZE; at += MIB) {
        uint64_t n = DISK_SIZE - at < MIB ? DISK_SIZE - at : MIB;
        if (fd_pwrite_full(f->fd, mib, n, at) < 0)
            return -1;
    }
    *state = f;
    return trust_init();
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)close(f->fd);
    free(f);
    return 0;
}

static int wipe_with(struct fixture *f, enum protocol_wipe_method method, struct wipe_ability able,
                     const uint8_t *head)
{
    enum wipe_way ways[WIPE_WAYS_MAX];
    size_t n = wipe_ways(method, &f->disk, &able, ways);
    const struct wipe_target target = {
        .fd = f->fd, .disk = &f->disk, .erase = erase, .data = f, .head = head, .rng = &f->rng.rng};
    return wipe_disk(&target, ways, n, method == PROTOCOL_WIPE_SECURE_ERASE, f->report,
                     sizeof(f->report));
}

static bool file_is_zero(const struct fixture *f)
{
    _autofree_ uint8_t *mib = malloc(MIB);
    for (uint64_t at = 0; at < DISK_SIZE; at += MIB) {
        ssize_t n = fd_pread_full(f->fd, mib, MIB, at);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++) {
            if (mib[i])
                return false;
        }
    }
    return true;
}

static void test_zeros_are_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_ZERO, (struct wipe_ability){0}, NULL), 0);
    assert_string_equal(f->report, "writing zeros, verified");
    assert_true(file_is_zero(f));
}

static void test_honest_discard(void **state)
{
    struct fixture *f = *state;
    f->behaviour[WIPE_WAY_DISCARD] = DOES;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_AUTO, (struct wipe_ability){.discard = true}, NULL),
                     0);
    assert_string_equal(f->report, "discard, verified");
    assert_int_equal(f->asked[WIPE_SECURE_DISCARD], 1); /* asked once, does not do that */
    assert_int_equal(f->asked[WIPE_WAY_ZERO], 0);
    assert_true(file_is_zero(f));
}

static void test_discard_that_lies(void **state)
{
    struct fixture *f = *state;
    f->behaviour[WIPE_WAY_DISCARD] = LIES;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_AUTO, (struct wipe_ability){.discard = true}, NULL),
                     0);
    assert_string_equal(f->report, "discard does not read back as zeros; writing zeros, verified");
    assert_true(file_is_zero(f));
}

static void test_secure_erase(void **state)
{
    struct fixture *f = *state;
    const struct wipe_ability able = {.nvme_format = true, .ata_erase = true};
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_SECURE_ERASE, able, NULL), -EOPNOTSUPP);
    assert_string_equal(f->report, "it offers no secure erase that works");
    assert_false(file_is_zero(f));
    f->behaviour[WIPE_NVME_FORMAT] = FAILS;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_SECURE_ERASE, able, NULL), -EOPNOTSUPP);
    /* what a cryptographic erase leaves is noise: that is made zero, too */
    f->behaviour[WIPE_NVME_FORMAT] = LIES;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_SECURE_ERASE, able, NULL), 0);
    assert_string_equal(f->report,
                        "NVMe format does not read back as zeros; writing zeros, verified");
    assert_true(file_is_zero(f));
}

static void test_disk_that_fails(void **state)
{
    struct fixture *f = *state;
    f->behaviour[WIPE_WAY_ZERO] = FAILS;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_AUTO, (struct wipe_ability){0}, NULL), -EIO);
    assert_non_null(strstr(f->report, "Input/output error"));
}

/* Writes that never arrive are seen at either end of the disk, and in between by the samples. */
static void test_nothing_is_called_wiped_that_is_not(void **state)
{
    struct fixture *f = *state;
    f->behaviour[WIPE_WAY_ZERO] = DOES;
    f->blind = 10 * MIB;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_ZERO, (struct wipe_ability){0}, NULL), -EBADMSG);
    assert_non_null(strstr(f->report, "does not read back as zeros"));
    uint8_t data[4096] = {1, 2, 3};
    assert_int_equal(fd_pwrite_full(f->fd, data, sizeof(data), DISK_SIZE - sizeof(data)), 0);
    f->blind = DISK_SIZE - 100;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_ZERO, (struct wipe_ability){0}, NULL), -EBADMSG);
}

/* Until all else is zero the machine can be known again; a power cut leaves what stage2 finds. */
static void test_key_goes_last(void **state)
{
    struct fixture *f = *state;
    uint8_t head[WIPE_HEAD_SIZE] = {0}, first[WIPE_HEAD_SIZE];
    const uint8_t none[32] = {0};
    struct trust_key key, found;
    trust_key_generate(&key);
    const struct disk_key_owner owner = {&key.public, ""};
    marker_build(none, head);
    assert_int_equal(disk_key_build(&key, &owner, head + DISK_KEY_MARKER_OFFSET), 0);
    f->behaviour[WIPE_WAY_ZERO] = FAILS;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_ZERO, (struct wipe_ability){0}, head), -EIO);
    assert_int_equal(fd_pread_full(f->fd, first, sizeof(first), 0), sizeof(first));
    assert_int_equal(disk_key_parse(first + DISK_KEY_MARKER_OFFSET, DISK_KEY_SIZE, &owner, &found),
                     0);
    f->behaviour[WIPE_WAY_ZERO] = CANNOT;
    assert_int_equal(wipe_with(f, PROTOCOL_WIPE_ZERO, (struct wipe_ability){0}, head), 0);
    assert_true(file_is_zero(f));
}

/* ---- the identity alone ---- */

static void test_identity_alone(void **state)
{
    struct fixture *f = *state;
    const struct gpt_guid guid = {{1}}, part = {{2}}, root = {{3}};
    struct gpt gpt;
    uint8_t before[4096], after[4096], seed[4096];
    assert_int_equal(gpt_init(&gpt, 512, DISK_SIZE / 512, guid), 0);
    assert_int_equal(gpt_set(&gpt, 3, 2048, 16384, GPT_TYPE_LINUX, part, "CIDATA"), 0);
    assert_int_equal(gpt_set(&gpt, 4, 20480, 40960, GPT_TYPE_LINUX, root, "root"), 0);
    assert_int_equal(gpt_disk_write(f->fd, &gpt, NULL), 0);
    assert_int_equal(fd_pread_full(f->fd, before, sizeof(before), 20480 * 512), sizeof(before));
    assert_int_equal(wipe_identity(f->fd, &f->disk, NULL), 0);
    assert_int_equal(fd_pread_full(f->fd, after, sizeof(after), 20480 * 512), sizeof(after));
    assert_memory_equal(before, after, sizeof(after));
    for (uint64_t at = 2048; at < 2048 + 16384; at += 2048) {
        assert_int_equal(fd_pread_full(f->fd, seed, sizeof(seed), at * 512), sizeof(seed));
        for (size_t i = 0; i < sizeof(seed); i++)
            assert_int_equal(seed[i], 0);
    }
    assert_int_equal(gpt_disk_read(f->fd, DISK_SIZE, 512, &gpt, NULL, NULL), 0);
    /* an installation that did not end keeps its key at the start */
    f->disk.state = DISK_PARTIAL;
    f->disk.key_offset = DISK_KEY_MARKER_OFFSET;
    assert_int_equal(wipe_identity(f->fd, &f->disk, NULL), 0);
    assert_int_equal(fd_pread_full(f->fd, after, sizeof(after), 0), sizeof(after));
    for (size_t i = 0; i < sizeof(after); i++)
        assert_int_equal(after[i], 0);
}

/* ---- what devices say of themselves ---- */

static void test_nvme_format(void **state)
{
    (void)state;
    static uint8_t controller[4096], namespace[4096];
    uint32_t dword = 0;
    assert_false(wipe_nvme_format(controller, namespace, false, &dword));
    controller[256] = 2;
    namespace[26] = 0x13; /* format 3, metadata at the data's end */
    namespace[29] = 0x0a; /* protection type 2, in the first bytes */
    assert_true(wipe_nvme_format(controller, namespace, false, &dword));
    assert_int_equal(dword, 3 | 1 << 4 | 2 << 5 | 1 << 8 | 1 << 9);
    controller[524] = 2; /* an erase is for all namespaces */
    assert_true(wipe_nvme_format(controller, namespace, false, &dword));
    assert_false(wipe_nvme_format(controller, namespace, true, &dword));
}

static void put_word(uint8_t *identify, size_t index, unsigned value)
{
    identify[index * 2] = (uint8_t)value;
    identify[index * 2 + 1] = (uint8_t)(value >> 8);
}

static void test_ata_security(void **state)
{
    (void)state;
    uint8_t identify[512] = {0}, command[16], sector[512];
    struct wipe_device device = {0};
    assert_false(wipe_ata_ability(identify, &device));
    put_word(identify, 128, 0x21); /* supported, enhanced */
    put_word(identify, 89, 200);
    put_word(identify, 90, 0x8000 | 30);
    assert_true(wipe_ata_ability(identify, &device));
    assert_true(device.ata_enhanced);
    assert_false(device.ata_locked);
    assert_int_equal(device.ata_minutes, 60);
    put_word(identify, 128, 0x29); /* frozen */
    assert_false(wipe_ata_ability(identify, &device));
    put_word(identify, 128, 0x07); /* locked, by an erase that was interrupted */
    assert_true(wipe_ata_ability(identify, &device));
    assert_true(device.ata_locked);
    assert_int_equal(device.ata_minutes, 400);
    put_word(identify, 89, 255); /* more than can be said */
    assert_true(wipe_ata_ability(identify, &device));
    assert_int_equal(device.ata_minutes, 1440);
    wipe_ata_command(0xf3, false, command);
    assert_memory_equal(command, "\x85\x06\x20\0\0\0\0\0\0\0\0\0\0\0\xf3\0", 16);
    wipe_ata_command(0xf4, true, command);
    assert_memory_equal(command, "\x85\x0a\x06\0\0\0\x01\0\0\0\0\0\0\0\xf4\0", 16);
    wipe_ata_sector(true, sector);
    assert_memory_equal(sector, "\x02\0slipway-release\0", 18);
}

UNIT_MAIN(cmocka_unit_test(test_ways), cmocka_unit_test(test_disks),
          cmocka_unit_test_setup_teardown(test_zeros_are_written, setup, teardown),
          cmocka_unit_test_setup_teardown(test_honest_discard, setup, teardown),
          cmocka_unit_test_setup_teardown(test_discard_that_lies, setup, teardown),
          cmocka_unit_test_setup_teardown(test_secure_erase, setup, teardown),
          cmocka_unit_test_setup_teardown(test_disk_that_fails, setup, teardown),
          cmocka_unit_test_setup_teardown(test_nothing_is_called_wiped_that_is_not, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(test_key_goes_last, setup, teardown),
          cmocka_unit_test_setup_teardown(test_identity_alone, setup, teardown),
          cmocka_unit_test(test_nvme_format), cmocka_unit_test(test_ata_security))
