/* SPDX-License-Identifier: Apache-2.0 */
#include "http/file.h"

#include <sys/stat.h>

#include "base/beneath.h"
#include "base/str.h"

const char *http_media_type(const char *name)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".efi", "application/efi"},  {".iso", "application/vnd.efi.iso"},
        {".zst", "application/zstd"}, {".json", "application/json"},
        {".txt", "text/plain"},       {".ipxe", "text/plain"},
        {".cfg", "text/plain"},       {".html", "text/html"},
        {".css", "text/css"},         {".js", "text/javascript"},
        {".svg", "image/svg+xml"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (str_ends_with(name, types[i].suffix))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Changes whenever a file is replaced or written to. */
static void make_etag(const struct stat *st, char *dst, size_t size)
{
    (void)snprintf(dst, size, "\"%llx-%llx-%llx.%lx\"", (unsigned long long)st->st_ino,
                   (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec);
}

static void make_content_range(const struct http_selection *s, uint64_t size, char *dst, size_t max)
{
    unsigned long long total = size, first = s->offset, last = s->offset + s->length - 1;
    if (s->status == 206)
        (void)snprintf(dst, max, "bytes %llu-%llu/%llu", first, last, total);
    else if (s->status == 416)
        (void)snprintf(dst, max, "bytes */%llu", total);
}

static unsigned failure_status(int error)
{
    if (error == -ENOENT)
        return 404;
    return error == -EACCES ? 403 : 503;
}

void http_file_prepare(int root, const char *name, const struct http_conditions *conditions,
                       struct http_file_answer *ret)
{
    struct stat st;
    *ret = (struct http_file_answer){.fd = -1};
    _autofd_ int fd = open_beneath(root, name);
    int error = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
    if (error < 0) {
        ret->selection.status = failure_status(error);
        return;
    }
    make_etag(&st, ret->etag, sizeof(ret->etag));
    const struct http_representation file = {
        .size = (uint64_t)st.st_size,
        .etag = ret->etag,
        .last_modified = http_date_text(st.st_mtim.tv_sec, ret->last_modified)};
    ret->selection = http_select(conditions, &file);
    make_content_range(&ret->selection, file.size, ret->content_range, sizeof(ret->content_range));
    if (ret->selection.status == 200 || ret->selection.status == 206)
        ret->type = http_media_type(name);
    if (ret->selection.length > 0)
        ret->fd = TAKE_FD(fd);
}
