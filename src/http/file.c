/* SPDX-License-Identifier: Apache-2.0 */
#include "http/file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/str.h"

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static bool is_hidden(const char *name)
{
    return name[0] == '.' || strstr(name, "/.");
}

/* Takes the name's next part off; false when it is empty or too long. */
static bool next_part(const char **name, char part[static NAME_MAX + 1], bool *ret_last)
{
    size_t n = strcspn(*name, "/");
    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(part, *name, n);
    part[n] = 0;
    *ret_last = (*name)[n] == 0;
    *name += *ret_last ? n : n + 1;
    return true;
}

/* Part by part for kernels and sandboxes without openat2(2); follows no symbolic link at all. */
static int open_parts(int root, const char *name)
{
    char part[NAME_MAX + 1];
    bool last;
    _autofd_ int folder = -1;
    while (next_part(&name, part, &last)) {
        int flags = last ? OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;
        int fd = openat(folder < 0 ? root : folder, part, flags | O_NOFOLLOW);
        if (fd < 0)
            return -errno;
        if (last)
            return fd;
        if (folder >= 0)
            (void)close(folder);
        folder = fd;
    }
    return -ENOENT;
}

static int open_beneath(int root, const char *name)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
    if (fd >= 0)
        return (int)fd;
    if (errno == ENOSYS || errno == EPERM)
        return open_parts(root, name);
    return -errno;
}

int http_file_open(int root, const char *name)
{
    struct stat st;
    if (!name[0] || name[0] == '/' || is_hidden(name))
        return -ENOENT;
    _autofd_ int fd = open_beneath(root, name);
    if (fd == -EXDEV || fd == -ELOOP || fd == -ENOTDIR || fd == -ENXIO || fd == -ENAMETOOLONG)
        return -ENOENT;
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -ENOENT;
    return TAKE_FD(fd);
}

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
    _autofd_ int fd = http_file_open(root, name);
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
