/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "base/rd.h"
#include "base/str.h"
#include "image/initrd-kernel.h"

enum { MODULE_FILE_MAX = 64 << 20, FIRMWARE_FILE_MAX = 64 << 20, NAME_SIZE = 256 };

struct firmware {
    struct cpio *cpio;
    const char *const *folders;
    struct map *added; /* path in the archive -> any; folders and files */
};

/* A name from a module must not leave lib/firmware. */
static bool name_is_safe(const char *name)
{
    return name[0] && name[0] != '/' && !strstr(name, "..") && strlen(name) < NAME_SIZE;
}

static int add_parents(struct firmware *f, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char folder[NAME_SIZE + 16];
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        if (map_gets(f->added, folder))
            continue;
        int r = map_puts(f->added, folder, f, NULL);
        if (r < 0)
            return r;
        cpio_dir(f->cpio, folder, 0755);
    }
    return 0;
}

static int add_named(struct firmware *f, const char *name)
{
    char path[NAME_SIZE + 16];
    (void)snprintf(path, sizeof(path), "lib/firmware/%s", name);
    if (map_gets(f->added, path))
        return 0;
    for (size_t i = 0; f->folders[i]; i++) {
        _autofree_ char *source = str_format("%s/%s", f->folders[i], name);
        _autofree_ char *data = NULL;
        size_t len = 0;
        if (!source)
            return -ENOMEM;
        if (file_read(source, FIRMWARE_FILE_MAX, &data, &len, NULL) < 0)
            continue;
        int r = add_parents(f, path);
        if (r == 0)
            r = map_puts(f->added, path, f, NULL);
        if (r == 0)
            cpio_file(f->cpio, path, 0644, data, len);
        return r;
    }
    return 0;
}

/* A module says "firmware=NAME" among the NUL-terminated strings of its .modinfo section. */
static int add_of_module(struct firmware *f, const char *data, size_t len)
{
    static const char key[] = "firmware=";
    const char *end = data + len;
    for (const char *p = data; (p = memmem(p, (size_t)(end - p), key, strlen(key)));) {
        bool starts = p == data || p[-1] == '\0';
        struct rd r = rd_init(p + strlen(key), (size_t)(end - p) - strlen(key));
        const char *name = rd_cstr(&r);
        int e = starts && name && name_is_safe(name) ? add_named(f, name) : 0;
        if (e < 0)
            return e;
        p += strlen(key);
    }
    return 0;
}

int initrd_firmware(struct cpio *cpio, const struct initrd_kernel *kernel,
                    const struct module_selection *selection, const char *const *folders,
                    struct err *err)
{
    _cleanup_(map_freep) struct map *added = map_new();
    struct firmware f = {.cpio = cpio, .folders = folders, .added = added};
    if (!added)
        return err_set(err, -ENOMEM, "out of memory");
    int r = map_puts(added, "lib", &f, NULL);
    for (size_t i = 0; r == 0 && i < selection->count; i++) {
        _autofree_ char *path = str_format("%s/%s", kernel->modules, selection->files[i].path);
        _autofree_ char *data = NULL;
        size_t len = 0;
        r = path ? file_read(path, MODULE_FILE_MAX, &data, &len, err) : -ENOMEM;
        if (r == 0)
            r = add_of_module(&f, data, len);
    }
    return r;
}
