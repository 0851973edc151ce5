/* SPDX-License-Identifier: Apache-2.0 */
/* The client's states, one event at a time, against hand-made server messages. */
#include "dhcp/client.h"
#include "dhcp/test-support.h"

static const struct mac own = {{2, 0, 0, 0, 0, 1}};
enum { SERVER = 0x0a000001, ADDRESS = 0x0a000064 };

struct fixture {
    struct dhcp_client c;
    struct dhcp_client_output out;
    struct rng_seeded rng;
    int64_t now;
};

static void start(struct fixture *f, bool probe, ipv4 last)
{
    *f = (struct fixture){.now = 5000};
    rng_seeded_init(&f->rng, 7);
    struct dhcp_client_config config = {.mac = own,
                                        .hostname = "blank",
                                        .has_uuid = true,
                                        .uuid = {1, 2, 3},
                                        .last_address = last,
                                        .probe = probe,
                                        .rng = &f->rng.rng};
    dhcp_client_init(&f->c, &config, f->now);
    dhcp_client_step(&f->c, f->now, &f->out);
}

static struct dhcp_message answer(const struct fixture *f, enum dhcp_type type)
{
    struct dhcp_message m = {
        .op = DHCP_OP_REPLY, .htype = 1, .hlen = 6, .xid = f->c.xid, .yiaddr = ADDRESS};
    memcpy(m.chaddr, own.b, sizeof(own.b));
    int r = dhcp_options_add_u8(&m.options, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type);
    r |= dhcp_options_add_u32(&m.options, DHCP_OPTION_SERVER_ID, SERVER);
    if (type != DHCP_NAK) {
        r |= dhcp_options_add_u32(&m.options, DHCP_OPTION_LEASE_TIME, 3600);
        r |= dhcp_options_add_u32(&m.options, DHCP_OPTION_SUBNET_MASK, 0xffffff00);
        r |= dhcp_options_add_u32(&m.options, DHCP_OPTION_ROUTER, 0x0a0000fe);
    }
    assert_int_equal(r, 0);
    return m;
}

static void receive(struct fixture *f, const struct dhcp_message *m)
{
    dhcp_client_receive(&f->c, m, f->now, &f->out);
}

static void bind_client(struct fixture *f)
{
    struct dhcp_message offer = answer(f, DHCP_OFFER), ack;
    receive(f, &offer);
    ack = answer(f, DHCP_ACK);
    receive(f, &ack);
    assert_int_equal(f->c.state, DHCP_STATE_BOUND);
    assert_int_equal(f->out.event, DHCP_CLIENT_BOUND);
}

static void test_discover(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    const struct dhcp_message *m = &f.out.message;
    assert_true(f.out.send);
    assert_int_equal(f.out.dest, UINT32_MAX);
    assert_int_equal(f.out.source, 0);
    assert_int_equal(dhcp_message_type(m), DHCP_DISCOVER);
    assert_true(mac_eq(dhcp_message_mac(m), own));
    const uint8_t class[] = "\7slipway"; /* RFC 3004 */
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_USER_CLASS);
    assert_int_equal(r.len, 8);
    assert_memory_equal(r.buf, class, 8);
    assert_int_equal(dhcp_options_u16(&m->options, DHCP_OPTION_MAX_SIZE), 1500);
    assert_int_equal(dhcp_options_get(&m->options, DHCP_OPTION_MACHINE_ID).len, 17);
    struct dhcp_firmware fw = dhcp_firmware_of(m);
    assert_true(fw.slipway);
    const uint8_t wanted[] = {1, 3, 6, 12, 15, 26, 42, 51, 54, 58, 59, 121};
    r = dhcp_options_get(&m->options, DHCP_OPTION_PARAMETERS);
    for (size_t i = 0; i < sizeof(wanted); i++)
        assert_non_null(memchr(r.buf, wanted[i], r.len));
}

/* Growing pauses, never silent for more than 72 s, same transaction, honest `secs`. */
static void test_retransmission(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    uint32_t xid = f.out.message.xid;
    int64_t began = f.now, before = f.now;
    for (int i = 0; i < 12; i++) {
        int64_t pause = f.c.deadline - before;
        int64_t base = i < 6 ? 1000LL << i : 64000;
        assert_true(pause >= base - base / 8 && pause <= base + base / 8);
        before = f.now = f.c.deadline;
        dhcp_client_step(&f.c, f.now - 1, &f.out);
        assert_false(f.out.send);
        dhcp_client_step(&f.c, f.now, &f.out);
        assert_true(f.out.send);
        assert_int_equal(f.out.message.xid, xid);
        assert_int_equal(f.out.message.secs, (f.now - began) / 1000);
    }
}

