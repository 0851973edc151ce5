/* SPDX-License-Identifier: Apache-2.0 */
#include "server/privilege.h"

#include <cap-ng.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>

/* Never needed after the start; each would help whoever took the process over. */
static const int refused_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(personality),
};

static int drop_capabilities(struct err *err)
{
    static const unsigned kept[] = {CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_NET_ADMIN};
    bool had[ARRAY_SIZE(kept)];
    capng_get_caps_process();
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        had[i] = capng_have_capability(CAPNG_EFFECTIVE, kept[i]) != 0;
    bool bounded = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
    capng_clear(CAPNG_SELECT_BOTH);
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        if (had[i])
            (void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
                               kept[i]);
    }
    if (capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0)
        return err_set(err, -EPERM, "cannot drop capabilities");
    return 0;
}

static int load_filter(struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return err_set(err, -ENOMEM, "cannot make the system call filter");
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(refused_calls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0);
    /* All threads, also those of libuv and libmicrohttpd that run already. */
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r < 0 ? err_errno(err, r, "cannot load the system call filter") : 0;
}

int privilege_drop(struct err *err)
{
    int r = drop_capabilities(err);
    if (r < 0)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(err, -errno, "cannot renounce new privileges");
    return load_filter(err);
}
