/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/ipxe.h"

#include <string.h>

/* Text that ends up in a script may not end its line or be expanded: iPXE knows no quoting. */
static void add_plain(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        buf_addc(out, *p < 0x20 || *p == 0x7f || *p == '$' || *p == '|' || *p == '&' ? '_' : *p);
}

static void add_bootif(struct buf *out, struct mac mac)
{
    char text[MAC_TEXT_SIZE];
    (void)mac_text(mac, text);
    for (char *p = text; *p; p++) {
        if (*p == ':')
            *p = '-';
    }
    buf_printf(out, " BOOTIF=01-%s", text);
}

static void add_stage2(const struct ipxe_script *s, struct buf *out)
{
    buf_printf(out, ":stage2\nkernel %s%s initrd=initrd.img slipway.server=%s slipway.key=%s",
               s->base_url, BOOT_PATH_KERNEL, s->base_url, s->server_key);
    add_bootif(out, s->mac);
    if (s->machine) {
        buf_adds(out, " slipway.machine=");
        add_plain(out, s->machine);
    }
    if (s->kernel_arguments) {
        buf_addc(out, ' ');
        add_plain(out, s->kernel_arguments);
    }
    buf_adds(out, " || goto failed\n");
    buf_printf(out, "initrd --name initrd.img %s%s || goto failed\n", s->base_url,
               BOOT_PATH_INITRD);
    buf_adds(out, "boot || goto failed\n"
                  ":failed\n"
                  "echo Slipway: booting stage2 failed, trying again in 5 seconds\n"
                  "imgfree\n"
                  "sleep 5\n"
                  "goto stage2\n");
}

/*
 * A small GRUB that finds the disk with the installed system. Without it, BIOS: the firmware's
 * disks in turn, until one has a boot sector. UEFI: leaving with an error comes second, because
 * many boot managers then try every other network protocol, for minutes, before the disk.
 */
static void add_local(const struct ipxe_script *s, struct buf *out)
{
    buf_printf(out,
               "iseq ${platform} efi && goto efi ||\n"
               "chain %s/boot/" BOOT_NAME_LOCAL_BIOS " ||\n"
               "sanboot --no-describe --drive 0x80 ||\n"
               "sanboot --no-describe --drive 0x81 ||\n"
               "sanboot --no-describe --drive 0x82 ||\n"
               "sanboot --no-describe --drive 0x83 ||\n"
               "echo Slipway: no disk could be booted; asking again in 15 seconds\n"
               "sleep 15\n"
               "reboot\n"
               ":efi\n"
               "chain %s/boot/" BOOT_NAME_LOCAL_EFI " ||\n"
               "exit 1\n",
               s->base_url, s->base_url);
}

void ipxe_script(const struct ipxe_script *script, struct buf *out)
{
    buf_adds(out, "#!ipxe\necho Slipway: ");
    if (script->machine) {
        add_plain(out, script->machine);
        buf_adds(out, ": ");
    }
    add_plain(out, script->plan.reason);
    buf_addc(out, '\n');
    switch (script->plan.action) {
    case BOOT_STAGE2:
        add_stage2(script, out);
        break;
    case BOOT_LOCAL:
    case BOOT_NOTHING:
        add_local(script, out);
        break;
    }
}

void ipxe_script_identify(const char *base_url, struct buf *out)
{
    buf_printf(out,
               "#!ipxe\n"
               "isset ${net0/ip} || dhcp || goto failed\n"
               ":ask\n"
               "chain --replace %s%s?mac=${netX/mac:hexhyp}&uuid=${uuid}"
               "&serial=${serial:uristring}&platform=${platform}&asked=1 || goto failed\n"
               ":failed\n"
               "echo Slipway: no answer from %s, trying again in 5 seconds\n"
               "sleep 5\n"
               "isset ${net0/ip} || dhcp ||\n"
               "goto ask\n",
               base_url, BOOT_PATH_IPXE, base_url);
}
