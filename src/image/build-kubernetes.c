/* SPDX-License-Identifier: Apache-2.0 */
#include "image/build-kubernetes.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/build-fd.h"

enum { KEY_MAX = 1 << 20, IMAGES_MAX = 256, WORD_MAX = 512 };

#define KEY_HEAD "-----BEGIN PGP PUBLIC KEY BLOCK-----"

static const char *const binary_names[IMAGE_KUBERNETES_BINARIES] = {"kubeadm", "kubelet",
                                                                    "kubectl"};

void image_kubernetes_close(struct image_kubernetes_files *files)
{
    for (size_t i = 0; i < IMAGE_KUBERNETES_BINARIES; i++)
        cleanup_fd(&files->binaries[i]);
    for (size_t i = 0; i < files->image_count; i++)
        cleanup_fd(&files->images[i]);
    for (size_t i = 0; i < IMAGE_KUBERNETES_PACKAGES; i++)
        free(files->packages[i]);
    free(files->images);
    free(files->sources);
    *files = IMAGE_KUBERNETES_FILES_INIT;
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory");
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- packages ---- */

static int add_package(struct image_kubernetes_files *files, char *package, struct err *err)
{
    if (!package)
        return no_memory(err);
    size_t i = 0;
    while (files->packages[i])
        i++;
    files->packages[i] = package;
    return 0;
}

/* The version of pkgs.k8s.io's packages: 1.20.2-1.1 of v1.20.2, 1.31.0~rc.1-1.1 of v1.31.0-rc.1. */
static char *package_of(const char *name, const char *version)
{
    char *text = str_format("%s=%s-*", name, version + 1);
    char *dash = text ? strchr(text + strlen(name), '-') : NULL;
    if (dash && dash[1] != '*')
        *dash = '~';
    return text;
}

/* What kubelet, kubeadm's checks and the built-in network call, beyond what Debian always has. */
static int add_packages(const struct image_kubernetes *k, struct image_kubernetes_files *files,
                        struct err *err)
{
    static const char *const names[] = {"containerd", "iptables", "conntrack", "socat",
                                        "ethtool",    "ebtables", "iproute2",  "ca-certificates"};
    int r = 0;
    static const char *const of_podnet[] = {"libcurl3-gnutls", "libjansson4", "libsodium23",
                                            "libuv1",          "libyaml-0-2", "nftables"};
    for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
        r = add_package(files, strdup(names[i]), err);
    for (size_t i = 0; i < ARRAY_SIZE(of_podnet) && k->podnet && r >= 0; i++)
        r = add_package(files, strdup(of_podnet[i]), err);
    if (r >= 0 && !k->cni_plugins)
        r = add_package(files, strdup("containernetworking-plugins"), err);
    for (size_t i = 0; i < IMAGE_KUBERNETES_BINARIES && k->repository && r >= 0; i++)
        r = add_package(files, package_of(binary_names[i], k->version), err);
    return r;
}

/* ---- repository ---- */

/* The next word of *at, of at most WORD_MAX - 1 bytes; false when there is none. */
static bool next_word(const char **at, char word[static WORD_MAX])
{
    *at += strspn(*at, " \t");
    size_t n = strcspn(*at, " \t");
    if (n == 0 || n >= WORD_MAX)
        return false;
    memcpy(word, *at, n);
    word[n] = '\0';
    *at += n;
    return true;
}

/* "[arch=amd64]" behind deb. */
static int print_options(const char **at, struct buf *ret, struct err *err)
{
    char word[WORD_MAX];
    *at += strspn(*at, " \t");
    if (**at != '[')
        return 0;
    const char *end = strchr(*at, ']');
    _autofree_ char *options = end ? str_format("%.*s", (int)(end - *at - 1), *at + 1) : NULL;
    if (!end)
        return err_set(err, -EINVAL, "kubernetes.repository: a ] is missing");
    if (!options)
        return no_memory(err);
    *at = end + 1;
    for (const char *p = options; next_word(&p, word);) {
        const char *value = str_after(word, "arch=");
        if (!value)
            return err_set(err, -EINVAL,
                           "kubernetes.repository: [%s]: only arch= may stand there; the key is "
                           "given as kubernetes.key",
                           word);
        buf_printf(ret, "Architectures: %s\n", value);
    }
    return 0;
}

/* Each line with a space before it; an empty one is a dot. */
static void print_key(const char *key, struct buf *ret)
{
    buf_adds(ret, "Signed-By:\n");
    for (const char *line = key; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t n = strcspn(line, "\r\n");
        buf_printf(ret, " %.*s\n", n ? (int)n : 1, n ? line : ".");
    }
}

int image_kubernetes_sources(const char *line, const char *key, struct buf *ret, struct err *err)
{
    char word[WORD_MAX], uri[WORD_MAX], suite[WORD_MAX];
    const char *at = line;
    if (!next_word(&at, word) || !str_eq(word, "deb"))
        return err_set(err, -EINVAL, "kubernetes.repository: a line \"deb URL SUITE\" is needed");
    if (!strstr(key, KEY_HEAD))
        return err_set(err, -EINVAL, "kubernetes.key: not a key in ASCII (%s)", KEY_HEAD);
    buf_adds(ret, "Types: deb\n");
    int r = print_options(&at, ret, err);
    if (r < 0)
        return r;
    if (!next_word(&at, uri) || !next_word(&at, suite))
        return err_set(err, -EINVAL, "kubernetes.repository: a line \"deb URL SUITE\" is needed");
    buf_printf(ret, "URIs: %s\nSuites: %s\n", uri, suite);
    for (bool first = true; next_word(&at, word); first = false)
        buf_printf(ret, "%s%s", first ? "Components: " : " ", word);
    if (!str_ends_with(buf_str(ret), "\n"))
        buf_addc(ret, '\n');
    print_key(strstr(key, KEY_HEAD), ret);
    return buf_error(ret) < 0 ? no_memory(err) : 0;
}

static int write_sources(const struct image_kubernetes *k, const char *work,
                         struct image_kubernetes_files *files, struct err *err)
{
    _autofree_ char *key = NULL;
    _autobuf_ struct buf text = BUF_INIT;
    int r = file_read(k->key, KEY_MAX, &key, NULL, err);
    if (r >= 0)
        r = image_kubernetes_sources(k->repository, key, &text, err);
    if (r < 0)
        return r;
    files->sources = str_format("%s/kubernetes.sources", work);
    if (!files->sources)
        return no_memory(err);
    return file_write_atomic(files->sources, text.data, text.len, 0644, err);
}

/* ---- binaries and images ---- */

static int open_binaries(const char *folder, const char *work, struct image_kubernetes_files *files,
                         struct err *err)
{
    for (size_t i = 0; i < IMAGE_KUBERNETES_BINARIES; i++) {
        _autofree_ char *path = str_format("%s/%s", folder, binary_names[i]);
        if (!path)
            return no_memory(err);
        files->binaries[i] = build_fd_open(path, work, err);
        if (files->binaries[i] < 0)
            return files->binaries[i];
    }
    return 0;
}

static int add_image(const char *path, const char *work, struct image_kubernetes_files *files,
                     struct err *err)
{
    if (files->image_count == IMAGES_MAX)
        return err_set(err, -E2BIG, "kubernetes.images: more than %d archives", IMAGES_MAX);
    if (!files->images)
        files->images = calloc(IMAGES_MAX, sizeof(*files->images));
    if (!files->images)
        return no_memory(err);
    int fd = build_fd_open(path, work, err);
    if (fd < 0)
        return fd;
    files->images[files->image_count++] = fd;
    return 0;
}

static int is_archive(const struct dirent *entry)
{
    static const char *const suffixes[] = {".tar", ".tar.gz", ".tgz", ".tar.zst"};
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        if (entry->d_name[0] != '.' && str_ends_with(entry->d_name, suffixes[i]))
            return 1;
    }
    return 0;
}

