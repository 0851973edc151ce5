/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of building and importing, and the parts of a disk outside its root file system.
 */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/build-sources.h"
#include "image/build.h"
#include "image/gpt-disk.h"
#include "image/import.h"

static void test_sources_from_uris(void **state)
{
    (void)state;
    static const char text[] =
        "'http://archive.test/debian/dists/bookworm/InRelease' a_InRelease 0 \n"
        "'http://archive.test/debian/dists/bookworm-updates/InRelease' b_InRelease 0 \n"
        "'http://archive.test/security/dists/bookworm-security/InRelease' c_InRelease 0 \n"
        "'http://archive.test/debian/dists/bookworm-backports/InRelease' d_InRelease 0 \n"
        "'http://archive.test/debian/dists/trixie/InRelease' e_InRelease 0 \n"
        "'http://archive.test/other dists/bookworm/InRelease\n"
        "'http://archive.test/debian/dists/bookworm/main/binary-amd64/Packages.xz' f 0 \n"
        "'http://archive.test/debian/dists/bookworm/InRelease' a_InRelease 0 \n"
        "'http://archive.test/dists//InRelease' a_InRelease 0 \n'\n";
    static const char *const components[] = {"main", "contrib", NULL};
    struct image_sources sources = {0};
    assert_int_equal(image_sources_from_uris(text, "bookworm", components, &sources), 0);
    assert_string_equal(sources.lines[0], "deb http://archive.test/debian bookworm main contrib");
    assert_string_equal(sources.lines[1],
                        "deb http://archive.test/debian bookworm-updates main contrib");
    assert_string_equal(sources.lines[2],
                        "deb http://archive.test/security bookworm-security main contrib");
    assert_null(sources.lines[3]);
    image_sources_free(&sources);
    sources = (struct image_sources){0};
    assert_int_equal(image_sources_from_uris(text, "trixie", NULL, &sources), 0);
    assert_string_equal(sources.lines[0], "deb http://archive.test/debian trixie main");
    assert_null(sources.lines[1]);
    image_sources_free(&sources);
}

static void test_sources_are_bounded(void **state)
{
    (void)state;
    _autobuf_ struct buf text = BUF_INIT;
    for (int i = 0; i <= IMAGE_SOURCES_MAX; i++)
        buf_printf(&text, "'http://archive%d.test/dists/sid/InRelease' x 0\n", i);
    struct image_sources sources = {0};
    assert_int_equal(image_sources_from_uris(buf_str(&text), "sid", NULL, &sources), -E2BIG);
    image_sources_free(&sources);
}

static void test_proxies_from_config(void **state)
{
    (void)state;
    static const char text[] = "Acquire \"\";\n"
                               "Acquire::http \"\";\n"
                               "Acquire::http::Proxy \"http://proxy.test:3142\";\n"
                               "Acquire::https::Proxy::local.test \"DIRECT\";\n"
                               "Acquire::ftp::Proxy \"\";\n"
                               "Acquire::Check-Date \"false\";\n";
    struct image_sources sources = {0};
    assert_int_equal(image_sources_from_config(text, &sources), 0);
    assert_string_equal(sources.apt_options[0], "Acquire::http::Proxy \"http://proxy.test:3142\";");
    assert_string_equal(sources.apt_options[1], "Acquire::https::Proxy::local.test \"DIRECT\";");
    assert_null(sources.apt_options[2]);
    image_sources_free(&sources);
}

static void test_boot_from_grub(void **state)
{
    (void)state;
    static const char text[] =
        "# comment\nset timeout=0\nmenuentry 'Debian' --class debian {\n"
        "\tinsmod ext2\n"
        "\tlinux\t/boot/vmlinuz-6.1.0-1 root=PARTUUID=aa-bb ro  console=tty0 $vt_handoff \"a b\"\n"
        "\tinitrd\t/boot/initrd.img-6.1.0-1\n}\n"
        "menuentry 'other' {\n linux /boot/vmlinuz-5 root=/dev/sda1\n}\n";
    struct image_boot boot;
    assert_int_equal(image_boot_from_grub(text, &boot), 0);
    assert_string_equal(boot.kernel, "/boot/vmlinuz-6.1.0-1");
    assert_string_equal(boot.initrd, "/boot/initrd.img-6.1.0-1");
    assert_string_equal(boot.cmdline, "root=PARTUUID=aa-bb ro console=tty0 a b");
}

