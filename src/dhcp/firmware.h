/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program speaks DHCP: recognised from options 60, 77, 93, 175 and the MAC's vendor, by
 * tables. Everything here is a hint about what to send, never an identity: anybody can forge it.
 */
#pragma once

#include "dhcp/message.h"

enum dhcp_client_kind {
    DHCP_CLIENT_PLAIN, /* an operating system, or stage2 */
    DHCP_CLIENT_PXE,   /* firmware that fetches a boot program by TFTP */
    DHCP_CLIENT_HTTP,  /* UEFI HTTP Boot */
    DHCP_CLIENT_IPXE,
    DHCP_CLIENT_UBOOT,
};

enum dhcp_platform {
    DHCP_PLATFORM_UNKNOWN,
    DHCP_PLATFORM_BIOS,
    DHCP_PLATFORM_UEFI,
    DHCP_PLATFORM_UBOOT,
    DHCP_PLATFORM_RASPBERRY_PI
};

enum dhcp_cpu {
    DHCP_CPU_UNKNOWN,
    DHCP_CPU_X86,
    DHCP_CPU_X64,
    DHCP_CPU_ARM32,
    DHCP_CPU_ARM64,
    DHCP_CPU_RISCV64,
    DHCP_CPU_LOONGARCH64
};

struct dhcp_firmware {
    enum dhcp_client_kind kind;
    enum dhcp_platform platform;
    enum dhcp_cpu cpu;
    bool has_architecture;
    uint16_t architecture; /* option 93's value that was used (IANA processor architecture) */
    bool slipway;          /* user class "slipway": stage2 or slipway-node */
    char vendor_class[65]; /* option 60, printable only */
    char user_class[65];   /* option 77, printable only: raw or RFC 3004 */
    bool has_uuid;
    uint8_t uuid[16]; /* option 97 as on the wire: SMBIOS order */
    /* Of iPXE's feature list (175): what the running build can do. */
    bool ipxe_http, ipxe_https, ipxe_efi, ipxe_bzimage;
};

struct dhcp_firmware dhcp_firmware_of(const struct dhcp_message *request);

/* For lines and events: "BIOS x86 PXE", "UEFI x64 iPXE", "plain DHCP". Constant parts, into dst. */
const char *dhcp_firmware_text(const struct dhcp_firmware *f, char *dst, size_t size);
const char *dhcp_client_kind_text(enum dhcp_client_kind kind);
const char *dhcp_platform_text(enum dhcp_platform platform);
const char *dhcp_cpu_text(enum dhcp_cpu cpu);

#define DHCP_UUID_TEXT_SIZE 37

/*
 * The UUID as Linux shows it (/sys/class/dmi/id/product_uuid): SMBIOS keeps the first three fields
 * little-endian. Lower case. Returns dst.
 */
const char *dhcp_uuid_text(const uint8_t uuid[static 16], char dst[static DHCP_UUID_TEXT_SIZE]);
