/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for people and for journald: a sentence first, then key=value pairs, on standard error.
 * With a terminal the level is coloured (NO_COLOR respected); under systemd each line starts with
 * its "<N>" priority. The level is the one piece of process-wide state in this project. Libraries
 * (dhcp, tftp, image, ...) log nothing above debug: they return errors and their callers speak.
 *
 * Values that a stranger controls are passed through log_quote() so that they cannot forge lines.
 * Thread safe: each line is one write(2).
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

enum log_style {
    LOG_STYLE_AUTO,    /* terminal when standard error is one, else journal when JOURNAL_STREAM is
                          set, else plain */
    LOG_STYLE_PLAIN,   /* "info: text" */
    LOG_STYLE_JOURNAL, /* "<6>text" */
    LOG_STYLE_KERNEL,  /* stage2: "<6>slipway-agent: text" to /dev/kmsg's format */
};

void log_init(enum log_level level, enum log_style style);

/* Standard error unless another descriptor is given here. The descriptor stays the caller's. */
void log_set_fd(int fd);

enum log_level log_get_level(void);

/* "error", "warn", "info" or "debug" to level; -EINVAL otherwise. */
int log_level_parse(const char *name, enum log_level *ret_level);

void log_at(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_get_level() >= LOG_LEVEL_DEBUG)                                                    \
            log_at(LOG_LEVEL_DEBUG, __VA_ARGS__);                                                  \
    } while (0)

/* Copies at most size-1 bytes of src with control and non-ASCII bytes replaced by '?'. Returns dst.
 */
const char *log_quote(char *dst, size_t size, const void *src, size_t len);
