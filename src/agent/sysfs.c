/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sysfs.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

enum { PATH_SIZE = 512, VALUE_SIZE = 512 };

static const char *read_text(const char *path, char *dst, size_t size)
{
    char raw[VALUE_SIZE];
    dst[0] = '\0';
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? fd_read_full(fd, raw, sizeof(raw)) : -1;
    if (n <= 0)
        return dst;
    char *start = raw, *end = memchr(raw, '\n', (size_t)n);
    end = end ? end : raw + n;
    while (start < end && isspace((unsigned char)*start))
        start++;
    while (end > start && (isspace((unsigned char)end[-1]) || end[-1] == '\0'))
        end--;
    return log_quote(dst, size, start, (size_t)(end - start));
}

#define FORMAT_PATH(path, format)                                                                  \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, format);                                                                   \
        (void)vsnprintf(path, sizeof(path), format, args_);                                        \
        va_end(args_);                                                                             \
    } while (0)

const char *sysfs_text(char *dst, size_t size, const char *format, ...)
{
    char path[PATH_SIZE];
    FORMAT_PATH(path, format);
    return read_text(path, dst, size);
}

uint64_t sysfs_number(const char *format, ...)
{
    char path[PATH_SIZE], text[32];
    FORMAT_PATH(path, format);
    (void)read_text(path, text, sizeof(text));
    return isdigit((unsigned char)text[0]) ? strtoull(text, NULL, 0) : 0;
}

const char *sysfs_link_name(char *dst, size_t size, const char *format, ...)
{
    char path[PATH_SIZE], target[PATH_SIZE];
    FORMAT_PATH(path, format);
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    dst[0] = '\0';
    if (n <= 0)
        return dst;
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    const char *name = slash ? slash + 1 : target;
    return log_quote(dst, size, name, strlen(name));
}
