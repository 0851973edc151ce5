/* SPDX-License-Identifier: Apache-2.0 */
/* A Debian kernel package unpacked into a temporary folder, and the module tables made from it. */
#pragma once

#include "base/err.h"
#include "image/cpio.h"
#include "image/initrd-modules.h"

struct initrd_kernel {
    char *folder;      /* temporary, removed by initrd_kernel_clear() */
    char *vmlinuz;     /* path */
    char *modules;     /* path of lib/modules/VERSION */
    char version[128]; /* as uname -r says it */
};

void initrd_kernel_clear(struct initrd_kernel *kernel);

/*
 * Fetches `package` (a kernel image's package or a metapackage that depends on one) with apt-get,
 * or takes the package file `deb`; unpacks it and runs depmod. 0 or a negative errno.
 */
int initrd_kernel_open(const char *package, const char *deb, struct initrd_kernel *ret,
                       struct err *err) _must_check_;

/* module_select() over the tables of this kernel. */
int initrd_kernel_select(const struct initrd_kernel *kernel, const char *set,
                         struct module_selection *ret, struct err *err) _must_check_;

/*
 * Adds the firmware that the chosen modules name and that one of the folders holds (a
 * NULL-terminated list) to lib/firmware. What is not there is left out: most names are of boards
 * that nobody has. 0 or a negative errno.
 */
int initrd_firmware(struct cpio *cpio, const struct initrd_kernel *kernel,
                    const struct module_selection *selection, const char *const *folders,
                    struct err *err) _must_check_;