static void test_boot_from_grub_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "menuentry x {\n}\n",
        "linux\n",
        "linux /vmlinuz ro\n",
        "linux vmlinuz root=/dev/sda\n",
        "linux ${kernel} root=/dev/sda\n",
        "linux \"/vmlinuz root=/dev/sda\n",
    };
    struct image_boot boot;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(image_boot_from_grub(texts[i], &boot), -ENOENT);
    /* The initrd of another entry is not this one's. */
    assert_int_equal(image_boot_from_grub("linux /v root=/dev/sda\n}\ninitrd /other\n", &boot), 0);
    assert_string_equal(boot.initrd, "");
    _autofree_ char *word = str_format("linux /%04992d", 0);
    assert_int_equal(image_boot_from_grub(word, &boot), -ENOENT);
}

static void test_ids_follow_their_inputs(void **state)
{
    (void)state;
    struct image_ids a, b, c;
    image_ids_derive("debian-12", 1700000000, &a);
    image_ids_derive("debian-12", 1700000000, &b);
    image_ids_derive("debian-12", 1700000001, &c);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_false(gpt_guid_eq(a.disk, c.disk));
    assert_false(gpt_guid_eq(a.root_fs, c.root_fs));
    assert_false(gpt_guid_eq(a.partitions[0], a.partitions[1]));
}

struct work {
    char folder[32];
};

static void work_remove(struct work *work)
{
    assert_int_equal(tree_remove(work->folder, NULL), 0);
}

static void run(struct buf *out, const char *const argv[])
{
    struct err err = ERR_INIT;
    struct proc_options options = {.output = out};
    buf_reset(out);
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void test_disk_around_the_root(void **state)
{
    (void)state;
    const uint64_t size = (uint64_t)128 << 20;
    _cleanup_(work_remove) struct work work = {.folder = "/tmp/test-build-XXXXXX"};
    assert_non_null(mkdtemp(work.folder));
    _autofree_ char *path = str_format("%s/disk", work.folder);
    _autofree_ char *esp = str_format("%s@@2M", path);
    _autofree_ char *seed = str_format("%s@@56M", path);
    _autofd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct image_ids ids;
    struct err err = ERR_INIT;
    struct gpt gpt;
    image_ids_derive("x", 1700000000, &ids);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    if (image_disk_finish(fd, size, &ids, 1700000000, work.folder, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(gpt_disk_read(fd, size, 512, &gpt, NULL, NULL), 0);
    assert_int_equal(gpt_find_name(&gpt, "CIDATA"), IMAGE_PARTITION_SEED);
    assert_int_equal(gpt_find_last(&gpt), IMAGE_PARTITION_ROOT);
    assert_int_equal(gpt_partition_offset(&gpt, IMAGE_PARTITION_ROOT), IMAGE_ROOT_OFFSET);
    _autobuf_ struct buf out = BUF_INIT;
    const char *const verify[] = {"sfdisk", "--verify", path, NULL};
    const char *const list[] = {"mdir", "-b", "-/", "-i", esp, "::/", NULL};
    const char *const label[] = {"mlabel", "-s", "-i", seed, "::", NULL};
    run(&out, verify);
    run(&out, list);
    assert_non_null(strstr(buf_str(&out), "::/EFI/BOOT/BOOTX64.EFI"));
    run(&out, label);
    assert_non_null(strstr(buf_str(&out), "CIDATA"));
    uint8_t boot[512], core[512];
    assert_int_equal(fd_pread_full(fd, boot, sizeof(boot), 0), sizeof(boot));
    assert_int_equal(fd_pread_full(fd, core, sizeof(core), 1 << 20), sizeof(core));
    assert_int_equal(boot[0], 0xeb); /* a jump, then where the core image starts */
    assert_int_equal(boot[0x5c] | boot[0x5d] << 8, 2048);
    assert_int_equal(core[0x1f4] | core[0x1f5] << 8, 2049);
}

UNIT_MAIN(cmocka_unit_test(test_sources_from_uris), cmocka_unit_test(test_sources_are_bounded),
          cmocka_unit_test(test_proxies_from_config), cmocka_unit_test(test_boot_from_grub),
          cmocka_unit_test(test_boot_from_grub_refuses),
          cmocka_unit_test(test_ids_follow_their_inputs),
          cmocka_unit_test(test_disk_around_the_root))