static void test_bound(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    struct dhcp_message offer = answer(&f, DHCP_OFFER);
    receive(&f, &offer);
    assert_true(f.out.send);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_REQUEST);
    assert_int_equal(dhcp_options_ipv4(&f.out.message.options, DHCP_OPTION_SERVER_ID), SERVER);
    assert_int_equal(dhcp_options_ipv4(&f.out.message.options, DHCP_OPTION_REQUESTED_ADDRESS),
                     ADDRESS);
    assert_int_equal(f.out.message.ciaddr, 0);
    struct dhcp_message ack = answer(&f, DHCP_ACK);
    receive(&f, &ack);
    assert_int_equal(f.out.event, DHCP_CLIENT_BOUND);
    assert_int_equal(f.c.lease.address.address, ADDRESS);
    assert_int_equal(f.c.lease.address.prefix, 24);
    assert_int_equal(f.c.lease.router, 0x0a0000fe);
    assert_int_equal(f.c.deadline, f.now + 1800 * 1000);
    receive(&f, &ack); /* once more: nothing */
    assert_int_equal(f.out.event, DHCP_CLIENT_NOTHING);
}

static void test_messages_that_are_not_for_us(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    struct dhcp_message bad[6];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bad[i] = answer(&f, DHCP_OFFER);
    bad[0].xid ^= 1;
    bad[1].chaddr[5] ^= 1;
    bad[2].op = DHCP_OP_REQUEST;
    bad[3].yiaddr = 0;                              /* a proxy's offer */
    bad[4].options.size[DHCP_OPTION_SERVER_ID] = 0; /* nobody offers */
    bad[5].options.size[DHCP_OPTION_LEASE_TIME] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        receive(&f, &bad[i]);
        assert_int_equal(f.c.state, DHCP_STATE_SELECTING);
        assert_false(f.out.send);
    }
    struct dhcp_message early = answer(&f, DHCP_ACK); /* to no request */
    receive(&f, &early);
    assert_int_equal(f.c.state, DHCP_STATE_SELECTING);
    struct dhcp_message offer = answer(&f, DHCP_OFFER);
    receive(&f, &offer);
    struct dhcp_message other = answer(&f, DHCP_ACK);
    other.options = (struct dhcp_options){0};
    int r = dhcp_options_add_u8(&other.options, DHCP_OPTION_MESSAGE_TYPE, DHCP_ACK);
    r |= dhcp_options_add_u32(&other.options, DHCP_OPTION_SERVER_ID, SERVER + 1);
    r |= dhcp_options_add_u32(&other.options, DHCP_OPTION_LEASE_TIME, 3600);
    assert_int_equal(r, 0);
    receive(&f, &other); /* a server that was not asked */
    assert_int_equal(f.c.state, DHCP_STATE_REQUESTING);
    struct dhcp_message moved = answer(&f, DHCP_ACK);
    moved.yiaddr = ADDRESS + 1; /* not what was asked for */
    receive(&f, &moved);
    assert_int_equal(f.c.state, DHCP_STATE_REQUESTING);
}

static void test_nak_starts_over(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    struct dhcp_message offer = answer(&f, DHCP_OFFER);
    receive(&f, &offer);
    struct dhcp_message nak = answer(&f, DHCP_NAK);
    assert_int_equal(dhcp_options_add(&nak.options, DHCP_OPTION_MESSAGE, "no\x1b[2J", 6), 0);
    receive(&f, &nak);
    assert_int_equal(f.c.state, DHCP_STATE_INIT);
    assert_string_equal(f.c.why, "NAK: no?[2J");
    assert_int_equal(f.c.deadline, f.now + 1000); /* not at once: the server may repeat itself */
    uint32_t xid = f.c.xid;
    f.now = f.c.deadline;
    dhcp_client_step(&f.c, f.now, &f.out);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_DISCOVER);
    assert_int_not_equal(f.c.xid, xid);
}

static void test_requests_are_given_up(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    struct dhcp_message offer = answer(&f, DHCP_OFFER);
    receive(&f, &offer);
    int requests = 1;
    while (dhcp_message_type(&f.out.message) == DHCP_REQUEST) {
        f.now = f.c.deadline;
        dhcp_client_step(&f.c, f.now, &f.out);
        requests += dhcp_message_type(&f.out.message) == DHCP_REQUEST;
    }
    assert_int_equal(requests, 4);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_DISCOVER);
    assert_int_equal(f.c.state, DHCP_STATE_SELECTING);
}

