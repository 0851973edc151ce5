/* SPDX-License-Identifier: Apache-2.0 */
/* The iPXE scripts that the server generates (https://ipxe.org/scripting). */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "boot/plan.h"

#define BOOT_PATH_IPXE "/boot/ipxe"
#define BOOT_PATH_KERNEL "/boot/vmlinuz"
#define BOOT_PATH_INITRD "/boot/initrd.img"
/* What starts a machine's own disk, in the boot folder, which is served below /boot. */
#define BOOT_NAME_LOCAL_EFI "local.efi"
#define BOOT_NAME_LOCAL_BIOS "local.0"

struct ipxe_script {
    const char *base_url;         /* "http://10.0.0.1:8080", without a slash at the end */
    const char *server_key;       /* the server's public key as text */
    const char *kernel_arguments; /* more arguments for stage2's kernel; NULL: none */
    const char *machine;          /* the Machine's name; NULL when unknown */
    struct mac mac;               /* the interface that booted */
    struct boot_plan plan;
};

/* The script that carries out the plan for one machine, appended to out. */
void ipxe_script(const struct ipxe_script *script, struct buf *out);

/*
 * The script for a client of which nothing is known but that it runs iPXE: it asks again with all
 * that identifies it. Served as autoexec.ipxe, too, which new iPXE asks for before anything else.
 */
void ipxe_script_identify(const char *base_url, struct buf *out);
