/* SPDX-License-Identifier: Apache-2.0 */
#include "node/host-namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"

int host_namespace_enter(struct err *err)
{
    _autofd_ int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "--host: the mount namespace of process 1");
    if (setns(fd, CLONE_NEWNS) < 0)
        return err_errno(err, -errno,
                         "--host: cannot enter the mount namespace of process 1 (podman run "
                         "--privileged --pid=host)");
    return chdir("/") < 0 ? err_errno(err, -errno, "--host: /") : 0;
}
