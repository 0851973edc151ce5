/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static atomic_int log_level = LOG_LEVEL_INFO;
static atomic_int log_style = LOG_STYLE_PLAIN;
static atomic_int log_fd = STDERR_FILENO;
static atomic_bool log_colour;

void log_init(enum log_level level, enum log_style style)
{
    const char *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO) == 1;
    if (style == LOG_STYLE_AUTO && !terminal && getenv("JOURNAL_STREAM"))
        style = LOG_STYLE_JOURNAL;
    else if (style == LOG_STYLE_AUTO)
        style = LOG_STYLE_PLAIN;
    atomic_store(&log_colour,
                 style == LOG_STYLE_PLAIN && terminal && (!no_colour || !no_colour[0]));
    atomic_store(&log_level, (int)level);
    atomic_store(&log_style, (int)style);
}

void log_set_fd(int fd)
{
    atomic_store(&log_fd, fd);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&log_level);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "?";
}

static const char *level_colour(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "\033[31m";
    case LOG_LEVEL_WARN:
        return "\033[33m";
    case LOG_LEVEL_INFO:
        return "\033[32m";
    case LOG_LEVEL_DEBUG:
        return "\033[2m";
    }
    return "";
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
                                            LOG_LEVEL_DEBUG};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (strcmp(name, level_name(levels[i])) == 0) {
            *ret_level = levels[i];
            return 0;
        }
    }
    return -EINVAL;
}

static int prefix(char *line, size_t size, enum log_level level)
{
    switch ((enum log_style)atomic_load(&log_style)) {
    case LOG_STYLE_JOURNAL:
        return snprintf(line, size, "<%d>", (int)level);
    case LOG_STYLE_KERNEL:
        return snprintf(line, size, "<%d>slipway-agent: ", (int)level);
    case LOG_STYLE_AUTO:
    case LOG_STYLE_PLAIN:
        break;
    }
    if (atomic_load(&log_colour))
        return snprintf(line, size, "%s%s\033[0m: ", level_colour(level), level_name(level));
    return snprintf(line, size, "%s: ", level_name(level));
}

void log_at(enum log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&log_level))
        return;
    int saved = errno;
    char line[2048];
    int used = prefix(line, sizeof(line), level);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
    va_end(args);
    size_t len = (size_t)used;
    if (n > 0)
        len += (size_t)n;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    for (size_t i = (size_t)used; i < len; i++) {
        if (line[i] == '\n')
            line[i] = ' ';
    }
    line[len++] = '\n';
    (void)!write(atomic_load(&log_fd), line, len);
    errno = saved;
}

const char *log_quote(char *dst, size_t size, const void *src, size_t len)
{
    const unsigned char *s = src;
    size_t n = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < n; i++)
        dst[i] = s[i] >= 0x20 && s[i] < 0x7f ? (char)s[i] : '?';
    dst[n] = '\0';
    return dst;
}
