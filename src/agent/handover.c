/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/handover.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/openat2.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define ROOT_MOUNT "/mnt"
enum { DEVICE_TRIES = 50, DEVICE_WAIT_MS = 20, COMMAND_LINE_SIZE = 2048 };

static const char *const root_types[] = {"ext4", "xfs", "btrfs", NULL};

void partition_device(const char *disk, unsigned number, char *dst, size_t size)
{
    size_t n = strlen(disk);
    bool digit = n && isdigit((unsigned char)disk[n - 1]);
    (void)snprintf(dst, size, "/dev/%s%s%u", disk, digit ? "p" : "", number);
}

int partition_mount(const char *device, const char *const *types, const char *path, struct err *err)
{
    struct stat st;
    for (int i = 0; i < DEVICE_TRIES && stat(device, &st) < 0; i++)
        clock_sleep_ms(DEVICE_WAIT_MS);
    (void)mkdir(path, 0755);
    int r = -ENODEV;
    for (size_t i = 0; types[i]; i++) {
        if (mount(device, path, types[i], MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
            return 0;
        /* A file system that the kernel lacks says less than one that is not what it seems. */
        if (errno != ENODEV || r == -ENODEV)
            r = -errno;
    }
    return err_errno(err, r, "%s cannot be mounted", device);
}

/* Opens a path as the installed system would see it: its symbolic links stay inside. */
static int open_in_root(int root, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

static int load_files(const struct image_boot *boot, const char *cmdline, struct err *err)
{
    _autofd_ int root = open(ROOT_MOUNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, -errno, "the root partition");
    _autofd_ int kernel = open_in_root(root, boot->kernel);
    if (kernel < 0)
        return err_errno(err, kernel, "%s on the root partition", boot->kernel);
    _autofd_ int initrd = boot->initrd[0] ? open_in_root(root, boot->initrd) : -1;
    if (boot->initrd[0] && initrd < 0)
        return err_errno(err, initrd, "%s on the root partition", boot->initrd);
    unsigned long flags = initrd < 0 ? KEXEC_FILE_NO_INITRAMFS : 0;
    if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(cmdline) + 1, cmdline, flags) < 0)
        return err_errno(err, -errno, "kexec");
    return 0;
}

int handover_load(const struct image_boot *boot, const char *disk, const char *extra_arguments,
                  struct err *err)
{
    char device[64], cmdline[COMMAND_LINE_SIZE];
    if (!boot->root_partition || !boot->kernel[0])
        return err_set(err, -ENOTSUP, "the image does not say which kernel it starts");
    int n = snprintf(cmdline, sizeof(cmdline), "%s%s%s", boot->cmdline,
                     str_empty(extra_arguments) ? "" : " ", extra_arguments ? extra_arguments : "");
    if (n < 0 || (size_t)n >= sizeof(cmdline))
        return err_set(err, -E2BIG, "the kernel's arguments are too long");
    partition_device(disk, boot->root_partition, device, sizeof(device));
    int r = partition_mount(device, root_types, ROOT_MOUNT, err);
    if (r < 0)
        return r;
    r = load_files(boot, cmdline, err);
    (void)umount2(ROOT_MOUNT, MNT_DETACH);
    return r;
}

int handover_kexec(void)
{
    sync();
    return reboot(LINUX_REBOOT_CMD_KEXEC) < 0 ? -errno : 0;
}

int handover_reboot(void)
{
    sync();
    return reboot(LINUX_REBOOT_CMD_RESTART) < 0 ? -errno : 0;
}

int handover_power_off(void)
{
    sync();
    return reboot(LINUX_REBOOT_CMD_POWER_OFF) < 0 ? -errno : 0;
}
