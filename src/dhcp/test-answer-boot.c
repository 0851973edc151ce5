/* SPDX-License-Identifier: Apache-2.0 */
/* What firmware needs to hear, with the bytes that real firmware sends. */
#include "dhcp/test-support.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));
    world_init(w);
    w->boot = (struct dhcp_boot){.boot = true, .next_server = IP(10, 0, 0, 7), .file = "boot.efi"};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    free(*state);
    return 0;
}

static void set_file(struct world *w, const char *file)
{
    assert_int_equal(str_copy(w->boot.file, sizeof(w->boot.file), file), 0);
}

/* Option 55 of EDK2's PXE driver and the options around it. */
static struct dhcp_request edk2(enum dhcp_type type, const char *class, uint8_t arch)
{
    struct dhcp_request q = test_request(type, 1);
    static const uint8_t list[] = {1,  2,  3,  4,   5,   6,   12,  13,  15,  17,  18, 22,
                                   23, 28, 40, 41,  42,  43,  50,  51,  54,  58,  59, 60,
                                   66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135};
    const uint8_t uuid[17] = {0, 1, 2, 3}, undi[] = {1, 3, 16}, archs[] = {0, arch};
    add(&q, DHCP_OPTION_PARAMETERS, list, sizeof(list));
    add(&q, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    add(&q, DHCP_OPTION_NETWORK_INTERFACE, undi, sizeof(undi));
    add(&q, DHCP_OPTION_ARCHITECTURE, archs, sizeof(archs));
    add(&q, DHCP_OPTION_VENDOR_CLASS, class, strlen(class));
    assert_int_equal(dhcp_options_add_u16(&q.message.options, DHCP_OPTION_MAX_SIZE, 1472), 0);
    return q;
}

/* Intel's Boot Agent and its like: some send no UUID. */
static struct dhcp_request bios_rom(void)
{
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    const uint8_t archs[] = {0, 0}, undi[] = {1, 2, 1};
    add(&q, DHCP_OPTION_ARCHITECTURE, archs, sizeof(archs));
    add(&q, DHCP_OPTION_NETWORK_INTERFACE, undi, sizeof(undi));
    add(&q, DHCP_OPTION_VENDOR_CLASS, "PXEClient:Arch:00000:UNDI:002001", 32);
    q.message.flags = DHCP_FLAG_BROADCAST;
    return q;
}

/* As built by src/net/udp/dhcp.c of iPXE. */
static struct dhcp_request ipxe(void)
{
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    const uint8_t archs[] = {0, 0}, undi[] = {1, 2, 1};
    const uint8_t list[] = {1,   3,   6,   7,   12,  15,  17,  43,  60,  66,  67,
                            119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203};
    const uint8_t features[] = {177, 5, 1, 0x80, 0x86, 0x10, 0x0e, 0x13, 1, 1, 0x18, 1, 1};
    const uint8_t uuid[17] = {0, 1, 2, 3}, id[] = {1, 0x52, 0x54, 0, 0, 0, 1};
    assert_int_equal(dhcp_options_add_u16(&q.message.options, DHCP_OPTION_MAX_SIZE, 1472), 0);
    add(&q, DHCP_OPTION_ARCHITECTURE, archs, sizeof(archs));
    add(&q, DHCP_OPTION_NETWORK_INTERFACE, undi, sizeof(undi));
    add(&q, DHCP_OPTION_VENDOR_CLASS, "PXEClient:Arch:00000:UNDI:002001", 32);
    add(&q, DHCP_OPTION_USER_CLASS, "iPXE", 4);
    add(&q, DHCP_OPTION_PARAMETERS, list, sizeof(list));
    add(&q, DHCP_OPTION_IPXE, features, sizeof(features));
    add(&q, DHCP_OPTION_CLIENT_ID, id, sizeof(id));
    add(&q, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    return q;
}

static void assert_text(const struct dhcp_answer *a, uint8_t code, const char *expect)
{
    char text[DHCP_BOOT_FILE_MAX];
    (void)dhcp_options_text(&a->reply.options, code, text, sizeof(text));
    assert_string_equal(text, expect);
}

static void assert_vendor(const struct dhcp_answer *a, const void *expect, size_t len)
{
    struct rd r = dhcp_options_get(&a->reply.options, DHCP_OPTION_VENDOR);
    assert_int_equal(r.len, len);
    assert_memory_equal(r.buf, expect, len);
}

/* As the only DHCP server: no class, no 43, or UEFI goes to port 4011 (edk2#8149). */
static void test_uefi(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = edk2(DHCP_DISCOVER, "PXEClient:Arch:00007:UNDI:003016", 7);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.drop, DHCP_DROP_NONE);
    assert_int_not_equal(a.reply.yiaddr, 0);
    assert_int_equal(dhcp_options_ipv4(&a.reply.options, DHCP_OPTION_SERVER_ID), IP(10, 0, 0, 1));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR_CLASS));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR));
    assert_int_equal(a.reply.siaddr, IP(10, 0, 0, 7));
    assert_string_equal(a.reply.file, "boot.efi"); /* U-Boot reads only the header */
    assert_text(&a, DHCP_OPTION_BOOT_FILE, "boot.efi");
    assert_text(&a, DHCP_OPTION_TFTP_SERVER, "10.0.0.7");
    assert_int_equal(dhcp_options_get(&a.reply.options, DHCP_OPTION_MACHINE_ID).len, 17);
    assert_int_equal(a.reply_size, 1444);
    assert_int_equal(w->asked.address, a.reply.yiaddr);
    assert_string_equal(w->asked.uuid, "00030201-0000-0000-0000-000000000000");
}

