/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/build-kubernetes.h"

#define KEY                                                                                        \
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBGMHg\n=vVmg\n-----END PGP PUBLIC KEY "           \
    "BLOCK-----\n"

static void test_sources(void **state)
{
    (void)state;
    _autobuf_ struct buf text = BUF_INIT;
    assert_int_equal(image_kubernetes_sources("deb https://pkgs.test/deb/ /", KEY, &text, NULL), 0);
    assert_string_equal(buf_str(&text), "Types: deb\nURIs: https://pkgs.test/deb/\nSuites: /\n"
                                        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n"
                                        " mQENBGMHg\n =vVmg\n"
                                        " -----END PGP PUBLIC KEY BLOCK-----\n");
    buf_reset(&text);
    assert_int_equal(image_kubernetes_sources("deb  [ arch=amd64 ]\thttp://a b main more",
                                              "Comment\r\n" KEY, &text, NULL),
                     0);
    assert_non_null(str_after(buf_str(&text), "Types: deb\nArchitectures: amd64\nURIs: http://a\n"
                                              "Suites: b\nComponents: main more\nSigned-By:\n -"));
}

static void refuse_sources(const char *line, const char *key, const char *why)
{
    _autobuf_ struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(image_kubernetes_sources(line, key, &text, &err), -EINVAL);
    if (!strstr(err_text(&err), why))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&err), why);
}

static void test_sources_refuses(void **state)
{
    (void)state;
    _autofree_ char *endless = str_format("deb http://%0600d /", 0);
    refuse_sources("", KEY, "repository");
    refuse_sources("deb", KEY, "repository");
    refuse_sources("deb-src http://a /", KEY, "repository");
    refuse_sources("deb http://a", KEY, "repository");
    refuse_sources(endless, KEY, "repository");
    refuse_sources("deb [arch=amd64 http://a /", KEY, "a ] is missing");
    refuse_sources("deb [trusted=yes] http://a /", KEY, "[trusted=yes]");
    refuse_sources("deb [signed-by=/key] http://a /", KEY, "kubernetes.key");
    refuse_sources("deb http://a /", "\x99\x01\x0d", "ASCII");
}

/* A folder to work in, and what is opened from it. */
struct fixture {
    char folder[32];
    struct image_kubernetes_files files;
    struct err err;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.folder = "/tmp/test-kube-XXXXXX", .files = IMAGE_KUBERNETES_FILES_INIT};
    assert_non_null(mkdtemp(f->folder));
}

static void teardown(struct fixture *f)
{
    image_kubernetes_close(&f->files);
    assert_int_equal(tree_remove(f->folder, NULL), 0);
}

