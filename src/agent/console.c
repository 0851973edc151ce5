/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/console.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

enum { WRITE_WAIT_MS = 200, LINE_MAX_SIZE = 1024, KLOG_CONSOLE_LEVEL = 8, QUIET_LEVEL = 5 };

static size_t add_name(char (*names)[32], size_t count, size_t max, const char *name, size_t len)
{
    if (count == max || len == 0 || len >= 32)
        return count;
    memcpy(names[count], name, len);
    names[count][len] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], names[count]))
            return count;
    }
    return count + 1;
}

size_t console_names(const char *active, char (*ret_names)[32], size_t max)
{
    size_t count = 0;
    for (const char *p = active; *p;) {
        size_t n = strcspn(p, " \n");
        count = add_name(ret_names, count, max, p, n);
        p += n + (p[n] != '\0');
    }
    return add_name(ret_names, count, max, "tty0", 4);
}

void console_open(struct console *console, bool debug)
{
    *console = (struct console){.kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), .debug = debug};
    _autofree_ char *active = NULL;
    if (file_read("/sys/class/tty/console/active", 256, &active, NULL, NULL) < 0)
        active = strdup("");
    char names[CONSOLES_MAX][32];
    size_t count = active ? console_names(active, names, CONSOLES_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/dev/%s", names[i]);
        int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            console->fds[console->count++] = fd;
    }
    if (!debug)
        (void)klogctl(KLOG_CONSOLE_LEVEL, NULL, QUIET_LEVEL);
}

/* A console that takes nothing for a while (flow control, no listener) loses the rest. */
static void write_patiently(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (poll(&p, 1, WRITE_WAIT_MS) <= 0)
            return;
    }
}

void console_line(const struct console *console, const char *line, size_t len)
{
    char clean[LINE_MAX_SIZE];
    log_quote(clean, sizeof(clean) - 1, line, len);
    size_t n = strlen(clean);
    /* Under the level that LOG_STYLE_KERNEL gave; other output becomes a notice. */
    bool has_level = n > 3 && clean[0] == '<' && clean[2] == '>';
    const char *text = has_level ? clean + 3 : clean;
    if (console->kmsg >= 0) {
        char record[LINE_MAX_SIZE + 32];
        int r =
            snprintf(record, sizeof(record), "%s%s", has_level ? "" : "<5>slipway-agent: ", clean);
        (void)!write(console->kmsg, record, (size_t)r);
    }
    if (has_level && clean[1] == '7' && !console->debug)
        return;
    const char *shown = str_after(text, "slipway-agent: ");
    char out[LINE_MAX_SIZE + 32];
    int size = snprintf(out, sizeof(out), "%s%s\n", has_level && clean[1] <= '4' ? "!! " : "",
                        shown ? shown : text);
    for (size_t i = 0; i < console->count; i++)
        write_patiently(console->fds[i], out, (size_t)size);
}
