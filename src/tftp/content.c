/* SPDX-License-Identifier: Apache-2.0 */
#include "tftp/content.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/file.h"

void tftp_content_free(struct tftp_content *c)
{
    free(c->memory);
    if (c->fd >= 0)
        (void)close(c->fd);
    *c = TFTP_CONTENT_NONE;
}

int tftp_content_open(int root, const char *name, struct tftp_content *ret)
{
    struct stat st;
    _autofd_ int fd = open_beneath(root, name);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    /* The boot path must not wait for a disk between blocks: begin to read the file now. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
    *ret = (struct tftp_content){.fd = TAKE_FD(fd), .size = (uint64_t)st.st_size};
    return 0;
}

int tftp_content_read(const struct tftp_content *c, uint64_t offset, void *dst, size_t len)
{
    if (len == 0)
        return 0;
    if (offset > c->size || len > c->size - offset)
        return -EIO;
    if (c->memory) {
        memcpy(dst, c->memory + offset, len);
        return 0;
    }
    ssize_t n = fd_pread_full(c->fd, dst, len, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EIO;
}

/* dst has room for 2 * len bytes. The bytes written. */
static size_t to_netascii(const uint8_t *src, size_t len, uint8_t *dst)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (src[i] == '\n')
            dst[n++] = '\r';
        dst[n++] = src[i];
        if (src[i] == '\r')
            dst[n++] = 0;
    }
    return n;
}

int tftp_content_to_netascii(struct tftp_content *c)
{
    if (c->size > TFTP_NETASCII_MAX)
        return -EFBIG;
    size_t size = (size_t)c->size;
    struct tftp_content converted = {.memory = malloc(size ? 2 * size : 1), .fd = -1};
    _autofree_ uint8_t *plain = malloc(size ? size : 1);
    int r = plain && converted.memory ? tftp_content_read(c, 0, plain, size) : -ENOMEM;
    if (r < 0) {
        tftp_content_free(&converted);
        return r;
    }
    converted.size = to_netascii(plain, size, converted.memory);
    tftp_content_free(c);
    *c = converted;
    return 0;
}

int tftp_plain_name(const char *name, char *dst, size_t size)
{
    size_t n = 0;
    for (; *name; name++) {
        char c = *name == '\\' ? '/' : *name;
        if (c == '/' && (n == 0 || dst[n - 1] == '/'))
            continue;
        if (n + 1 >= size)
            return -ENAMETOOLONG;
        dst[n++] = c;
    }
    dst[n] = 0;
    return 0;
}
