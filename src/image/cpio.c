/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cpio.h"

#include <string.h>
#include <sys/stat.h>

struct entry {
    const char *path;
    mode_t mode;
    const void *data;
    size_t len;
    unsigned links;
    unsigned major, minor; /* of a device node */
};

static void pad(struct buf *out)
{
    static const char zeros[4];
    buf_add(out, zeros, (4 - out->len % 4) % 4);
}

static void add(struct cpio *cpio, const struct entry *e)
{
    struct buf *out = cpio->out;
    if (e->len > UINT32_MAX && out->error == 0)
        out->error = -EMSGSIZE;
    unsigned inode = e->mode ? ++cpio->inode : 0;
    buf_printf(out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode,
               (unsigned)e->mode, 0u, 0u, e->links, 0u, (unsigned)e->len, 0u, 0u, e->major,
               e->minor, (unsigned)strlen(e->path) + 1, 0u);
    buf_add(out, e->path, strlen(e->path) + 1);
    pad(out);
    buf_add(out, e->data, e->len);
    pad(out);
}

void cpio_dir(struct cpio *cpio, const char *path, mode_t permissions)
{
    add(cpio, &(struct entry){.path = path, .mode = S_IFDIR | permissions, .links = 2});
}

void cpio_file(struct cpio *cpio, const char *path, mode_t permissions, const void *data,
               size_t len)
{
    add(cpio,
        &(struct entry){
            .path = path, .mode = S_IFREG | permissions, .data = data, .len = len, .links = 1});
}

void cpio_symlink(struct cpio *cpio, const char *path, const char *target)
{
    add(cpio, &(struct entry){.path = path,
                              .mode = S_IFLNK | 0777,
                              .data = target,
                              .len = strlen(target),
                              .links = 1});
}

void cpio_char_device(struct cpio *cpio, const char *path, mode_t permissions, unsigned major,
                      unsigned minor)
{
    add(cpio, &(struct entry){.path = path,
                              .mode = S_IFCHR | permissions,
                              .links = 1,
                              .major = major,
                              .minor = minor});
}

int cpio_end(struct cpio *cpio)
{
    add(cpio, &(struct entry){.path = "TRAILER!!!", .links = 1});
    return buf_error(cpio->out);
}
