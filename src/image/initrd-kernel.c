/* SPDX-License-Identifier: Apache-2.0 */
#include "image/initrd-kernel.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

enum { TABLE_MAX = 64 << 20, FETCH_TIMEOUT_MS = 600 * 1000, TOOL_TIMEOUT_MS = 120 * 1000 };

void initrd_kernel_clear(struct initrd_kernel *kernel)
{
    if (kernel->folder)
        (void)!tree_remove(kernel->folder, NULL);
    free(kernel->folder);
    free(kernel->vmlinuz);
    free(kernel->modules);
}

/* The first name in a folder that starts with prefix and ends with suffix; malloc'd path. */
static int find_in(const char *folder, const char *prefix, const char *suffix, char **ret_path)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return -errno;
    int r = -ENOENT;
    for (struct dirent *entry; r == -ENOENT && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !str_after(entry->d_name, prefix) ||
            !str_ends_with(entry->d_name, suffix))
            continue;
        *ret_path = str_format("%s/%s", folder, entry->d_name);
        r = *ret_path ? 0 : -ENOMEM;
    }
    (void)closedir(dir);
    return r;
}

/* The kernel's package that a metapackage depends on; the package itself when it is none. */
static int resolve(const char *package, char *dst, size_t size, struct err *err)
{
    struct buf output _autobuf_ = BUF_INIT;
    const char *argv[] = {"apt-cache", "depends", package, NULL};
    struct proc_options options = {.output = &output, .timeout_ms = TOOL_TIMEOUT_MS};
    int r = proc_run(argv, &options, NULL, err);
    if (r < 0)
        return err_wrap(err, "looking up package %s", package);
    const char *line = strstr(buf_str(&output), "Depends: linux-image-");
    if (!line)
        return str_copy(dst, size, package);
    line += strlen("Depends: ");
    size_t n = strcspn(line, "\n ");
    if (n >= size)
        return err_set(err, -EBADMSG, "a package name of %zu characters", n);
    memcpy(dst, line, n);
    dst[n] = '\0';
    return 0;
}

static int fetch(const char *package, const char *folder, char **ret_deb, struct err *err)
{
    char name[256];
    int r = resolve(package, name, sizeof(name), err);
    if (r < 0)
        return r;
    const char *argv[] = {"apt-get", "download", name, NULL};
    struct proc_options options = {.chdir = folder, .timeout_ms = FETCH_TIMEOUT_MS};
    r = proc_run(argv, &options, NULL, err);
    if (r < 0)
        return err_wrap(err, "fetching package %s", name);
    r = find_in(folder, "", ".deb", ret_deb);
    return r < 0 ? err_errno(err, r, "apt-get left no package %s", name) : 0;
}

static int unpack(const char *deb, const char *root, struct err *err)
{
    const char *argv[] = {"dpkg-deb", "-x", deb, root, NULL};
    struct proc_options options = {.timeout_ms = FETCH_TIMEOUT_MS};
    int r = proc_run(argv, &options, NULL, err);
    return r < 0 ? err_wrap(err, "unpacking %s", deb) : 0;
}

static int run_depmod(const char *root, const char *version, struct err *err)
{
    /* depmod lives where a user's PATH often does not look. */
    char path[256];
    if (!proc_find("depmod", path, sizeof(path)))
        (void)snprintf(path, sizeof(path), "/sbin/depmod");
    const char *argv[] = {path, "-b", root, version, NULL};
    struct proc_options options = {.timeout_ms = TOOL_TIMEOUT_MS};
    int r = proc_run(argv, &options, NULL, err);
    return r < 0 ? err_wrap(err, "depmod (Debian's package kmod)") : 0;
}

/* Finds the version, kernel and modules below the unpacked root. */
static int examine(struct initrd_kernel *kernel, const char *root, struct err *err)
{
    _autofree_ char *boot = str_format("%s/boot", root);
    if (!boot)
        return -ENOMEM;
    int r = find_in(boot, "vmlinuz-", "", &kernel->vmlinuz);
    if (r < 0)
        return err_set(err, r, "the package holds no boot/vmlinuz-*: not a kernel image's package");
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): errno of a failure is not 0 */
    const char *version = strrchr(kernel->vmlinuz, '/') + strlen("/vmlinuz-");
    r = str_copy(kernel->version, sizeof(kernel->version), version);
    if (r < 0)
        return err_set(err, r, "a kernel version of %zu characters", strlen(version));
    kernel->modules = str_format("%s/lib/modules/%s", root, version);
    if (!kernel->modules)
        return -ENOMEM;
    if (access(kernel->modules, R_OK) == 0)
        return 0;
    return err_set(err, -ENOENT, "the package holds no lib/modules/%s", version);
}

int initrd_kernel_open(const char *package, const char *deb, struct initrd_kernel *ret,
                       struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    struct initrd_kernel kernel _cleanup_(initrd_kernel_clear) = {
        .folder = str_format("%s/slipway-initrd-XXXXXX", str_empty(tmp) ? "/tmp" : tmp)};
    _autofree_ char *fetched = NULL;
    if (!kernel.folder)
        return err_set(err, -ENOMEM, "out of memory");
    if (!mkdtemp(kernel.folder)) {
        int r = err_errno(err, -errno, "temporary folder %s", kernel.folder);
        free(TAKE_PTR(kernel.folder));
        return r;
    }
    int r = deb ? 0 : fetch(package, kernel.folder, &fetched, err);
    _autofree_ char *root = str_format("%s/root", kernel.folder);
    if (r == 0 && !root)
        r = -ENOMEM;
    if (r == 0)
        r = unpack(deb ? deb : fetched, root, err);
    if (r == 0)
        r = examine(&kernel, root, err);
    if (r == 0)
        r = run_depmod(root, kernel.version, err);
    if (r < 0)
        return r;
    *ret = kernel;
    kernel = (struct initrd_kernel){0};
    return 0;
}

static int read_table(const struct initrd_kernel *kernel, const char *name, char **ret,
                      struct err *err)
{
    _autofree_ char *path = str_format("%s/%s", kernel->modules, name);
    return path ? file_read(path, TABLE_MAX, ret, NULL, err) : -ENOMEM;
}

int initrd_kernel_select(const struct initrd_kernel *kernel, const char *set,
                         struct module_selection *ret, struct err *err)
{
    _autofree_ char *dep = NULL;
    _autofree_ char *alias = NULL;
    _autofree_ char *softdep = NULL;
    int r = read_table(kernel, "modules.dep", &dep, err);
    if (r == 0)
        r = read_table(kernel, "modules.alias", &alias, err);
    if (r == 0)
        r = read_table(kernel, "modules.softdep", &softdep, err);
    if (r < 0)
        return r;
    struct module_tables tables = {.dep = dep, .alias = alias, .softdep = softdep};
    return module_select(&tables, set, ret, err);
}
