/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/program.h"

#include "base/cleanup.h"

/*
 * snponly.efi drives the network card through the firmware's own driver, which is the one that has
 * just been seen to work; ipxe.efi's drivers are the choice where the firmware has none.
 */
static const struct {
    enum dhcp_platform platform;
    enum dhcp_cpu cpu;
    const char *file;
} programs[] = {
    {DHCP_PLATFORM_BIOS, DHCP_CPU_X86, "undionly.kpxe"},
    {DHCP_PLATFORM_BIOS, DHCP_CPU_X64, "undionly.kpxe"},
    {DHCP_PLATFORM_UEFI, DHCP_CPU_X64, "snponly.efi"},
};

const char *boot_program(const struct dhcp_firmware *firmware)
{
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        if (programs[i].platform == firmware->platform && programs[i].cpu == firmware->cpu)
            return programs[i].file;
    }
    return NULL;
}
