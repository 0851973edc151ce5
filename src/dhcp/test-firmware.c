/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/test-support.h"

struct client {
    const char *what;
    const char *vendor_class;
    const char *user_class;
    size_t user_class_len;
    const uint8_t *arch;
    size_t arch_len;
    struct mac mac;
    enum dhcp_client_kind kind;
    enum dhcp_platform platform;
    enum dhcp_cpu cpu;
    const char *text;
};

#define ARCH(...)                                                                                  \
    .arch = (const uint8_t[]){__VA_ARGS__}, .arch_len = sizeof((uint8_t[]){__VA_ARGS__})
#define PI .mac = {{0xdc, 0xa6, 0x32, 1, 2, 3}}

static const struct client clients[] = {
    {"a BIOS ROM", "PXEClient:Arch:00000:UNDI:002001", ARCH(0, 0), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_BIOS, .cpu = DHCP_CPU_X86, .text = "BIOS x86 PXE"},
    {"EDK2", "PXEClient:Arch:00007:UNDI:003016", ARCH(0, 7), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64, .text = "UEFI x64 PXE"},
    {"UEFI that says EBC", "PXEClient:Arch:00009:UNDI:003016", ARCH(0, 9), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64, .text = "UEFI x64 PXE"},
    {"UEFI ia32", "PXEClient:Arch:00006:UNDI:003016", ARCH(0, 6), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X86, .text = "UEFI x86 PXE"},
    {"UEFI arm64", "PXEClient:Arch:00011:UNDI:003000", ARCH(0, 11), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_ARM64, .text = "UEFI arm64 PXE"},
    {"HTTP Boot x64", "HTTPClient:Arch:00016:UNDI:003001", ARCH(0, 16), .kind = DHCP_CLIENT_HTTP,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64, .text = "UEFI x64 HTTP Boot"},
    {"HTTP Boot ia32", "HTTPClient:Arch:00015:UNDI:003001", ARCH(0, 15), .kind = DHCP_CLIENT_HTTP,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X86, .text = "UEFI x86 HTTP Boot"},
    {"HTTP Boot arm64", "HTTPClient:Arch:00019:UNDI:003001", ARCH(0, 19), .kind = DHCP_CLIENT_HTTP,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_ARM64, .text = "UEFI arm64 HTTP Boot"},
    {"iPXE, raw option 77", "PXEClient:Arch:00000:UNDI:002001", "iPXE", 4, ARCH(0, 0),
     .kind = DHCP_CLIENT_IPXE, .platform = DHCP_PLATFORM_BIOS, .cpu = DHCP_CPU_X86,
     .text = "BIOS x86 iPXE"},
    {"iPXE, RFC 3004", "PXEClient:Arch:00007:UNDI:003010", "\4iPXE", 5, ARCH(0, 7),
     .kind = DHCP_CLIENT_IPXE, .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64,
     .text = "UEFI x64 iPXE"},
    {"several architectures, the first unknown", "PXEClient", ARCH(0, 99, 0, 7),
     .kind = DHCP_CLIENT_PXE, .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64,
     .text = "UEFI x64 PXE"},
    {"no option 93", "PXEClient:Arch:00007:UNDI:003016", .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_X64, .text = "UEFI x64 PXE"},
    {"an unknown architecture", "PXEClient", ARCH(0x12, 0x34), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_UNKNOWN, .cpu = DHCP_CPU_UNKNOWN, .text = "PXE"},
    {"an odd option 93", "PXEClient:Arch:00000", ARCH(0), .kind = DHCP_CLIENT_PXE,
     .platform = DHCP_PLATFORM_BIOS, .cpu = DHCP_CPU_X86, .text = "BIOS x86 PXE"},
    {"Raspberry Pi 5, architecture 0", "PXEClient:Arch:00000:UNDI:002001", ARCH(0, 0), PI,
     .kind = DHCP_CLIENT_PXE, .platform = DHCP_PLATFORM_RASPBERRY_PI, .cpu = DHCP_CPU_ARM64,
     .text = "Raspberry Pi arm64 PXE"},
    {"UEFI on a Raspberry Pi", "PXEClient:Arch:00011:UNDI:003016", ARCH(0, 11), PI,
     .kind = DHCP_CLIENT_PXE, .platform = DHCP_PLATFORM_UEFI, .cpu = DHCP_CPU_ARM64,
     .text = "UEFI arm64 PXE"},
    {"U-Boot by class", "U-Boot.armv8", .kind = DHCP_CLIENT_UBOOT, .platform = DHCP_PLATFORM_UBOOT,
     .cpu = DHCP_CPU_UNKNOWN, .text = "U-Boot"},
    {"U-Boot by architecture", "PXEClient", ARCH(0, 22), .kind = DHCP_CLIENT_UBOOT,
     .platform = DHCP_PLATFORM_UBOOT, .cpu = DHCP_CPU_ARM64, .text = "U-Boot arm64"},
    {"systemd-networkd", NULL, .kind = DHCP_CLIENT_PLAIN, .text = "plain DHCP"},
    {"stage2", "slipway", "\7slipway", 8, .kind = DHCP_CLIENT_PLAIN, .text = "Slipway"},
};

