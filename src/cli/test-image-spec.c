/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/image-spec.h"

struct reading {
    char path[32];
    struct arena *arena;
    struct image_description d;
    struct problems problems;
    struct buf text; /* of the problems */
    int result;
};

static void reading_free(struct reading *r)
{
    (void)unlink(r->path);
    arena_free(r->arena);
    problems_free(&r->problems);
    buf_free(&r->text);
}

static void read_text(struct reading *r, const char *text)
{
    *r = (struct reading){.path = "/tmp/test-spec-XXXXXX", .arena = arena_new()};
    int fd = mkstemp(r->path);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
    (void)close(fd);
    r->result = image_description_read(r->path, r->arena, &r->d, &r->problems, NULL);
    problems_write(&r->problems, &r->text);
}

static void test_defaults(void **state)
{
    (void)state;
    _cleanup_(reading_free) struct reading r;
    read_text(&r, "name: debian-12\n");
    assert_int_equal(r.result, 0);
    assert_string_equal(r.d.suite, "bookworm");
    assert_string_equal(r.d.architecture, "amd64");
    assert_string_equal(r.d.kernel, "linux-image-cloud-amd64");
    assert_string_equal(r.d.kernel_arguments, "console=tty0 console=ttyS0");
    assert_false(r.d.slipway_node);
    assert_int_equal(r.d.size, 0);
}

static void test_everything(void **state)
{
    (void)state;
    _cleanup_(reading_free) struct reading r;
    read_text(&r,
              "name: x\nsize: 4Gi\nslipwayNode: true\npackages: [a, 'b=1.2-3']\n"
              "files:\n- {path: /etc/x, content: hello, mode: '0600'}\n"
              "- {path: /etc/y, source: ./other}\ncommands:\n- echo 1\n- |\n  echo 2\n  echo 3\n");
    assert_int_equal(r.result, 0);
    assert_int_equal(r.d.size, (uint64_t)4 << 30);
    assert_true(r.d.slipway_node);
    assert_int_equal(r.d.n_packages, 2);
    assert_string_equal(r.d.packages[1], "b=1.2-3");
    assert_int_equal(r.d.n_files, 2);
    assert_string_equal(r.d.files[0].mode, "0600");
    assert_string_equal(r.d.files[1].mode, "0644");
    assert_string_equal(r.d.commands[1], "echo 2\necho 3\n");
}

static void test_kubernetes(void **state)
{
    (void)state;
    _cleanup_(reading_free) struct reading r;
    read_text(&r,
              "name: x\nkubernetes:\n  version: v1.20.2\n  binaries: a\n  images: [b.tar, c]\n");
    assert_int_equal(r.result, 0);
    assert_string_equal(r.d.kubernetes.version, "v1.20.2");
    assert_string_equal(r.d.kubernetes.binaries, "a");
    assert_null(r.d.kubernetes.release);
    assert_int_equal(r.d.kubernetes.n_images, 2);
    assert_string_equal(r.d.kubernetes.images[1], "c");
    assert_int_equal(r.d.kubernetes.runtime, IMAGE_RUNTIME_CONTAINERD);
    assert_string_equal(r.d.kubernetes.cni_plugins, "package");
}

static void test_no_kubernetes(void **state)
{
    (void)state;
    _cleanup_(reading_free) struct reading r;
    read_text(&r, "name: x\n");
    assert_int_equal(r.result, 0);
    assert_null(r.d.kubernetes.version);
}

static void refuse(const char *text, const char *expected)
{
    _cleanup_(reading_free) struct reading r;
    read_text(&r, text);
    assert_int_equal(r.result, -EINVAL);
    if (!strstr(buf_str(&r.text), expected))
        fail_msg("\"%s\" does not hold \"%s\"", buf_str(&r.text), expected);
}

static void test_refuses_kubernetes(void **state)
{
    (void)state;
    static const char start[] = "name: x\nkubernetes:\n  version: v1.20.2\n";
    static const struct {
        const char *rest;
        const char *expected;
    } cases[] = {
        {"", ":2: kubernetes: one of binaries"},
        {"  binaries: a\n  release: b\n", ":2: kubernetes: only one of"},
        {"  binaries: a\n  repository: deb http://a /\n  key: k\n", ":2: kubernetes: only one of"},
        {"  release: b\n  repository: deb http://a /\n  key: k\n", ":2: kubernetes: only one of"},
        {"  repository: deb http://a /\n", ":4: kubernetes.key: needed"},
        {"  binaries: a\n  key: k\n", ":5: kubernetes.key: means nothing"},
        {"  repository: http://a /\n  key: k\n", ":4: kubernetes.repository: a line"},
        {"  binary: a\n", ":4: kubernetes.binary: unknown field"},
        {"  binaries: a\n  images: b.tar\n", ":5: kubernetes.images: "},
        {"  binaries: a\n  images: [b.tar, b.tar]\n", "kubernetes.images[1]: "},
        {"  binaries: a\n  images:\n  - b.tar\n  - 5\n", ":7: kubernetes.images[1]: "},
        {"  binaries: a\n  runtime: docker\n", ":5: kubernetes.runtime: "},
        {"  binaries: ''\n", ":4: kubernetes.binaries: "},
        {"  binaries: a\n  cniPlugins: ''\n", ":5: kubernetes.cniPlugins: "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *text = str_format("%s%s", start, cases[i].rest);
        refuse(text, cases[i].expected);
    }
    refuse("name: x\nkubernetes:\n  binaries: a\n", "kubernetes.version: ");
    refuse("name: x\nkubernetes: {}\n", "kubernetes.version: ");
    refuse("name: x\nkubernetes: v1.20.2\n", ":2: kubernetes: ");
    refuse("name: x\nkubernetes: {version: '1.20', binaries: a}\n", ":2: kubernetes.version: ");
}

static void test_refuses(void **state)
{
    (void)state;
    refuse("suite: bookworm\n", "name: ");
    refuse("name: x\nsute: y\n", ":2: sute: unknown field");
    refuse("name: X\n", ":1: name: ");
    refuse("name: x\npackages: [a, --b]\n", ":2: packages[1]: ");
    refuse("name: x\npackages: ['a b']\n", "packages[0]: ");
    refuse("name: x\npackages: a\n", ":2: packages: ");
    refuse("name: x\nkernelArguments: a$(reboot)\n", "kernelArguments: ");
    refuse("name: x\nkernelArguments: \"a\\nmenuentry\"\n", "kernelArguments: ");
    refuse("name: x\nhostname: 'a b'\n", "hostname: ");
    refuse("name: x\nsize: many\n", "size: ");
    refuse("name: x\narchitecture: arm64\n", "architecture: \"arm64\" cannot be built");
    refuse("name: x\nfiles: [{path: etc/x, content: y}]\n", "files[0].path: ");
    refuse("name: x\nfiles: [{path: /etc/../x, content: y}]\n", "files[0].path: ");
    refuse("name: x\nfiles: [{path: /x}]\n", "files[0]: either");
    refuse("name: x\nfiles: [{path: /x, content: a, source: b}]\n", "files[0]: either");
    refuse("name: x\nfiles: [{path: /x, content: a, mode: '999'}]\n", "files[0].mode: ");
    refuse("- name: x\n", "a mapping");
    refuse("name: x\n---\nname: y\n", "one document");
    refuse("", "one document");
    refuse("name: [x\n", ":");
}

UNIT_MAIN(cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),
          cmocka_unit_test(test_refuses), cmocka_unit_test(test_kubernetes),
          cmocka_unit_test(test_no_kubernetes), cmocka_unit_test(test_refuses_kubernetes))
