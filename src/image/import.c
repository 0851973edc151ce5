/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/store.h"

/* A raw disk: the file itself, or a temporary one that is removed. */
struct raw_disk {
    char *path;
    int fd;
    bool temporary;
    uint64_t size;
};

static void raw_disk_close(struct raw_disk *d)
{
    cleanup_fd(&d->fd);
    if (d->temporary && d->path)
        (void)unlink(d->path);
    free(d->path);
}

static int parse_info(const char *text, char *ret_format, size_t size, struct err *err)
{
    json_t *info = json_loads(text, 0, NULL);
    const char *format = json_string_value(json_object_get(info, "format"));
    bool refers = json_object_get(info, "backing-filename") ||
                  json_object_get(info, "full-backing-filename") ||
                  json_object_get(json_object_get(json_object_get(info, "format-specific"), "data"),
                                  "data-file");
    int r = str_copy(ret_format, size, format ? format : "");
    json_decref(info);
    if (r < 0 || !ret_format[0])
        return err_set(err, -EINVAL, "qemu-img does not know the format");
    if (refers)
        return err_set(err, -EINVAL,
                       "it refers to another file, which is not taken along: flatten "
                       "it with qemu-img convert first");
    return 0;
}

static int find_format(const struct image_import *import, char *ret, size_t size, struct err *err)
{
    static const char *const allowed[] = {"raw", "qcow2", "vdi", "vpc", "vhdx"};
    _autobuf_ struct buf out = BUF_INIT;
    struct proc_options options = {.output = &out};
    const char *const guess[] = {"qemu-img", "info", "--output=json", import->path, NULL};
    const char *const given[] = {"qemu-img",      "info",       "-f", import->format,
                                 "--output=json", import->path, NULL};
    int r = proc_run(import->format ? given : guess, &options, NULL, err);
    if (r == -ENOENT)
        return err_set(err, r, "qemu-img is not installed: apt-get install qemu-utils");
    if (r >= 0)
        r = parse_info(buf_str(&out), ret, size, err);
    if (r < 0)
        return err_wrap(err, "%s", import->path);
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        if (str_eq(ret, allowed[i]))
            return 0;
    }
    return err_set(err, -EINVAL, "%s: images in %s format are not imported", import->path, ret);
}

static int convert(const struct image_import *import, const char *format, struct raw_disk *d,
                   struct err *err)
{
    d->path = str_format("%s/.%s.raw.XXXXXX", import->folder, import->name);
    if (!d->path)
        return err_set(err, -ENOMEM, "out of memory");
    int fd = mkostemp(d->path, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "cannot create a file in %s", import->folder);
    (void)close(fd);
    d->temporary = true;
    image_progress_step(import->progress, "converting", 0, 0);
    const char *const argv[] = {"qemu-img", "convert",    "-f",    format, "-O",
                                "raw",      import->path, d->path, NULL};
    struct proc_options options = {.cancel = import->progress ? import->progress->cancel : NULL};
    return proc_run(argv, &options, NULL, err);
}

static int open_disk(const struct image_import *import, struct raw_disk *d, struct err *err)
{
    char format[32];
    struct stat st;
    int r = 0;
    if (str_eq(import->format, "raw"))
        r = str_copy(format, sizeof(format), "raw");
    else
        r = find_format(import, format, sizeof(format), err);
    if (r >= 0 && str_eq(format, "raw")) {
        d->path = strdup(import->path);
        r = d->path ? 0 : err_set(err, -ENOMEM, "out of memory");
    } else if (r >= 0) {
        r = convert(import, format, d, err);
    }
    if (r < 0)
        return r;
    d->fd = open(d->path, O_RDONLY | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &st) < 0)
        return err_errno(err, -errno, "cannot open %s", d->path);
    off_t end = lseek(d->fd, 0, SEEK_END);
    if (end <= 0 || end % IMAGE_SECTOR_SIZE || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        return err_set(err, -EINVAL, "%s: not a disk of whole %d-byte sectors", import->path,
                       IMAGE_SECTOR_SIZE);
    d->size = (uint64_t)end;
    return 0;
}

int image_import(const struct image_import *import, struct image_manifest *ret, struct err *err)
{
    _cleanup_(raw_disk_close) struct raw_disk disk = {.fd = -1};
    _automanifest_ struct image_manifest m = {0};
    struct image_pack_options options = {.level = import->level, .progress = import->progress};
    if (!image_name_valid(import->name))
        return err_set(err, -EINVAL, "\"%s\" is not a name for an image", import->name);
    if (access(import->path, R_OK) < 0)
        return err_errno(err, -errno, "cannot read %s", import->path);
    int r = dir_make(import->folder, 0755, err);
    if (r >= 0)
        r = open_disk(import, &disk, err);
    if (r >= 0)
        r = image_manifest_init(&m, import->name, import->architecture, disk.size,
                                IMAGE_CHUNK_SIZE_DEFAULT, err);
    if (r < 0)
        return r;
    if (import->description &&
        str_copy(m.description, sizeof(m.description), import->description) < 0)
        return err_set(err, -EINVAL, "the description is longer than %d bytes", IMAGE_TEXT_MAX);
    image_progress_step(import->progress, "looking for the kernel", 0, 0);
    image_find_boot(disk.path, disk.fd, disk.size, &m.boot);
    r = image_save(import->folder, disk.fd, &options, &m, err);
    if (r < 0)
        return r;
    *ret = m;
    m.chunks = NULL;
    return 0;
}