static void test_init_reboot(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, ADDRESS);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_REQUEST);
    assert_false(dhcp_options_has(&f.out.message.options, DHCP_OPTION_SERVER_ID));
    assert_int_equal(dhcp_options_ipv4(&f.out.message.options, DHCP_OPTION_REQUESTED_ADDRESS),
                     ADDRESS);
    struct dhcp_message ack = answer(&f, DHCP_ACK);
    receive(&f, &ack);
    assert_int_equal(f.c.state, DHCP_STATE_BOUND);
    start(&f, false, ADDRESS);
    struct dhcp_message nak = answer(&f, DHCP_NAK);
    receive(&f, &nak);
    assert_int_equal(f.c.state, DHCP_STATE_INIT);
    assert_int_equal(f.c.deadline, f.now); /* the network has changed: ask anew, now */
}

static void test_renewal(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    bind_client(&f);
    f.now = f.c.lease.renew_at;
    dhcp_client_step(&f.c, f.now, &f.out);
    assert_int_equal(f.c.state, DHCP_STATE_RENEWING);
    assert_int_equal(f.out.dest, SERVER);
    assert_int_equal(f.out.source, ADDRESS);
    assert_int_equal(f.out.message.ciaddr, ADDRESS);
    assert_false(dhcp_options_has(&f.out.message.options, DHCP_OPTION_REQUESTED_ADDRESS));
    assert_false(dhcp_options_has(&f.out.message.options, DHCP_OPTION_SERVER_ID));
    struct dhcp_message ack = answer(&f, DHCP_ACK);
    receive(&f, &ack);
    assert_int_equal(f.out.event, DHCP_CLIENT_RENEWED);
    assert_int_equal(f.c.lease.expires_at, f.now + 3600 * 1000);
    f.now = f.c.lease.renew_at;
    dhcp_client_step(&f.c, f.now, &f.out);
    struct dhcp_message changed = answer(&f, DHCP_ACK);
    assert_int_equal(dhcp_options_add_u32(&changed.options, DHCP_OPTION_DNS, 0x0a000002), 0);
    receive(&f, &changed);
    assert_int_equal(f.out.event, DHCP_CLIENT_BOUND); /* settings are new: the owner must act */
}

static void test_rebinding_and_expiry(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    bind_client(&f);
    int64_t rebind = f.c.lease.rebind_at, expires = f.c.lease.expires_at;
    bool lost = false;
    int renewals = 0, rebinds = 0;
    while (!lost) {
        int64_t before = f.now;
        f.now = f.c.deadline;
        assert_true(f.now > before);
        dhcp_client_step(&f.c, f.now, &f.out);
        lost = f.out.event == DHCP_CLIENT_LOST;
        if (lost)
            break;
        bool broadcast = f.out.dest == UINT32_MAX;
        assert_int_equal(broadcast, f.now >= rebind);
        renewals += !broadcast;
        rebinds += broadcast;
    }
    assert_int_equal(f.now, expires);
    assert_true(renewals >= 3 && rebinds >= 2);
    assert_false(f.c.bound);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_DISCOVER); /* at once */
}

static void test_nak_while_renewing(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    bind_client(&f);
    f.now = f.c.lease.renew_at;
    dhcp_client_step(&f.c, f.now, &f.out);
    struct dhcp_message nak = answer(&f, DHCP_NAK);
    receive(&f, &nak);
    assert_int_equal(f.out.event, DHCP_CLIENT_LOST);
    assert_false(f.c.bound);
}

static void test_probe(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, true, 0);
    for (int conflicts = 0; conflicts < 2; conflicts++) {
        struct dhcp_message offer = answer(&f, DHCP_OFFER);
        receive(&f, &offer);
        struct dhcp_message ack = answer(&f, DHCP_ACK);
        receive(&f, &ack);
        assert_true(f.out.probe);
        assert_int_equal(f.out.event, DHCP_CLIENT_NOTHING);
        assert_int_equal(f.c.state, DHCP_STATE_PROBING);
        dhcp_client_probed(&f.c, true, f.now, &f.out);
        assert_int_equal(f.out.event, DHCP_CLIENT_CONFLICT);
        const struct dhcp_options *o = &f.out.message.options;
        assert_int_equal(dhcp_message_type(&f.out.message), DHCP_DECLINE);
        assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_REQUESTED_ADDRESS), ADDRESS);
        assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_SERVER_ID), SERVER);
        assert_int_equal(f.out.message.ciaddr, 0);
        assert_non_null(strstr(f.c.why, "10.0.0.100 is in use"));
        assert_int_equal(f.c.deadline - f.now, conflicts ? 10000 : 1000);
        f.now = f.c.deadline;
        dhcp_client_step(&f.c, f.now, &f.out);
    }
    struct dhcp_message offer = answer(&f, DHCP_OFFER), ack;
    receive(&f, &offer);
    ack = answer(&f, DHCP_ACK);
    receive(&f, &ack);
    dhcp_client_probed(&f.c, false, f.now, &f.out);
    assert_int_equal(f.out.event, DHCP_CLIENT_BOUND);
    assert_int_equal(f.c.conflicts, 0);
}

