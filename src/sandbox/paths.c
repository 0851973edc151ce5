/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/paths.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

int sandbox_path(char dst[static SANDBOX_PATH_MAX], const char *state, const char *format, ...)
{
    int head = snprintf(dst, SANDBOX_PATH_MAX, "%s/", state);
    if (head < 0 || head >= SANDBOX_PATH_MAX)
        return -ENAMETOOLONG;
    size_t room = SANDBOX_PATH_MAX - (size_t)head;
    va_list args;
    va_start(args, format);
    int tail = vsnprintf(dst + head, room, format, args);
    va_end(args);
    return tail < 0 || (size_t)tail >= room ? -ENAMETOOLONG : 0;
}

char *sandbox_default_state(void)
{
    const char *state = getenv("SLIPWAY_SANDBOX");
    if (!str_empty(state))
        return str_format("%s", state);
    state = getenv("XDG_STATE_HOME");
    if (!str_empty(state))
        return str_format("%s/slipway-sandbox", state);
    state = getenv("HOME");
    return str_empty(state) ? NULL : str_format("%s/.local/state/slipway-sandbox", state);
}

int sandbox_connect(const char *folder, const char *name)
{
    _autofd_ int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    _autofd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return TAKE_FD(fd);
}