static void test_clients(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        const struct client *c = &clients[i];
        struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
        char text[64];
        if (c->vendor_class)
            add(&q, DHCP_OPTION_VENDOR_CLASS, c->vendor_class, strlen(c->vendor_class));
        if (c->user_class)
            add(&q, DHCP_OPTION_USER_CLASS, c->user_class, c->user_class_len);
        if (c->arch)
            add(&q, DHCP_OPTION_ARCHITECTURE, c->arch, c->arch_len);
        if (c->mac.b[0])
            memcpy(q.message.chaddr, c->mac.b, 6);
        struct dhcp_firmware f = dhcp_firmware_of(&q.message);
        print_message("%s\n", c->what);
        assert_int_equal(f.kind, c->kind);
        assert_int_equal(f.platform, c->platform);
        assert_int_equal(f.cpu, c->cpu);
        assert_string_equal(dhcp_firmware_text(&f, text, sizeof(text)), c->text);
        assert_int_equal(f.slipway, str_eq(c->what, "stage2"));
    }
}

static void test_ipxe_by_its_own_option(void **state)
{
    (void)state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    const uint8_t features[] = {177, 5, 1,    0x80, 0x86, 0x10, 0x0e, 0x13, 1, 1, 0x18,
                                1,   1, 0x24, 1,    1,    235,  3,    1,    0, 0};
    add(&q, DHCP_OPTION_IPXE, features, sizeof(features));
    struct dhcp_firmware f = dhcp_firmware_of(&q.message);
    assert_int_equal(f.kind, DHCP_CLIENT_IPXE);
    assert_true(f.ipxe_http && f.ipxe_bzimage && f.ipxe_efi);
    assert_false(f.ipxe_https);
}

static void test_uuid(void **state)
{
    (void)state;
    const uint8_t option[] = {0,    0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                              0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    const struct {
        size_t len;
        uint8_t type;
        bool ok;
    } cases[] = {{17, 0, true}, {16, 0, false}, {17, 1, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
        uint8_t bytes[17];
        char text[DHCP_UUID_TEXT_SIZE];
        memcpy(bytes, option, sizeof(bytes));
        bytes[0] = cases[i].type;
        add(&q, DHCP_OPTION_MACHINE_ID, bytes, cases[i].len);
        struct dhcp_firmware f = dhcp_firmware_of(&q.message);
        assert_int_equal(f.has_uuid, cases[i].ok);
        if (f.has_uuid)
            assert_string_equal(dhcp_uuid_text(f.uuid, text),
                                "00112233-4455-6677-8899-aabbccddeeff");
    }
}

/* A stranger's bytes end up in log lines. */
static void test_classes_are_made_printable(void **state)
{
    (void)state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    add(&q, DHCP_OPTION_VENDOR_CLASS, "evil\n\x1b[2J", 9);
    struct dhcp_firmware f = dhcp_firmware_of(&q.message);
    assert_string_equal(f.vendor_class, "evil??[2J");
}

UNIT_MAIN(cmocka_unit_test(test_clients), cmocka_unit_test(test_ipxe_by_its_own_option),
          cmocka_unit_test(test_uuid), cmocka_unit_test(test_classes_are_made_printable))
