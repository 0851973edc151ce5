/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every screen that somebody may be looking at: the consoles that the kernel was told of, and the
 * first virtual terminal. What is shown goes to the kernel's log too. Only the supervising process
 * writes, so a slow serial line never holds up the work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CONSOLES_MAX = 8 };

struct console {
    int fds[CONSOLES_MAX];
    size_t count;
    int kmsg;   /* -1: none */
    bool debug; /* debug lines are shown too, not only logged */
};

/*
 * Opens the consoles; what cannot be opened is left out. debug: the kernel's own lines and debug
 * lines are shown too.
 */
void console_open(struct console *console, bool debug);

/*
 * Shows one line (without newline) as log.h's LOG_STYLE_KERNEL writes it ("<6>slipway-agent:
 * text"), or any other text. Control characters are replaced.
 */
void console_line(const struct console *console, const char *line, size_t len);

/*
 * Names from /sys/class/tty/console/active ("tty0 ttyS0"), "tty0" added when it is not among them.
 * Pure. The number of names, at most max.
 */
size_t console_names(const char *active, char (*ret_names)[32], size_t max);