/* A path in the folder; valid until the next call. */
static const char *path_in(const struct fixture *f, const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    return path;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    _autofree_ char *path = strdup(path_in(f, name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(dir_make(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0755, NULL), 0);
}

static void assert_content(int fd, const char *expected)
{
    char text[64] = "";
    assert_true(fd >= 100);
    assert_true(fd_pread_full(fd, text, sizeof(text) - 1, 0) >= 0);
    assert_string_equal(text, expected);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static void put_programs(const struct fixture *f, const char *folder)
{
    static const char *const names[] = {"kubeadm", "kubelet", "kubectl"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _autofree_ char *path = str_format("%s/%s", folder, names[i]);
        put(f, path, names[i]);
    }
}

static int open_all(struct fixture *f, const struct image_kubernetes *k)
{
    _autofree_ char *work = strdup(path_in(f, "work"));
    assert_int_equal(dir_make(work, 0755, NULL), 0);
    return image_kubernetes_open(k, work, &f->files, &f->err);
}

static bool has_package(const struct fixture *f, const char *name)
{
    size_t i = 0;
    while (f->files.packages[i] && !str_eq(f->files.packages[i], name))
        i++;
    return f->files.packages[i];
}

static void test_binaries_and_images(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture f;
    setup(&f);
    put_programs(&f, "bin");
    put(&f, "images/b.tar", "b");
    put(&f, "images/a.tar.zst", "a");
    put(&f, "images/README", "no");
    put(&f, "images/.hidden.tar", "no");
    put(&f, "single", "single");
    _autofree_ char *bin = strdup(path_in(&f, "bin"));
    _autofree_ char *single = strdup(path_in(&f, "single"));
    _autofree_ char *images = strdup(path_in(&f, "images"));
    const char *const list[] = {single, images, NULL};
    struct image_kubernetes k = {.version = "v1.20.2", .binaries = bin, .images = list};
    if (open_all(&f, &k) < 0)
        fail_msg("%s", err_text(&f.err));
    assert_content(f.files.binaries[0], "kubeadm");
    assert_content(f.files.binaries[1], "kubelet");
    assert_content(f.files.binaries[2], "kubectl");
    assert_int_equal(f.files.image_count, 3);
    assert_content(f.files.images[0], "single");
    assert_content(f.files.images[1], "a");
    assert_content(f.files.images[2], "b");
    assert_null(f.files.sources);
    assert_true(has_package(&f, "containerd"));
    assert_true(has_package(&f, "containernetworking-plugins"));
    assert_false(has_package(&f, "kubelet=1.20.2-*"));
}

static void test_repository(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture f;
    setup(&f);
    put(&f, "key.asc", KEY);
    _autofree_ char *key = strdup(path_in(&f, "key.asc"));
    struct image_kubernetes k = {.version = "v1.31.0-rc.1",
                                 .repository = "deb http://a /",
                                 .key = key,
                                 .cni_plugins = "/plugins"};
    assert_int_equal(open_all(&f, &k), 0);
    assert_int_equal(f.files.binaries[0], -1);
    assert_true(has_package(&f, "kubelet=1.31.0~rc.1-*"));
    assert_true(has_package(&f, "kubeadm=1.31.0~rc.1-*"));
    assert_true(has_package(&f, "kubectl=1.31.0~rc.1-*"));
    assert_false(has_package(&f, "containernetworking-plugins"));
    _autofree_ char *text = NULL;
    assert_int_equal(file_read(f.files.sources, 4096, &text, NULL, NULL), 0);
    assert_non_null(strstr(text, "URIs: http://a\nSuites: /\nSigned-By:\n"));
}

/* A tarball as releases have it: FOLDER/kubernetes-PART-linux-amd64.tar.gz. */
static void put_release(const struct fixture *f, const char *part)
{
    _autofree_ char *bin = str_format("tree/kubernetes/%s/bin", part);
    _autofree_ char *image = str_format("%s/kube-proxy.tar", bin);
    _autofree_ char *server = str_format("%s/kube-apiserver", bin);
    _autofree_ char *name = str_format("kubernetes-%s-linux-amd64.tar.gz", part);
    _autofree_ char *tarball = strdup(path_in(f, name));
    _autofree_ char *tree = strdup(path_in(f, "tree"));
    put_programs(f, bin);
    put(f, image, part);
    put(f, server, "large");
    const char *const argv[] = {"tar", "-c", "-z", "-f", tarball, "-C", tree, "kubernetes", NULL};
    assert_int_equal(proc_run(argv, NULL, NULL, NULL), 0);
    assert_int_equal(tree_remove(tree, NULL), 0);
}

static void test_release(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture f;
    setup(&f);
    put_release(&f, "node");
    put_release(&f, "server");
    _autofree_ char *folder = strdup(f.folder);
    struct image_kubernetes k = {.version = "v1.20.2", .release = folder};
    if (open_all(&f, &k) < 0)
        fail_msg("%s", err_text(&f.err));
    assert_content(f.files.binaries[1], "kubelet");
    assert_int_equal(f.files.image_count, 1);
    assert_content(f.files.images[0], "server");
    assert_int_equal(access(path_in(&f, "work/release/kube-apiserver"), F_OK), -1);
    /* A file is taken as it is. */
    image_kubernetes_close(&f.files);
    _autofree_ char *file = strdup(path_in(&f, "kubernetes-node-linux-amd64.tar.gz"));
    k.release = file;
    assert_int_equal(open_all(&f, &k), 0);
    assert_content(f.files.images[0], "node");
}

static void refuse(struct fixture *f, const struct image_kubernetes *k, int code, const char *why)
{
    f->err = ERR_INIT;
    assert_int_equal(open_all(f, k), code);
    if (!strstr(err_text(&f->err), why))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&f->err), why);
    image_kubernetes_close(&f->files);
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture f;
    setup(&f);
    put_programs(&f, "bin");
    put(&f, "empty/README", "");
    put(&f, "few/kubeadm", "");
    put(&f, "not.tar.gz", "not a tarball");
    put(&f, "key", "not a key");
    _autofree_ char *bin = strdup(path_in(&f, "bin"));
    _autofree_ char *empty = strdup(path_in(&f, "empty"));
    _autofree_ char *few = strdup(path_in(&f, "few"));
    _autofree_ char *tarball = strdup(path_in(&f, "not.tar.gz"));
    _autofree_ char *key = strdup(path_in(&f, "key"));
    const char *const none[] = {bin, NULL}, *const second[] = {key, "/nowhere.tar", NULL};
    struct image_kubernetes k = {.version = "v1.20.2", .binaries = few};
    refuse(&f, &k, -ENOENT, "kubernetes.binaries: cannot open ");
    k = (struct image_kubernetes){.version = "v1.20.2", .release = empty};
    refuse(&f, &k, -ENOENT, "kubernetes-server-linux-amd64.tar.gz");
    k.release = tarball;
    refuse(&f, &k, -EIO, "kubernetes.release: ");
    k = (struct image_kubernetes){.version = "v1.20.2", .repository = "deb a /", .key = key};
    refuse(&f, &k, -EINVAL, "kubernetes.key: ");
    k = (struct image_kubernetes){.version = "v1.20.2", .binaries = bin, .images = none};
    refuse(&f, &k, -ENOENT, "kubernetes.images[0]: ");
    k.images = second;
    refuse(&f, &k, -ENOENT, "kubernetes.images[1]: cannot open /nowhere.tar");
}

UNIT_MAIN(cmocka_unit_test(test_sources), cmocka_unit_test(test_sources_refuses),
          cmocka_unit_test(test_binaries_and_images), cmocka_unit_test(test_repository),
          cmocka_unit_test(test_release), cmocka_unit_test(test_what_is_missing_is_named))
