/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/firmware.h"

#include <stdio.h>

#include "base/str.h"

/* IANA "Processor Architecture Types" (RFC 5970 and later), as firmware really uses them. */
static const struct architecture {
    uint16_t number;
    enum dhcp_platform platform;
    enum dhcp_cpu cpu;
    bool http;
} architectures[] = {
    {0, DHCP_PLATFORM_BIOS, DHCP_CPU_X86, false},
    {6, DHCP_PLATFORM_UEFI, DHCP_CPU_X86, false},
    {7, DHCP_PLATFORM_UEFI, DHCP_CPU_X64, false},
    {9, DHCP_PLATFORM_UEFI, DHCP_CPU_X64, false}, /* "EBC" by the list, x64 by firmware */
    {10, DHCP_PLATFORM_UEFI, DHCP_CPU_ARM32, false},
    {11, DHCP_PLATFORM_UEFI, DHCP_CPU_ARM64, false},
    {15, DHCP_PLATFORM_UEFI, DHCP_CPU_X86, true},
    {16, DHCP_PLATFORM_UEFI, DHCP_CPU_X64, true},
    {17, DHCP_PLATFORM_UEFI, DHCP_CPU_X64, true},
    {18, DHCP_PLATFORM_UEFI, DHCP_CPU_ARM32, true},
    {19, DHCP_PLATFORM_UEFI, DHCP_CPU_ARM64, true},
    {20, DHCP_PLATFORM_BIOS, DHCP_CPU_X86, true},
    {21, DHCP_PLATFORM_UBOOT, DHCP_CPU_ARM32, false},
    {22, DHCP_PLATFORM_UBOOT, DHCP_CPU_ARM64, false},
    {23, DHCP_PLATFORM_UBOOT, DHCP_CPU_ARM32, true},
    {24, DHCP_PLATFORM_UBOOT, DHCP_CPU_ARM64, true},
    {27, DHCP_PLATFORM_UEFI, DHCP_CPU_RISCV64, false},
    {28, DHCP_PLATFORM_UEFI, DHCP_CPU_RISCV64, true},
    {39, DHCP_PLATFORM_UEFI, DHCP_CPU_LOONGARCH64, false},
    {40, DHCP_PLATFORM_UEFI, DHCP_CPU_LOONGARCH64, true},
    {41, DHCP_PLATFORM_RASPBERRY_PI, DHCP_CPU_ARM64, false},
};

/* Vendors whose boot ROM says "PXEClient, architecture 0" though it is no PC. */
static const uint8_t raspberry_pi_vendors[][3] = {
    {0xb8, 0x27, 0xeb}, {0xdc, 0xa6, 0x32}, {0xe4, 0x5f, 0x01},
    {0x28, 0xcd, 0xc1}, {0xd8, 0x3a, 0xdd}, {0x2c, 0xcf, 0x67},
};

/* What option 60 begins with. The longest match is not needed: none is a prefix of another. */
static const struct {
    const char *prefix;
    enum dhcp_client_kind kind;
} vendor_classes[] = {
    {"PXEClient", DHCP_CLIENT_PXE},
    {"HTTPClient", DHCP_CLIENT_HTTP},
    {"U-Boot", DHCP_CLIENT_UBOOT},
};

enum { IPXE_HTTP = 0x13, IPXE_HTTPS = 0x14, IPXE_BZIMAGE = 0x18, IPXE_EFI = 0x24 };

static const struct architecture *find_architecture(uint16_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(architectures); i++) {
        if (architectures[i].number == number)
            return &architectures[i];
    }
    return NULL;
}

/* "PXEClient:Arch:00007:UNDI:003016": firmware that sends no option 93 still says it here. */
static bool architecture_in_class(const char *vendor_class, uint16_t *ret)
{
    const char *digits = strstr(vendor_class, ":Arch:");
    if (!digits)
        return false;
    unsigned value = 0;
    digits += strlen(":Arch:");
    size_t n = 0;
    for (; n < 5 && digits[n] >= '0' && digits[n] <= '9'; n++)
        value = value * 10 + (unsigned)(digits[n] - '0');
    *ret = (uint16_t)value;
    return n == 5 && value <= UINT16_MAX;
}

/* Of several the first that the table knows, else the first. */
static void read_architecture(const struct dhcp_message *m, struct dhcp_firmware *f)
{
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_ARCHITECTURE);
    while (rd_left(&r) >= 2) {
        uint16_t number = rd_u16(&r);
        if (!f->has_architecture)
            f->architecture = number;
        f->has_architecture = true;
        if (find_architecture(number)) {
            f->architecture = number;
            return;
        }
    }
    if (!f->has_architecture)
        f->has_architecture = architecture_in_class(f->vendor_class, &f->architecture);
}

static void copy_printable(struct rd value, char *dst, size_t size)
{
    size_t n = 0;
    while (n + 1 < size && rd_left(&value)) {
        uint8_t c = rd_u8(&value);
        if (c == 0)
            break;
        dst[n++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
    }
    dst[n] = '\0';
}

/*
 * Option 77: RFC 3004 wants a list of length-prefixed classes; iPXE and others send the bare text.
 * A list of one class, exactly as long as it says, is taken for RFC 3004.
 */
static void read_user_class(const struct dhcp_message *m, struct dhcp_firmware *f)
{
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_USER_CLASS);
    struct rd list = r;
    size_t len = rd_u8(&list);
    bool listed = rd_ok(&list) && len && len <= rd_left(&list);
    copy_printable(listed ? rd_sub(&list, len) : r, f->user_class, sizeof(f->user_class));
}

