/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/path.h"

#include <stdbool.h>
#include <string.h>

static void write_name(const char *name, bool first, struct buf *out)
{
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (*name && !name[plain]) {
        buf_printf(out, "%s%s", first ? "" : ".", name);
        return;
    }
    buf_adds(out, "[\"");
    for (const char *c = name; *c; c++)
        buf_addc(out, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
    buf_adds(out, "\"]");
}

void path_write(const struct path *path, struct buf *out)
{
    if (!path || (!path->parent && !path->name))
        return;
    size_t before = out->len;
    path_write(path->parent, out);
    if (path->name)
        write_name(path->name, out->len == before, out);
    else
        buf_printf(out, "[%zu]", path->index);
}
