/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds what a blank machine boots over the network: a Debian kernel and an initrd that holds
 * slipway-agent as its first process, the kernel modules that it may need, and their index. Needs
 * no root; the same kernel package, agent and set of modules give the same bytes.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct initrd_options {
    const char *kernel_package;  /* Debian's name, fetched with apt-get; or NULL */
    const char *kernel_deb;      /* a package file; or NULL: one of the two is given */
    const char *modules;         /* as for module_select() */
    const char *agent;           /* path of the static slipway-agent */
    const char *const *firmware; /* folders searched for firmware that modules name; or NULL */
    const char *folder;          /* where vmlinuz and initrd.img are written */
    int level;                   /* zstd level; 0: not compressed */
    void (*on_step)(void *data, const char *text); /* may be NULL */
    void *data;
};

struct initrd_result {
    char kernel_version[128];
    size_t modules;
    uint64_t kernel_bytes, initrd_bytes, unpacked_bytes;
};

/* Writes FOLDER/vmlinuz and FOLDER/initrd.img, each at once or not at all. 0 or a negative errno.
 */
int initrd_build(const struct initrd_options *options, struct initrd_result *ret, struct err *err)
    _must_check_;
