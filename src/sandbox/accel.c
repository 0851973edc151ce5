/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/accel.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "sandbox/paths.h"

/* Emulation boots this kernel in 3 seconds on a slow host; KVM that needs longer helps nobody. */
enum { TRIAL_TIMEOUT_MS = 10000 };

bool accel_kernel_came_up(const char *console)
{
    return strstr(console, "Unable to mount root fs") || strstr(console, "Run /init as init");
}

static void decide(struct accel *accel, bool kvm, const char *reason)
{
    accel->kvm = kvm;
    (void)snprintf(accel->reason, sizeof(accel->reason), "%s", reason);
}

/* False, with the reason, when there is nothing to try. */
static bool kvm_present(struct accel *accel)
{
    _autofd_ int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return true;
    decide(accel, false,
           errno == ENOENT ? "this host has no /dev/kvm"
           : errno == EACCES || errno == EPERM
               ? "/dev/kvm may not be opened (is this user in the group kvm?)"
               : "/dev/kvm cannot be opened");
    return false;
}

/* Boots the kernel without a root file system: it panics at once, and -no-reboot ends QEMU. */
static int trial(const char *kernel, struct accel *ret, struct err *err)
{
    const char *argv[] = {"qemu-system-x86_64",
                          "-nodefaults",
                          "-no-user-config",
                          "-display",
                          "none",
                          "-machine",
                          "q35",
                          "-accel",
                          "kvm",
                          "-cpu",
                          "host",
                          "-smp",
                          "2",
                          "-m",
                          "256",
                          "-no-reboot",
                          "-serial",
                          "stdio",
                          "-kernel",
                          kernel,
                          "-append",
                          "console=ttyS0 panic=-1",
                          NULL};
    _autobuf_ struct buf console = BUF_INIT_MAX(1 << 20);
    struct proc_options options = {.output = &console, .timeout_ms = TRIAL_TIMEOUT_MS};
    struct err failure = ERR_INIT;
    int r = proc_run(argv, &options, NULL, &failure);
    if (r == -ENOENT)
        return err_set(err, r,
                       "qemu-system-x86_64 is missing: install the package "
                       "qemu-system-x86");
    if (accel_kernel_came_up(buf_str(&console)))
        decide(ret, true, "a kernel boots with KVM here");
    else if (r == -ETIMEDOUT)
        decide(ret, false, "/dev/kvm opens, but a stock kernel does not boot with it here");
    else
        decide(ret, false, "/dev/kvm opens, but QEMU cannot use it");
    return 0;
}

/* What the answer depends on: this boot of the host, this QEMU, this kernel. */
static int fingerprint(const char *kernel, char *dst, size_t size)
{
    _autofree_ char *boot_id = NULL;
    int r = file_read("/proc/sys/kernel/random/boot_id", 256, &boot_id, NULL, NULL);
    if (r < 0)
        return r;
    boot_id[strcspn(boot_id, "\n")] = '\0';
    char qemu[SANDBOX_PATH_MAX];
    struct stat q = {0}, k = {0};
    if (!proc_find("qemu-system-x86_64", qemu, sizeof(qemu)) || stat(qemu, &q) < 0 ||
        stat(kernel, &k) < 0)
        return -ENOENT;
    (void)snprintf(dst, size, "%s %lld %lld", boot_id, (long long)q.st_mtime, (long long)k.st_size);
    return 0;
}

static bool recall(const char *path, const char *print, struct accel *ret)
{
    json_auto_t *known = json_load_file(path, 0, NULL);
    if (!str_eq(json_string_value(json_object_get(known, "fingerprint")), print))
        return false;
    const char *reason = json_string_value(json_object_get(known, "reason"));
    decide(ret, json_is_true(json_object_get(known, "kvm")), reason ? reason : "known already");
    return true;
}

/* Failing to remember costs the next start a few seconds, nothing else. */
static void remember(const char *path, const char *print, const struct accel *accel)
{
    json_auto_t *known = json_pack("{s:s, s:b, s:s}", "fingerprint", print, "kvm", accel->kvm,
                                   "reason", accel->reason);
    _autofree_ char *text = known ? json_dumps(known, JSON_INDENT(2)) : NULL;
    if (text)
        (void)!file_write_atomic(path, text, strlen(text), 0644, NULL);
}

static int trial_remembered(const char *kernel, const char *cache, struct accel *ret,
                            struct err *err)
{
    char print[128];
    char path[SANDBOX_PATH_MAX];
    if (!cache || dir_make(cache, 0755, NULL) < 0 ||
        fingerprint(kernel, print, sizeof(print)) < 0 ||
        sandbox_path(path, cache, "kvm-trial.json") < 0)
        return trial(kernel, ret, err);
    if (recall(path, print, ret))
        return 0;
    int r = trial(kernel, ret, err);
    if (r == 0)
        remember(path, print, ret);
    return r;
}

int accel_choose(enum sandbox_accel want, const char *kernel, const char *cache, struct accel *ret,
                 struct err *err)
{
    *ret = (struct accel){0};
    if (want != SANDBOX_ACCEL_AUTO) {
        decide(ret, want == SANDBOX_ACCEL_KVM, "as asked for");
        return 0;
    }
    if (!kvm_present(ret))
        return 0;
    if (!kernel) {
        decide(ret, false, "no kernel image at hand to try KVM with");
        return 0;
    }
    return trial_remembered(kernel, cache, ret, err);
}
