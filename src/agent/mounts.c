/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define EFIVARS "/sys/firmware/efi/efivars"

int mounts_basic(void)
{
    static const struct {
        const char *type, *path;
        unsigned long flags;
        const char *data;
    } mounts[] = {
        {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
        {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
        {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
        {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755,size=16m"},
    };
    int result = 0;
    for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
        (void)mkdir(mounts[i].path, 0755);
        if (mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags, mounts[i].data) <
                0 &&
            errno != EBUSY && result == 0)
            result = -errno;
    }
    return result;
}

int mounts_efivars(void)
{
    struct stat st;
    if (stat("/sys/firmware/efi", &st) < 0)
        return -ENODEV;
    if (mount("efivarfs", EFIVARS, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
        errno != EBUSY)
        return -errno;
    return 0;
}