static void read_ipxe(const struct dhcp_message *m, struct dhcp_firmware *f)
{
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_IPXE);
    for (struct dhcp_tlv t; dhcp_tlv_next(&r, &t);) {
        f->ipxe_http |= t.code == IPXE_HTTP;
        f->ipxe_https |= t.code == IPXE_HTTPS;
        f->ipxe_bzimage |= t.code == IPXE_BZIMAGE;
        f->ipxe_efi |= t.code == IPXE_EFI;
    }
}

static void read_uuid(const struct dhcp_message *m, struct dhcp_firmware *f)
{
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_MACHINE_ID);
    if (r.len != 1 + sizeof(f->uuid) || rd_u8(&r) != 0)
        return;
    rd_copy(&r, f->uuid, sizeof(f->uuid));
    f->has_uuid = true;
}

static bool is_raspberry_pi(struct mac mac)
{
    for (size_t i = 0; i < ARRAY_SIZE(raspberry_pi_vendors); i++) {
        if (memcmp(mac.b, raspberry_pi_vendors[i], 3) == 0)
            return true;
    }
    return false;
}

static enum dhcp_client_kind kind_of(const struct dhcp_message *m, const struct dhcp_firmware *f)
{
    if (str_eq(f->user_class, "iPXE") || str_eq(f->user_class, "gPXE") ||
        dhcp_options_has(&m->options, DHCP_OPTION_IPXE))
        return DHCP_CLIENT_IPXE;
    if (f->platform == DHCP_PLATFORM_UBOOT)
        return DHCP_CLIENT_UBOOT;
    for (size_t i = 0; i < ARRAY_SIZE(vendor_classes); i++) {
        if (str_after(f->vendor_class, vendor_classes[i].prefix))
            return vendor_classes[i].kind;
    }
    return DHCP_CLIENT_PLAIN;
}

struct dhcp_firmware dhcp_firmware_of(const struct dhcp_message *m)
{
    struct dhcp_firmware f = {0};
    copy_printable(dhcp_options_get(&m->options, DHCP_OPTION_VENDOR_CLASS), f.vendor_class,
                   sizeof(f.vendor_class));
    read_user_class(m, &f);
    read_uuid(m, &f);
    read_ipxe(m, &f);
    read_architecture(m, &f);
    f.slipway = str_eq(f.user_class, "slipway");
    const struct architecture *a = f.has_architecture ? find_architecture(f.architecture) : NULL;
    if (a) {
        f.platform = a->platform;
        f.cpu = a->cpu;
    }
    f.kind = kind_of(m, &f);
    if (f.kind == DHCP_CLIENT_PXE && f.architecture == 0 && is_raspberry_pi(dhcp_message_mac(m))) {
        f.platform = DHCP_PLATFORM_RASPBERRY_PI;
        f.cpu = DHCP_CPU_ARM64;
    }
    if (f.kind == DHCP_CLIENT_UBOOT)
        f.platform = DHCP_PLATFORM_UBOOT;
    return f;
}

const char *dhcp_client_kind_text(enum dhcp_client_kind kind)
{
    static const char *const texts[] = {"plain DHCP", "PXE", "HTTP Boot", "iPXE", "U-Boot"};
    return texts[kind];
}

const char *dhcp_platform_text(enum dhcp_platform platform)
{
    static const char *const texts[] = {"", "BIOS", "UEFI", "U-Boot", "Raspberry Pi"};
    return texts[platform];
}

const char *dhcp_cpu_text(enum dhcp_cpu cpu)
{
    static const char *const texts[] = {"",      "x86",     "x64",        "arm32",
                                        "arm64", "riscv64", "loongarch64"};
    return texts[cpu];
}

const char *dhcp_firmware_text(const struct dhcp_firmware *f, char *dst, size_t size)
{
    const char *platform = dhcp_platform_text(f->platform), *cpu = dhcp_cpu_text(f->cpu);
    if (f->slipway)
        (void)snprintf(dst, size, "Slipway");
    else if (f->kind == DHCP_CLIENT_PLAIN || !platform[0])
        (void)snprintf(dst, size, "%s", dhcp_client_kind_text(f->kind));
    else if (f->kind == DHCP_CLIENT_UBOOT)
        (void)snprintf(dst, size, "%s%s%s", platform, cpu[0] ? " " : "", cpu);
    else
        (void)snprintf(dst, size, "%s %s %s", platform, cpu, dhcp_client_kind_text(f->kind));
    return dst;
}

const char *dhcp_uuid_text(const uint8_t u[static 16], char dst[static DHCP_UUID_TEXT_SIZE])
{
    (void)snprintf(dst, DHCP_UUID_TEXT_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[3],
                   u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8], u[9], u[10], u[11], u[12], u[13],
                   u[14], u[15]);
    return dst;
}