static int add_folder(const char *folder, const char *work, struct image_kubernetes_files *files,
                      struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_archive, alphasort);
    if (n < 0)
        return err_errno(err, -errno, "cannot list %s", folder);
    int r = 0;
    for (int i = 0; i < n; i++) {
        _autofree_ char *path = str_format("%s/%s", folder, names[i]->d_name);
        if (r >= 0)
            r = path ? add_image(path, work, files, err) : no_memory(err);
        free(names[i]);
    }
    free(names);
    return r;
}

static int open_images(const struct image_kubernetes *k, const char *work,
                       struct image_kubernetes_files *files, struct err *err)
{
    for (size_t i = 0; k->images && k->images[i]; i++) {
        size_t before = files->image_count;
        int r = is_folder(k->images[i]) ? add_folder(k->images[i], work, files, err)
                                        : add_image(k->images[i], work, files, err);
        if (r >= 0 && files->image_count == before)
            r = err_set(err, -ENOENT, "%s holds no archives (.tar, .tar.gz, .tgz, .tar.zst)",
                        k->images[i]);
        if (r < 0)
            return err_wrap(err, "kubernetes.images[%zu]", i);
    }
    return 0;
}

/* The server's tarball has all that the node's has, and the control plane's images. */
static int find_release(const char *folder, char **ret, struct err *err)
{
    static const char *const parts[] = {"server", "node"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        _autofree_ char *path = str_format("%s/kubernetes-%s-linux-amd64.tar.gz", folder, parts[i]);
        if (!path)
            return no_memory(err);
        if (access(path, F_OK) == 0) {
            *ret = TAKE_PTR(path);
            return 0;
        }
    }
    return err_set(err, -ENOENT,
                   "%s has neither kubernetes-server-linux-amd64.tar.gz nor "
                   "kubernetes-node-linux-amd64.tar.gz",
                   folder);
}

static int open_release(const char *release, const char *work, struct image_kubernetes_files *files,
                        struct err *err)
{
    _autofree_ char *found = NULL;
    _autofree_ char *folder = str_format("%s/release", work);
    int r = folder ? dir_make(folder, 0755, err) : no_memory(err);
    if (r >= 0 && is_folder(release))
        r = find_release(release, &found, err);
    if (r < 0)
        return r;
    const char *const argv[] = {"tar",
                                "-x",
                                "--force-local",
                                "-f",
                                found ? found : release,
                                "-C",
                                folder,
                                "--strip-components=3",
                                "--no-same-owner",
                                "--wildcards",
                                "--exclude=*/kube-*[a-z]er", /* programs that come as images */
                                "--exclude=*/kube-proxy",
                                "kubernetes/*/bin/*",
                                NULL};
    r = proc_run(argv, NULL, NULL, err);
    if (r >= 0)
        r = open_binaries(folder, work, files, err);
    return r < 0 ? r : add_folder(folder, work, files, err);
}

int image_kubernetes_open(const struct image_kubernetes *k, const char *work,
                          struct image_kubernetes_files *files, struct err *err)
{
    int r = add_packages(k, files, err);
    if (r < 0)
        return r;
    if (k->repository)
        r = write_sources(k, work, files, err);
    else if (k->release)
        r = open_release(k->release, work, files, err);
    else
        r = open_binaries(k->binaries, work, files, err);
    if (r < 0 && !k->repository)
        return err_wrap(err, k->release ? "kubernetes.release" : "kubernetes.binaries");
    return r < 0 ? r : open_images(k, work, files, err);
}
