/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a DHCP message: what parses must build, and parse again to the same. */
#include "dhcp/client-lease.h"
#include "dhcp/firmware.h"
#include "dhcp/leases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static bool is_equal(const struct dhcp_options *a, const struct dhcp_options *b, uint8_t code)
{
    struct rd x = dhcp_options_get(a, code), y = dhcp_options_get(b, code);
    return rd_ok(&x) == rd_ok(&y) && x.len == y.len && (!x.len || memcmp(x.buf, y.buf, x.len) == 0);
}

/* Building drops nothing when there is room: the wire form of DHCP_MESSAGE_MAX may be too small
 * for the overhead of splitting, and then only 52, which describes the form, may differ. */
static void round_trip(const struct dhcp_message *m)
{
    uint8_t bytes[DHCP_MESSAGE_MAX];
    struct dhcp_message back;
    size_t len = 0;
    if (dhcp_message_build(m, bytes, sizeof(bytes), &len) < 0)
        return;
    check(len >= DHCP_MESSAGE_MIN && len <= sizeof(bytes));
    check(dhcp_message_parse(bytes, len, &back) == 0);
    check(back.op == m->op && back.xid == m->xid && back.giaddr == m->giaddr);
    check(memcmp(back.chaddr, m->chaddr, sizeof(back.chaddr)) == 0);
    check(strcmp(back.file, m->file) == 0);
    for (int code = 1; code < 255; code++) {
        bool may_differ = code == DHCP_OPTION_OVERLOAD || m->options.used > 3000;
        check(may_differ || is_equal(&m->options, &back.options, (uint8_t)code));
    }
}

/* Through the smallest buffer nothing may go wrong either. */
static void build_small(const struct dhcp_message *m)
{
    uint8_t bytes[DHCP_MESSAGE_DEFAULT];
    struct dhcp_message back;
    size_t len = 0;
    if (dhcp_message_build(m, bytes, sizeof(bytes), &len) < 0)
        return;
    check(len <= sizeof(bytes) && dhcp_message_parse(bytes, len, &back) == 0);
    check(dhcp_message_type(&back) == dhcp_message_type(m));
    check(is_equal(&m->options, &back.options, DHCP_OPTION_RELAY_AGENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp_message m;
    struct dhcp_client_lease lease;
    char text[64], line[DHCP_RECORD_TEXT_SIZE];
    struct dhcp_lease parsed, again;
    if (size < sizeof(line)) {
        memcpy(line, data, size);
        line[size] = '\0';
        if (dhcp_lease_parse(line, 0, &parsed) == 0) {
            check(dhcp_lease_print(&parsed, 0, line, sizeof(line)) > 0);
            check(dhcp_lease_parse(line, 0, &again) == 0 && again.address == parsed.address);
        }
    }
    if (dhcp_message_parse(data, size, &m) < 0)
        return 0;
    struct dhcp_firmware f = dhcp_firmware_of(&m);
    (void)dhcp_firmware_text(&f, text, sizeof(text));
    check(dhcp_key_of(&m).len <= DHCP_KEY_MAX);
    if (dhcp_client_lease_read(&m, 0, &lease) == 0)
        check(lease.route_count <= DHCP_CLIENT_ROUTES_MAX && lease.renew_at <= lease.rebind_at &&
              lease.rebind_at <= lease.expires_at);
    round_trip(&m);
    build_small(&m);
    return 0;
}
