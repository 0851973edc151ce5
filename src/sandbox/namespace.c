/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "sandbox/paths.h"

pid_t namespace_fork(bool user_namespace, struct err *err)
{
    unsigned long flags = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD;
    if (user_namespace)
        flags |= CLONE_NEWUSER;
    long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, 0L);
    if (pid >= 0)
        return (pid_t)pid;
    if (!user_namespace)
        return err_errno(err, -errno, "cannot make namespaces");
    return err_errno(err, -errno,
                     "this system does not let its users make namespaces (see the sysctls "
                     "kernel.unprivileged_userns_clone, user.max_user_namespaces and "
                     "kernel.apparmor_restrict_unprivileged_userns): run this as root or with "
                     "sudo");
}

static int write_proc(pid_t pid, const char *name, const char *text, struct err *err)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    _autofd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));
    return r < 0 ? err_errno(err, r, "%s", path) : 0;
}

int namespace_map_user(pid_t child, struct err *err)
{
    char map[64];
    int r = write_proc(child, "setgroups", "deny", err);
    if (r < 0)
        return r;
    (void)snprintf(map, sizeof(map), "0 %u 1\n", getuid());
    r = write_proc(child, "uid_map", map, err);
    if (r < 0)
        return r;
    (void)snprintf(map, sizeof(map), "0 %u 1\n", getgid());
    return write_proc(child, "gid_map", map, err);
}

/*
 * Mounts over the host's view, which is made private first so that nothing of this is seen outside.
 * Where the folder is no mount point (a bare root file system) the host's view has to do.
 */
static void mount_own(const char *type, const char *where)
{
    if (mount(NULL, where, NULL, MS_PRIVATE | MS_REC, NULL) == 0)
        (void)mount(type, where, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int namespace_enter_child(struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_errno(err, -errno, "cannot bind the supervisor's life to its keeper's");
    mount_own("proc", "/proc");
    mount_own("sysfs", "/sys");
    return 0;
}

/* Runs ip(8) over the given lines. */
static int ip_batch(const char *lines, struct err *err)
{
    static const char *const argv[] = {"ip", "-batch", "-", NULL};
    struct proc_options options = {.input = lines, .input_len = strlen(lines)};
    int r = proc_run(argv, &options, NULL, err);
    return r == -ENOENT ? err_set(err, r, "ip is missing: install the package iproute2") : r;
}

int namespace_make_bridge(struct cidr address, struct err *err)
{
    char text[CIDR_TEXT_SIZE];
    _autobuf_ struct buf lines = BUF_INIT;
    buf_adds(&lines, "link set lo up\n");
    /* No spanning tree and no forwarding delay: a machine's first packet must get through. */
    buf_adds(&lines, "link add " SANDBOX_BRIDGE " type bridge stp_state 0 forward_delay 0 "
                     "mcast_snooping 0\n");
    buf_printf(&lines, "addr add %s brd + dev " SANDBOX_BRIDGE "\n", cidr_text(address, text));
    buf_adds(&lines, "link set " SANDBOX_BRIDGE " up\n");
    int r = buf_error(&lines);
    if (r == 0)
        r = ip_batch(buf_str(&lines), err);
    return r < 0 ? err_wrap(err, "cannot make the bridge") : 0;
}

int namespace_add_tap(const char *name, struct err *err)
{
    _autobuf_ struct buf lines = BUF_INIT;
    buf_printf(&lines, "tuntap add dev %s mode tap\n", name);
    buf_printf(&lines, "link set dev %s master " SANDBOX_BRIDGE " up\n", name);
    int r = buf_error(&lines);
    if (r == 0)
        r = ip_batch(buf_str(&lines), err);
    if (r == 0)
        return 0;
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return err_set(err, -EACCES,
                       "/dev/net/tun is missing or may not be opened: run this as root, or load "
                       "the module tun and give the device the mode 0666 that udev gives it");
    return err_wrap(err, "cannot make the interface %s", name);
}

int namespace_remove_tap(const char *name, struct err *err)
{
    const char *const argv[] = {"ip", "link", "delete", name, NULL};
    return proc_run(argv, &(struct proc_options){0}, NULL, err);
}

static bool same_user_namespace(pid_t pid)
{
    char path[64];
    struct stat ours, theirs;
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
    return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/*
 * Joining a mount namespace moves to that namespace's topmost root, which is not the root of a
 * process in a chroot: so the supervisor's root is taken along.
 */
static int enter_root(int root, const char *cwd)
{
    if (fchdir(root) < 0 || chroot(".") < 0)
        return -errno;
    if (chdir(cwd) < 0)
        (void)!chdir("/");
    return 0;
}

int namespace_join(pid_t pid, struct err *err)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
    _autofree_ char *cwd = getcwd(NULL, 0);
    _autofd_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    _autofd_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || root < 0)
        return err_errno(err, -errno, "the sandbox's supervisor cannot be reached");
    int flags = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS;
    if (!same_user_namespace(pid))
        flags |= CLONE_NEWUSER;
    if (setns(fd, flags) < 0)
        return err_errno(err, -errno, "cannot enter the sandbox (is it another user's?)");
    int r = enter_root(root, cwd ? cwd : "/");
    return r < 0 ? err_errno(err, r, "cannot enter the sandbox's file system") : 0;
}
