/* SPDX-License-Identifier: Apache-2.0 */
#include "image/initrd.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/cpio.h"
#include "image/initrd-kernel.h"
#include "image/initrd-modules.h"

#define ARCHIVE_MAX ((size_t)1 << 30)
enum { MODULE_FILE_MAX = 64 << 20, FIRMWARE_MAX = 64 << 20, AGENT_MAX = 64 << 20, PATH_TEXT = 512 };

static const char *const folders[] = {
    "dev", "proc", "sys", "run", "mnt", "sbin", "lib", "lib/modules", "lib/slipway",
};

static void step(const struct initrd_options *options, const char *text)
{
    if (options->on_step)
        options->on_step(options->data, text);
}

static int add_from_file(struct cpio *cpio, const char *path, mode_t permissions,
                         const char *source, size_t max, struct err *err)
{
    _autofree_ char *data = NULL;
    size_t len = 0;
    int r = file_read(source, max, &data, &len, err);
    if (r < 0)
        return r;
    cpio_file(cpio, path, permissions, data, len);
    return 0;
}

static int add_modules(struct cpio *cpio, const struct initrd_kernel *kernel,
                       const struct module_selection *selection, struct err *err)
{
    for (size_t i = 0; i < selection->count; i++) {
        const struct module_file *file = &selection->files[i];
        char path[PATH_TEXT];
        (void)snprintf(path, sizeof(path), "lib/modules/%s.ko", file->name);
        _autofree_ char *source = str_format("%s/%s", kernel->modules, file->path);
        if (!source)
            return -ENOMEM;
        int r = add_from_file(cpio, path, 0644, source, MODULE_FILE_MAX, err);
        if (r < 0)
            return r;
    }
    cpio_file(cpio, "lib/slipway/modules.index", 0644, selection->index.data, selection->index.len);
    return 0;
}

static int compress(const struct buf *archive, int level, struct buf *out, struct err *err)
{
    size_t bound = ZSTD_compressBound(archive->len);
    char *room = buf_room(out, bound);
    ZSTD_CCtx *context = room ? ZSTD_createCCtx() : NULL;
    if (!context)
        return err_set(err, -ENOMEM, "out of memory");
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    /* The kernel's unpacker refuses windows above 128 MiB, and a small one keeps its memory small.
     */
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 23);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0);
    size_t n = ZSTD_compress2(context, room, bound, archive->data, archive->len);
    (void)ZSTD_freeCCtx(context);
    if (ZSTD_isError(n))
        return err_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(n));
    buf_commit(out, n);
    return 0;
}

static int archive_build(const struct initrd_options *options, const struct initrd_kernel *kernel,
                         const struct module_selection *selection, struct buf *archive,
                         struct err *err)
{
    struct cpio cpio = cpio_init(archive);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        cpio_dir(&cpio, folders[i], 0755);
    cpio_char_device(&cpio, "dev/console", 0600, 5, 1);
    int r = add_from_file(&cpio, "init", 0755, options->agent, AGENT_MAX, err);
    if (r < 0)
        return r;
    /* The kernel itself asks for modules through this name. */
    cpio_symlink(&cpio, "sbin/modprobe", "/init");
    cpio_file(&cpio, "lib/slipway/kernel", 0644, kernel->version, strlen(kernel->version));
    r = add_modules(&cpio, kernel, selection, err);
    if (r == 0 && options->firmware)
        r = initrd_firmware(&cpio, kernel, selection, options->firmware, err);
    if (r < 0)
        return r;
    r = cpio_end(&cpio);
    return r < 0 ? err_set(err, r, "cannot build the archive") : 0;
}

static int write_result(const struct initrd_options *options, const struct initrd_kernel *kernel,
                        const struct buf *initrd, struct initrd_result *result, struct err *err)
{
    _autofree_ char *vmlinuz = str_format("%s/vmlinuz", options->folder);
    _autofree_ char *image = str_format("%s/initrd.img", options->folder);
    _autofree_ char *data = NULL;
    size_t len = 0;
    if (!vmlinuz || !image)
        return err_set(err, -ENOMEM, "out of memory");
    int r = file_read(kernel->vmlinuz, MODULE_FILE_MAX, &data, &len, err);
    if (r == 0)
        r = dir_make(options->folder, 0755, err);
    if (r == 0)
        r = file_write_atomic(vmlinuz, data, len, 0644, err);
    if (r == 0)
        r = file_write_atomic(image, initrd->data, initrd->len, 0644, err);
    result->kernel_bytes = len;
    result->initrd_bytes = initrd->len;
    return r;
}

static int build_from(const struct initrd_options *options, const struct initrd_kernel *kernel,
                      struct initrd_result *result, struct err *err)
{
    struct module_selection selection _autoselection_ = {0};
    struct buf archive _autobuf_ = BUF_INIT_MAX(ARCHIVE_MAX);
    struct buf packed _autobuf_ = BUF_INIT_MAX(ARCHIVE_MAX);
    int r = initrd_kernel_select(kernel, options->modules, &selection, err);
    if (r < 0)
        return r;
    step(options, "packing the initrd");
    r = archive_build(options, kernel, &selection, &archive, err);
    if (r == 0 && options->level)
        r = compress(&archive, options->level, &packed, err);
    if (r < 0)
        return r;
    result->modules = selection.count;
    result->unpacked_bytes = archive.len;
    (void)snprintf(result->kernel_version, sizeof(result->kernel_version), "%s", kernel->version);
    return write_result(options, kernel, options->level ? &packed : &archive, result, err);
}

int initrd_build(const struct initrd_options *options, struct initrd_result *ret, struct err *err)
{
    struct initrd_kernel kernel _cleanup_(initrd_kernel_clear) = {0};
    step(options,
         options->kernel_deb ? "unpacking the kernel package" : "fetching the kernel package");
    int r = initrd_kernel_open(options->kernel_package, options->kernel_deb, &kernel, err);
    if (r < 0)
        return r;
    struct initrd_result result = {0};
    r = build_from(options, &kernel, &result, err);
    if (r == 0)
        *ret = result;
    return r;
}
