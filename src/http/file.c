/* SPDX-License-Identifier: Apache-2.0 */
#include "http/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "http/private.h"
#include "http/select.h"

enum {
    OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
    ETAG_SIZE = 64,
};

static bool is_hidden(const char *name)
{
    return name[0] == '.' || strstr(name, "/.");
}

/* Part by part for kernels and sandboxes without openat2(2); follows no symbolic link at all. */
static int open_parts(int root, const char *name)
{
    char part[NAME_MAX + 1];
    _autofd_ int dir = -1;
    for (;;) {
        const char *slash = strchr(name, '/');
        size_t n = slash ? (size_t)(slash - name) : strlen(name);
        if (n == 0 || n > NAME_MAX)
            return -ENOENT;
        memcpy(part, name, n);
        part[n] = 0;
        int flags = slash ? O_PATH | O_DIRECTORY | O_CLOEXEC : OPEN_FLAGS;
        int fd = openat(dir < 0 ? root : dir, part, flags | O_NOFOLLOW);
        if (fd < 0)
            return -errno;
        if (!slash)
            return fd;
        if (dir >= 0)
            (void)close(dir);
        dir = fd;
        name = slash + 1;
    }
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
        {".efi", "application/efi"},
        {".json", "application/json"},
        {".zst", "application/zstd"},
        {".txt", "text/plain"},
        {".ipxe", "text/plain"},
        {".cfg", "text/plain"},
        {".html", "text/html"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".svg", "image/svg+xml"},
        {".iso", "application/vnd.efi.iso"},
        {".img", "application/octet-stream"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (str_ends_with(name, types[i].suffix))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Changes whenever a file is replaced or written to. */
static void make_etag(const struct stat *st, char dst[static ETAG_SIZE])
{
    (void)snprintf(dst, ETAG_SIZE, "\"%llx-%llx-%llx.%lx\"", (unsigned long long)st->st_ino,
                   (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec);
}

static struct http_conditions conditions_of(struct MHD_Connection *mhd)
{
    static const enum MHD_ValueKind kind = MHD_HEADER_KIND;
    return (struct http_conditions){
        .range = MHD_lookup_connection_value(mhd, kind, "Range"),
        .if_range = MHD_lookup_connection_value(mhd, kind, "If-Range"),
        .if_match = MHD_lookup_connection_value(mhd, kind, "If-Match"),
        .if_none_match = MHD_lookup_connection_value(mhd, kind, "If-None-Match"),
        .if_modified_since = MHD_lookup_connection_value(mhd, kind, "If-Modified-Since"),
        .if_unmodified_since = MHD_lookup_connection_value(mhd, kind, "If-Unmodified-Since"),
    };
}

static void add_file_headers(struct MHD_Response *response, const struct http_selection *s,
                             const struct http_representation *file, const char *name)
{
    char range[80];
    (void)MHD_add_response_header(response, "ETag", file->etag);
    (void)MHD_add_response_header(response, "Last-Modified", file->last_modified);
    (void)MHD_add_response_header(response, "Accept-Ranges", "bytes");
    if (s->status == 200 || s->status == 206)
        (void)MHD_add_response_header(response, "Content-Type", http_media_type(name));
    if (s->status == 206)
        (void)snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)s->offset,
                       (unsigned long long)(s->offset + s->length - 1),
                       (unsigned long long)file->size);
    else
        (void)snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)file->size);
    if (s->status == 206 || s->status == 416)
        (void)MHD_add_response_header(response, "Content-Range", range);
}

/* The descriptor is the response's on success. */
static struct MHD_Response *make_response(int *fd, const struct http_selection *s)
{
    if (s->length == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(s->length, *fd, s->offset);
    if (response)
        *fd = -1;
    return response;
}

enum MHD_Result http_file_answer(struct http_request *r)
{
    char etag[ETAG_SIZE], date[HTTP_DATE_SIZE];
    struct stat st;
    const char *name = r->target.path + r->route->length;
    _autofd_ int fd = http_file_open(r->route->root, name);
    if (fd < 0)
        return http_exchange_status(r, fd == -ENOENT ? 404 : fd == -EACCES ? 403 : 503);
    if (fstat(fd, &st) < 0)
        return http_exchange_status(r, 503);
    make_etag(&st, etag);
    const struct http_representation file = {.size = (uint64_t)st.st_size,
                                             .etag = etag,
                                             .last_modified =
                                                 http_date_text(st.st_mtim.tv_sec, date)};
    const struct http_conditions conditions = conditions_of(r->mhd);
    const struct http_selection s = http_select(&conditions, &file);
    struct MHD_Response *response = make_response(&fd, &s);
    if (!response)
        return MHD_NO;
    add_file_headers(response, &s, &file, name);
    r->phase = HTTP_PHASE_ANSWER;
    r->status = s.status;
    r->length = str_eq(r->method, "HEAD") ? 0 : s.length;
    enum MHD_Result ok = MHD_queue_response(r->mhd, s.status, response);
    MHD_destroy_response(response);
    return ok;
}
