/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which boot program a firmware is given first. Client kinds are recognised by dhcp/firmware.h; the
 * files are Debian's ipxe package, kept in the server's boot folder.
 */
#pragma once

#include "dhcp/firmware.h"

/* The file in the boot folder ("undionly.kpxe"), or NULL when Slipway has none for this firmware.
 */
const char *boot_program(const struct dhcp_firmware *firmware);