static void test_bios(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = bios_rom();
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.to.kind, DHCP_SEND_BROADCAST);
    assert_string_equal(a.reply.file, "boot.efi");
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_MACHINE_ID)); /* sent none */
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR_CLASS));
}

/* A Machine UUID that is not 17 bytes of type 0 is not repeated. */
static void test_odd_machine_id(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = bios_rom();
    add(&q, DHCP_OPTION_MACHINE_ID, "\xff\1\2", 3);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.drop, DHCP_DROP_NONE);
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_MACHINE_ID));
}

static void test_nothing_to_boot(void **state)
{
    struct world *w = *state;
    w->boot.boot = false;
    struct dhcp_request q = edk2(DHCP_DISCOVER, "PXEClient:Arch:00007:UNDI:003016", 7);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.drop, DHCP_DROP_NONE); /* an address all the same */
    assert_int_equal(a.reply.siaddr, 0);
    assert_string_equal(a.reply.file, "");
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_BOOT_FILE));
}

static void test_http_boot(void **state)
{
    struct world *w = *state;
    char uri[DHCP_BOOT_FILE_MAX] = "http://10.0.0.1:8080/";
    memset(uri + strlen(uri), 'x', 200); /* longer than the header's field */
    set_file(w, uri);
    struct dhcp_request q = edk2(DHCP_DISCOVER, "HTTPClient:Arch:00016:UNDI:003001", 16);
    struct dhcp_answer a = ask(w, &q);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "HTTPClient");
    assert_text(&a, DHCP_OPTION_BOOT_FILE, uri);
    assert_string_equal(a.reply.file, ""); /* never cut short */
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_DNS));
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len = 0;
    struct dhcp_message back;
    assert_int_equal(dhcp_message_build(&a.reply, bytes, a.reply_size, &len), 0);
    assert_int_equal(dhcp_message_parse(bytes, len, &back), 0);
    char text[DHCP_BOOT_FILE_MAX];
    (void)dhcp_options_text(&back.options, DHCP_OPTION_BOOT_FILE, text, sizeof(text));
    assert_string_equal(text, uri);
}

/* iPXE: the script's whole URL, never option 43 (it would look for a PXE menu), and no waiting. */
static void test_ipxe(void **state)
{
    struct world *w = *state;
    set_file(w, "http://10.0.0.1:8080/boot/ipxe");
    struct dhcp_request q = ipxe();
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(w->asked.firmware->kind, DHCP_CLIENT_IPXE);
    assert_text(&a, DHCP_OPTION_BOOT_FILE, "http://10.0.0.1:8080/boot/ipxe");
    assert_string_equal(a.reply.file, "http://10.0.0.1:8080/boot/ipxe");
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR_CLASS));
    struct rd r = dhcp_options_get(&a.reply.options, DHCP_OPTION_IPXE);
    const uint8_t no_pxedhcp[] = {176, 1, 1};
    assert_int_equal(r.len, sizeof(no_pxedhcp));
    assert_memory_equal(r.buf, no_pxedhcp, sizeof(no_pxedhcp));
}