static void test_release(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    dhcp_client_stop(&f.c, f.now, &f.out);
    assert_false(f.out.send); /* nothing to give back */
    start(&f, false, 0);
    bind_client(&f);
    dhcp_client_stop(&f.c, f.now, &f.out);
    assert_true(f.out.send);
    assert_int_equal(dhcp_message_type(&f.out.message), DHCP_RELEASE);
    assert_int_equal(f.out.dest, SERVER);
    assert_int_equal(f.out.message.ciaddr, ADDRESS);
    assert_int_equal(f.c.deadline, INT64_MAX);
}

/* What servers say that must not be believed as it stands. */
static void test_odd_leases(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, false, 0);
    struct dhcp_message offer = answer(&f, DHCP_OFFER);
    receive(&f, &offer);
    struct dhcp_message ack = {.op = DHCP_OP_REPLY, .htype = 1, .hlen = 6, .xid = f.c.xid};
    ack.yiaddr = ADDRESS;
    memcpy(ack.chaddr, own.b, sizeof(own.b));
    struct dhcp_options *o = &ack.options;
    const uint8_t routes[] = {0, 10, 0, 0, 9, 16, 192, 168, 10, 0, 0, 8};
    int r = dhcp_options_add_u8(o, DHCP_OPTION_MESSAGE_TYPE, DHCP_ACK);
    r |= dhcp_options_add_u32(o, DHCP_OPTION_SERVER_ID, SERVER);
    r |= dhcp_options_add_u32(o, DHCP_OPTION_LEASE_TIME, UINT32_MAX); /* for ever */
    r |= dhcp_options_add_u32(o, DHCP_OPTION_RENEWAL_TIME, 100);
    r |= dhcp_options_add_u32(o, DHCP_OPTION_REBINDING_TIME, 50); /* before T1 */
    r |= dhcp_options_add_u32(o, DHCP_OPTION_SUBNET_MASK, 0xff00ff00);
    r |= dhcp_options_add_u16(o, DHCP_OPTION_MTU, 60);
    r |= dhcp_options_add_text(o, DHCP_OPTION_HOSTNAME, "a;reboot");
    r |= dhcp_options_add_text(o, DHCP_OPTION_DOMAIN, "example.test");
    r |= dhcp_options_add_u32(o, DHCP_OPTION_ROUTER, 0x0a0000fe);
    r |= dhcp_options_add(o, DHCP_OPTION_CLASSLESS_ROUTES, routes, sizeof(routes));
    assert_int_equal(r, 0);
    receive(&f, &ack);
    const struct dhcp_client_lease *l = &f.c.lease;
    assert_int_equal(f.out.event, DHCP_CLIENT_BOUND);
    assert_int_equal(l->expires_at, INT64_MAX);
    assert_int_equal(l->renew_at, INT64_MAX);
    assert_int_equal(l->address.prefix, 8); /* no mask: by class */
    assert_int_equal(l->mtu, 0);
    assert_string_equal(l->hostname, "");
    assert_string_equal(l->domain, "example.test");
    assert_int_equal(l->router, 0x0a000009); /* 121, not 3 */
    assert_int_equal(l->route_count, 1);
    assert_int_equal(l->routes[0].dest.prefix, 16);
}

UNIT_MAIN(cmocka_unit_test(test_discover), cmocka_unit_test(test_retransmission),
          cmocka_unit_test(test_bound), cmocka_unit_test(test_messages_that_are_not_for_us),
          cmocka_unit_test(test_nak_starts_over), cmocka_unit_test(test_requests_are_given_up),
          cmocka_unit_test(test_init_reboot), cmocka_unit_test(test_renewal),
          cmocka_unit_test(test_rebinding_and_expiry), cmocka_unit_test(test_nak_while_renewing),
          cmocka_unit_test(test_probe), cmocka_unit_test(test_release),
          cmocka_unit_test(test_odd_leases))
