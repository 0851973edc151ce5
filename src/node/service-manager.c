/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service-manager.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/str.h"

void service_manager_tell(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (str_empty(path) || str_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
        return;
    size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    /* '@' stands for the NUL of an abstract socket. */
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    _autofd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)len);
}