static void test_plain_clients_boot_nothing(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_string_equal(a.reply.file, "");
    assert_int_equal(a.reply.siaddr, 0);
}

static void test_raspberry_pi(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = bios_rom();
    const uint8_t mac[] = {0x2c, 0xcf, 0x67, 1, 2, 3};
    memcpy(q.message.chaddr, mac, sizeof(mac));
    struct dhcp_answer a = ask(w, &q);
    static const char expect[] = "\6\1\x08\x09\x14\0\0\x11Raspberry Pi Boot\x0a\4\0PXE\xff";
    assert_vendor(&a, expect, sizeof(expect) - 1);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "PXEClient");
}

static void proxy_mode(struct world *w)
{
    w->networks[0].mode = DHCP_MODE_PROXY;
}

static void assert_proxy_offer(const struct dhcp_answer *a)
{
    assert_int_equal(a->drop, DHCP_DROP_NONE);
    assert_int_equal(a->type, DHCP_OFFER);
    assert_int_equal(a->reply.yiaddr, 0);
    assert_int_equal(a->to.kind, DHCP_SEND_BROADCAST);
    assert_int_equal(a->change.kind, DHCP_CHANGE_NONE); /* a proxy holds no leases */
    assert_false(dhcp_options_has(&a->reply.options, DHCP_OPTION_LEASE_TIME));
    assert_false(dhcp_options_has(&a->reply.options, DHCP_OPTION_SUBNET_MASK));
    assert_int_equal(dhcp_options_ipv4(&a->reply.options, DHCP_OPTION_SERVER_ID), IP(10, 0, 0, 1));
}

static void test_proxy_bios(void **state)
{
    struct world *w = *state;
    proxy_mode(w);
    struct dhcp_request q = bios_rom();
    struct dhcp_answer a = ask(w, &q);
    assert_proxy_offer(&a);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "PXEClient");
    assert_vendor(&a, "\6\1\x08\xff", 4);
    assert_string_equal(a.reply.file, "boot.efi");
    assert_int_equal(a.reply.siaddr, IP(10, 0, 0, 7));
}

/* Old EDK2 never keeps a proxy offer with option 43 (edk2#6944): BINL, and port 4011 of siaddr. */
static void test_proxy_uefi(void **state)
{
    struct world *w = *state;
    proxy_mode(w);
    struct dhcp_request q = edk2(DHCP_DISCOVER, "PXEClient:Arch:00007:UNDI:003016", 7);
    struct dhcp_answer a = ask(w, &q);
    assert_proxy_offer(&a);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "PXEClient");
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR));
    assert_int_equal(a.reply.siaddr, IP(10, 0, 0, 1)); /* us: there the client asks */
}

static void test_proxy_changes_its_way_for_silent_clients(void **state)
{
    struct world *w = *state;
    proxy_mode(w);
    const bool has_43[] = {false, false, true, true, false, false};
    for (uint32_t i = 0; i < ARRAY_SIZE(has_43); i++) {
        struct dhcp_request q = edk2(DHCP_DISCOVER, "PXEClient:Arch:00007:UNDI:003016", 7);
        w->view.proxy_silence = i;
        struct dhcp_answer a = ask(w, &q);
        assert_int_equal(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR), has_43[i]);
    }
}

static struct dhcp_request boot_server_request(void)
{
    struct dhcp_request q = edk2(DHCP_REQUEST, "PXEClient:Arch:00007:UNDI:003016", 7);
    q.port = DHCP_PXE_PORT;
    q.source_port = 4242;
    q.message.ciaddr = q.source = IP(10, 0, 0, 60);
    q.dest = IP(10, 0, 0, 1);
    return q;
}

