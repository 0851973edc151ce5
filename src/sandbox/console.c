/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/console.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/file.h"
#include "sandbox/paths.h"

enum { ESCAPE = 0x1d }; /* Ctrl-], as telnet and virsh have it */

struct terminal {
    struct termios before;
    bool raw;
};

static void terminal_raw(struct terminal *t)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t->before) < 0)
        return;
    struct termios raw = t->before;
    cfmakeraw(&raw);
    t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void terminal_restore(struct terminal *t)
{
    if (t->raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

/* 1: go on, 0: the end, negative: a failure. */
static int from_machine(int fd)
{
    char data[4096];
    ssize_t n = recv(fd, data, sizeof(data), 0);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    int r = fd_write_full(STDOUT_FILENO, data, (size_t)n);
    return r < 0 ? r : 1;
}

static int to_machine(int fd, const struct terminal *t)
{
    char data[4096];
    ssize_t n = read(STDIN_FILENO, data, sizeof(data));
    if (n <= 0)
        return n < 0 ? -errno : 0;
    const char *escape = t->raw ? memchr(data, ESCAPE, (size_t)n) : NULL;
    size_t len = escape ? (size_t)(escape - data) : (size_t)n;
    int r = fd_write_full(fd, data, len);
    if (r < 0)
        return r;
    return escape ? 0 : 1;
}

static int pump(int fd, const struct terminal *t)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    int r = 1;
    while (r > 0) {
        if (poll(fds, 2, -1) < 0) {
            r = errno == EINTR ? 1 : -errno;
            continue;
        }
        if (fds[0].revents)
            r = from_machine(fd);
        if (r > 0 && fds[1].revents)
            r = to_machine(fd, t);
    }
    return r;
}

int console_attach(const char *folder, struct err *err)
{
    _autofd_ int fd = sandbox_connect(folder, "console.sock");
    if (fd < 0)
        return err_errno(err, fd, "the machine's serial port cannot be reached (is it on?)");
    _cleanup_(terminal_restore) struct terminal terminal = {0};
    terminal_raw(&terminal);
    int r = pump(fd, &terminal);
    return r < 0 ? err_errno(err, r, "console") : 0;
}
