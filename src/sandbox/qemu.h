/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's command line for a machine. It runs with the machine's own folder as its working folder,
 * so that every path in it is short and relative.
 */
#pragma once

#include "sandbox/argv.h"
#include "sandbox/config.h"

enum { SANDBOX_IFNAME_SIZE = 16 };

/* What the host offers to every machine. */
struct qemu_host {
    bool kvm;
    const char *ovmf_code; /* path of OVMF's code image; may be NULL without UEFI machines */
    unsigned index;        /* of the machine: names its tap interfaces vmINDEX-NIC */
};

/* The tap interface of a machine's NIC. */
void qemu_tap_name(char dst[static SANDBOX_IFNAME_SIZE], unsigned index, size_t nic);

/* Appends the whole command line to a. Pure. */
void qemu_command(const struct sandbox_machine *machine, const struct qemu_host *host,
                  struct argv *a);

/*
 * OVMF's code image and the matching template of its variables on this host. 0, or -ENOENT with
 * what to install in err. The strings are static.
 */
int qemu_find_ovmf(const char **ret_code, const char **ret_vars, struct err *err) _must_check_;