static void test_boot_server(void **state)
{
    struct world *w = *state;
    for (int mode = DHCP_MODE_AUTHORITATIVE; mode <= DHCP_MODE_PROXY; mode++) {
        w->networks[0].mode = (enum dhcp_mode)mode;
        struct dhcp_request q = boot_server_request();
        const uint8_t item[] = {71, 4, 0, 0, 0, 0, 255};
        add(&q, DHCP_OPTION_VENDOR, item, sizeof(item));
        struct dhcp_answer a = ask(w, &q);
        assert_int_equal(a.drop, DHCP_DROP_NONE);
        assert_int_equal(a.type, DHCP_ACK);
        assert_int_equal(a.reply.yiaddr, 0);
        assert_int_equal(a.reply.ciaddr, IP(10, 0, 0, 60));
        assert_int_equal(a.to.kind, DHCP_SEND_UDP);
        assert_int_equal(a.to.address, IP(10, 0, 0, 60));
        assert_int_equal(a.to.port, 4242);
        assert_int_equal(a.to.source_port, DHCP_PXE_PORT);
        assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "PXEClient");
        assert_text(&a, DHCP_OPTION_BOOT_FILE, "boot.efi");
        assert_vendor(&a, item, sizeof(item)); /* the item that was asked for */
        assert_int_equal(a.reply.siaddr, IP(10, 0, 0, 7));
        assert_int_equal(a.change.kind, DHCP_CHANGE_NONE);
        assert_int_equal(dhcp_options_get(&a.reply.options, DHCP_OPTION_MACHINE_ID).len, 17);
    }
}

static void test_boot_server_refuses(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = boot_server_request();
    add_address(&q, DHCP_OPTION_SERVER_ID, IP(10, 0, 0, 99));
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_OTHER_SERVER);
    q = edk2(DHCP_DISCOVER, "PXEClient:Arch:00007:UNDI:003016", 7);
    q.port = DHCP_PXE_PORT;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_BAD_TYPE);
    q = test_request(DHCP_REQUEST, 1);
    q.port = DHCP_PXE_PORT;
    q.message.ciaddr = IP(10, 0, 0, 60);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NOT_BOOTING);
}

/* EDK2 declines its address when a proxy acknowledges the broadcast REQUEST too. */
static void test_proxy_never_acknowledges(void **state)
{
    struct world *w = *state;
    proxy_mode(w);
    const enum dhcp_type types[] = {DHCP_REQUEST, DHCP_INFORM, DHCP_DECLINE, DHCP_RELEASE};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct dhcp_request q = edk2(types[i], "PXEClient:Arch:00007:UNDI:003016", 7);
        add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 60));
        assert_int_equal(ask(w, &q).drop, DHCP_DROP_PROXY);
    }
    struct dhcp_request plain = test_request(DHCP_DISCOVER, 1);
    assert_int_equal(ask(w, &plain).drop, DHCP_DROP_NOT_BOOTING);
    w->boot.boot = false;
    struct dhcp_request q = bios_rom();
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NOT_BOOTING);
}

static void test_proxy_http_and_ipxe(void **state)
{
    struct world *w = *state;
    proxy_mode(w);
    set_file(w, "http://10.0.0.1/x.efi");
    struct dhcp_request q = edk2(DHCP_DISCOVER, "HTTPClient:Arch:00016:UNDI:003001", 16);
    struct dhcp_answer a = ask(w, &q);
    assert_proxy_offer(&a);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "HTTPClient");
    assert_text(&a, DHCP_OPTION_BOOT_FILE, "http://10.0.0.1/x.efi");
    q = ipxe();
    a = ask(w, &q);
    assert_proxy_offer(&a);
    assert_text(&a, DHCP_OPTION_VENDOR_CLASS, "PXEClient");
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_VENDOR));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_IPXE)); /* it shall listen to us */
    assert_int_not_equal(a.reply.siaddr, 0); /* with a file that saves it port 4011 */
}

static void test_proxy_behind_a_relay(void **state)
{
    struct world *w = *state;
    w->networks[1].mode = DHCP_MODE_PROXY;
    struct dhcp_request q = bios_rom();
    q.message.giaddr = IP(10, 9, 0, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.to.address, IP(10, 9, 0, 1));
    assert_int_equal(a.to.port, DHCP_SERVER_PORT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(T(test_uefi), T(test_bios), T(test_odd_machine_id), T(test_nothing_to_boot),
          T(test_http_boot), T(test_ipxe), T(test_plain_clients_boot_nothing), T(test_raspberry_pi),
          T(test_proxy_bios), T(test_proxy_uefi), T(test_proxy_changes_its_way_for_silent_clients),
          T(test_boot_server), T(test_boot_server_refuses), T(test_proxy_never_acknowledges),
          T(test_proxy_http_and_ipxe), T(test_proxy_behind_a_relay))
