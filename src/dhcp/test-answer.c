/* SPDX-License-Identifier: Apache-2.0 */
/* The policy for addresses: RFC 2131's states, relays, reservations, strangers, forgeries. */
#include "dhcp/test-support.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));
    world_init(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    free(*state);
    return 0;
}

static struct test_host *add_host(struct world *w, unsigned n, ipv4 address)
{
    struct test_host *h = &w->hosts[w->host_count++];
    *h = (struct test_host){
        .mac = test_mac(n), .name = "machine", .address = address, .hostname = "node-1"};
    if (address)
        dhcp_leases_reserve(w->leases, address, true);
    return h;
}

static bool in_range(const struct dhcp_network *n, ipv4 a)
{
    return a >= n->ranges[0].first && a <= n->ranges[0].last;
}

static void test_offer(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    add(&q, DHCP_OPTION_CLIENT_ID, "\1abcdef", 7);
    struct dhcp_answer a = ask(w, &q);
    const struct dhcp_options *o = &a.reply.options;
    ipv4 list[4];
    char text[64];
    assert_int_equal(a.drop, DHCP_DROP_NONE);
    assert_int_equal(a.type, DHCP_OFFER);
    assert_int_equal(a.reply.op, DHCP_OP_REPLY);
    assert_int_equal(a.reply.xid, q.message.xid);
    assert_memory_equal(a.reply.chaddr, q.message.chaddr, 16);
    assert_true(in_range(&w->networks[0], a.reply.yiaddr));
    assert_int_equal(dhcp_options_u8(o, DHCP_OPTION_MESSAGE_TYPE), DHCP_OFFER);
    assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_SERVER_ID), IP(10, 0, 0, 1));
    assert_int_equal(dhcp_options_u32(o, DHCP_OPTION_LEASE_TIME), 3600);
    assert_int_equal(dhcp_options_u32(o, DHCP_OPTION_RENEWAL_TIME), 1800);
    assert_int_equal(dhcp_options_u32(o, DHCP_OPTION_REBINDING_TIME), 3150);
    assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_SUBNET_MASK), 0xffffff00);
    assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_ROUTER), IP(10, 0, 0, 254));
    assert_int_equal(dhcp_options_ipv4s(o, DHCP_OPTION_DNS, list, 4), 2);
    assert_int_equal(list[1], IP(10, 0, 0, 3));
    assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_NTP), IP(10, 0, 0, 4));
    assert_int_equal(dhcp_options_u16(o, DHCP_OPTION_MTU), 1450);
    assert_int_equal(dhcp_options_ipv4(o, DHCP_OPTION_BROADCAST), IP(10, 0, 0, 255));
    assert_int_equal(dhcp_options_text(o, DHCP_OPTION_DOMAIN, text, sizeof(text)), 12);
    assert_int_equal(dhcp_options_get(o, DHCP_OPTION_CLIENT_ID).len, 7); /* RFC 6842 */
    assert_false(dhcp_options_has(o, DHCP_OPTION_BOOT_FILE));            /* it does not boot */
    assert_false(dhcp_options_has(o, DHCP_OPTION_MACHINE_ID));           /* it sent none */
    assert_int_equal(a.change.kind, DHCP_CHANGE_OFFER);
}

/* What the parameter list does not name stays out, but never what a client cannot do without. */
static void test_parameter_list(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    const uint8_t wanted[] = {DHCP_OPTION_NTP};
    add(&q, DHCP_OPTION_PARAMETERS, wanted, sizeof(wanted));
    struct dhcp_answer a = ask(w, &q);
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_NTP));
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_SUBNET_MASK));
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_ROUTER));
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_LEASE_TIME));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_MTU));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_DOMAIN));
}

static void test_classless_routes_and_search(void **state)
{
    struct world *w = *state;
    struct dhcp_network *n = &w->networks[0];
    n->routes[0] = (struct dhcp_route){{IP(192, 168, 0, 0), 16}, IP(10, 0, 0, 9)};
    n->route_count = 1;
    n->search[0] = "lab.example.test";
    n->search_count = 1;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a = ask(w, &q);
    struct dhcp_route routes[4];
    struct rd r = dhcp_options_get(&a.reply.options, DHCP_OPTION_CLASSLESS_ROUTES);
    assert_int_equal(dhcp_routes_parse(r, routes, 4), 2);
    assert_int_equal(routes[0].gateway, IP(10, 0, 0, 9));
    assert_int_equal(routes[1].dest.prefix, 0); /* the default route again, RFC 3442 */
    assert_int_equal(routes[1].gateway, IP(10, 0, 0, 254));
    assert_int_equal(dhcp_options_get(&a.reply.options, DHCP_OPTION_DOMAIN_SEARCH).len, 18);
}

static void test_selecting(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 1);
    assert_true(in_range(&w->networks[0], a));
    assert_int_equal(dhcp_leases_by_address(w->leases, a)->state, DHCP_LEASE_BOUND);
    assert_int_equal(acquire(w, 1), a); /* again the same */
    assert_int_not_equal(acquire(w, 2), a);
}

static void test_other_server_was_chosen(void **state)
{
    struct world *w = *state;
    struct dhcp_request discover = test_request(DHCP_DISCOVER, 1);
    ipv4 offered = ask(w, &discover).reply.yiaddr;
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    add_address(&q, DHCP_OPTION_SERVER_ID, IP(10, 0, 0, 99));
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 50));
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_OTHER_SERVER);
    assert_null(dhcp_leases_by_address(w->leases, offered)); /* free at once */
}

static void test_init_reboot(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 1);
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, a);
    assert_int_equal(ask(w, &q).type, DHCP_ACK);
    struct dhcp_request thief = test_request(DHCP_REQUEST, 2);
    add_address(&thief, DHCP_OPTION_REQUESTED_ADDRESS, a);
    assert_int_equal(ask(w, &thief).type, DHCP_NAK);
}

/* A laptop from another network must hear NAK, or it keeps its useless address. */
static void test_nak_for_wrong_network(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(192, 168, 1, 5));
    struct dhcp_answer a = ask(w, &q);
    char text[64];
    assert_int_equal(a.type, DHCP_NAK);
    assert_int_equal(a.to.kind, DHCP_SEND_BROADCAST);
    assert_int_equal(a.to.address, UINT32_MAX); /* not the subnet's broadcast */
    assert_int_equal(a.reply.yiaddr, 0);
    assert_int_equal(dhcp_options_ipv4(&a.reply.options, DHCP_OPTION_SERVER_ID), IP(10, 0, 0, 1));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_LEASE_TIME));
    (void)dhcp_options_text(&a.reply.options, DHCP_OPTION_MESSAGE, text, sizeof(text));
    assert_string_equal(text, "wrong network");
    assert_int_equal(a.change.kind, DHCP_CHANGE_NONE);
}

/* After the lease table was lost: an address that is free is confirmed, not taken away. */
static void test_renewal(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 1);
    w->now += 1800 * 1000;
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    q.message.ciaddr = q.source = a;
    q.dest = IP(10, 0, 0, 1);
    struct dhcp_answer r = ask(w, &q);
    assert_int_equal(r.type, DHCP_ACK);
    assert_int_equal(r.to.kind, DHCP_SEND_UDP);
    assert_int_equal(r.to.address, a);
    assert_int_equal(r.to.port, DHCP_CLIENT_PORT);
    assert_int_equal(r.change.kind, DHCP_CHANGE_BIND);
    assert_int_equal(r.change.lease.expires, w->now + 3600 * 1000);
    struct dhcp_request unknown = test_request(DHCP_REQUEST, 7);
    unknown.message.ciaddr = unknown.source = IP(10, 0, 0, 105);
    if (a == IP(10, 0, 0, 105))
        unknown.message.ciaddr = unknown.source = IP(10, 0, 0, 106);
    assert_int_equal(ask(w, &unknown).type, DHCP_ACK);
    struct dhcp_request outside = test_request(DHCP_REQUEST, 8);
    outside.message.ciaddr = outside.source = IP(10, 0, 0, 50);
    r = ask(w, &outside);
    assert_int_equal(r.type, DHCP_NAK); /* in the subnet, but in no range */
    assert_int_equal(r.to.kind, DHCP_SEND_BROADCAST);
}

/* A renewal comes routed, by unicast, without the relay: its own address tells the Network. */
static void test_routed_renewal(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    q.message.ciaddr = q.source = IP(10, 9, 0, 150);
    q.dest = IP(10, 0, 0, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.type, DHCP_ACK);
    assert_string_equal(a.network->name, "remote");
    assert_int_equal(a.to.address, IP(10, 9, 0, 150));
    q.dest = UINT32_MAX; /* the same by broadcast is on the wrong network */
    assert_int_equal(ask(w, &q).type, DHCP_NAK);
}

static void test_destinations(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.to.kind, DHCP_SEND_LINK); /* it answers no ARP yet */
    assert_true(mac_eq(a.to.mac, test_mac(1)));
    assert_int_equal(a.to.address, a.reply.yiaddr);
    assert_int_equal(a.to.ifindex, IFINDEX);
    q.message.flags = DHCP_FLAG_BROADCAST;
    a = ask(w, &q);
    assert_int_equal(a.to.kind, DHCP_SEND_BROADCAST);
    assert_int_equal(a.to.address, UINT32_MAX);
    assert_int_equal(a.to.port, DHCP_CLIENT_PORT);
    assert_int_equal(a.reply.flags, DHCP_FLAG_BROADCAST);
}

static struct dhcp_request relayed(unsigned n, ipv4 giaddr)
{
    struct dhcp_request q = test_request(DHCP_DISCOVER, n);
    q.message.giaddr = giaddr;
    q.message.hops = 1;
    q.source = IP(172, 16, 0, 9); /* a VRF relay sends from another address */
    q.dest = IP(10, 0, 0, 1);
    return q;
}

static void test_relay(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = relayed(1, IP(10, 9, 0, 1));
    const uint8_t info[] = {1, 4, 'p', 'o', 'r', 't', 2, 0, 151, 1, 0};
    add(&q, DHCP_OPTION_RELAY_AGENT, info, sizeof(info));
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.drop, DHCP_DROP_NONE);
    assert_true(in_range(&w->networks[1], a.reply.yiaddr));
    assert_int_equal(a.to.kind, DHCP_SEND_UDP);
    assert_int_equal(a.to.address, IP(10, 9, 0, 1)); /* giaddr, not the packet's source */
    assert_int_equal(a.to.port, DHCP_SERVER_PORT);
    assert_int_equal(a.reply.giaddr, IP(10, 9, 0, 1));
    struct rd echoed = dhcp_options_get(&a.reply.options, DHCP_OPTION_RELAY_AGENT);
    assert_int_equal(echoed.len, sizeof(info));
    assert_memory_equal(echoed.buf, info, sizeof(info));
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len = 0;
    assert_int_equal(dhcp_message_build(&a.reply, bytes, a.reply_size, &len), 0);
    uint8_t tail[2 + sizeof(info) + 1] = {82, sizeof(info)};
    memcpy(tail + 2, info, sizeof(info));
    tail[sizeof(tail) - 1] = 255;
    while (len && bytes[len - 1] == 0)
        len--;
    assert_memory_equal(bytes + len - sizeof(tail), tail, sizeof(tail)); /* last */
}

/* RFC 3527: the relay's own address is in another subnet than its clients. */
static void test_link_selection(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = relayed(1, IP(172, 16, 0, 1));
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NO_NETWORK);
    const uint8_t info[] = {5, 4, 10, 9, 0, 0};
    add(&q, DHCP_OPTION_RELAY_AGENT, info, sizeof(info));
    struct dhcp_answer a = ask(w, &q);
    assert_true(in_range(&w->networks[1], a.reply.yiaddr));
    assert_int_equal(a.to.address, IP(172, 16, 0, 1));
}

/* RFC 5107: the relay wants to see renewals, and answers to its own name come back. */
static void test_server_identifier_override(void **state)
{
    struct world *w = *state;
    const uint8_t info[] = {11, 4, 10, 9, 0, 1};
    struct dhcp_request q = relayed(1, IP(10, 9, 0, 1));
    add(&q, DHCP_OPTION_RELAY_AGENT, info, sizeof(info));
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(dhcp_options_ipv4(&a.reply.options, DHCP_OPTION_SERVER_ID), IP(10, 9, 0, 1));
    assert_int_equal(a.source, IP(10, 0, 0, 1));
    struct dhcp_request r = relayed(1, IP(10, 9, 0, 1));
    r.message.options = (struct dhcp_options){0};
    assert_int_equal(
        dhcp_options_add_u8(&r.message.options, DHCP_OPTION_MESSAGE_TYPE, DHCP_REQUEST), 0);
    add(&r, DHCP_OPTION_RELAY_AGENT, info, sizeof(info));
    add_address(&r, DHCP_OPTION_SERVER_ID, IP(10, 9, 0, 1));
    add_address(&r, DHCP_OPTION_REQUESTED_ADDRESS, a.reply.yiaddr);
    assert_int_equal(ask(w, &r).type, DHCP_ACK);
}

static void test_relayed_nak_is_broadcast_by_the_relay(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_REQUEST, 1);
    q.message.giaddr = IP(10, 9, 0, 1);
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 100));
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.type, DHCP_NAK);
    assert_int_equal(a.to.address, IP(10, 9, 0, 1));
    assert_true(a.reply.flags & DHCP_FLAG_BROADCAST);
}

static void test_forgeries(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = relayed(1, IP(10, 0, 0, 1)); /* "relayed by" ourselves */
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_LOOP);
    const ipv4 nowhere[] = {IP(127, 0, 0, 1), IP(224, 0, 0, 1), UINT32_MAX, IP(0, 0, 0, 9)};
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        q = relayed(1, nowhere[i]);
        assert_int_equal(ask(w, &q).drop, DHCP_DROP_LOOP);
    }
    q = relayed(1, IP(10, 9, 0, 1));
    q.message.hops = 17;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_HOPS);
    q = test_request(DHCP_DISCOVER, 1);
    q.source = IP(10, 0, 0, 1); /* reflected */
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_LOOP);
    q = test_request(DHCP_DISCOVER, 1);
    q.message.op = DHCP_OP_REPLY;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NOT_REQUEST);
    const uint8_t types[] = {0, DHCP_OFFER, DHCP_ACK, DHCP_NAK, 9, 255};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        q = test_request((enum dhcp_type)types[i], 1);
        assert_int_equal(ask(w, &q).drop, DHCP_DROP_BAD_TYPE);
    }
    q = test_request(DHCP_DISCOVER, 1);
    q.message.options = (struct dhcp_options){0};
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_BOOTP);
    q = test_request(DHCP_DISCOVER, 1);
    memset(q.message.chaddr, 0xff, 6);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_CLIENT);
    q = test_request(DHCP_DISCOVER, 1);
    q.message.hlen = 17;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_MALFORMED);
    q = test_request(DHCP_REQUEST, 1); /* neither 50 nor ciaddr */
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_MALFORMED);
    q = test_request(DHCP_REQUEST, 1);
    q.message.ciaddr = IP(10, 0, 0, 101);
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 102));
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_MALFORMED);
    q = test_request(DHCP_DISCOVER, 1);
    q.ifindex = 99;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NO_NETWORK);
    w->networks[0].mode = DHCP_MODE_OFF;
    q = test_request(DHCP_DISCOVER, 1);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_OFF);
}

static void test_reservation(void **state)
{
    struct world *w = *state;
    char text[64];
    (void)add_host(w, 1, IP(10, 0, 0, 50));
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.reply.yiaddr, IP(10, 0, 0, 50));
    assert_string_equal(a.host, "machine");
    (void)dhcp_options_text(&a.reply.options, DHCP_OPTION_HOSTNAME, text, sizeof(text));
    assert_string_equal(text, "node-1");
    assert_int_equal(acquire(w, 1), IP(10, 0, 0, 50));
    struct dhcp_request wrong = test_request(DHCP_REQUEST, 1);
    add_address(&wrong, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 105));
    assert_int_equal(ask(w, &wrong).type, DHCP_NAK); /* it shall take its own */
}

/* An address inside the range that is promised to a Machine is nobody else's. */
static void test_reserved_address_in_the_range(void **state)
{
    struct world *w = *state;
    (void)add_host(w, 1, IP(10, 0, 0, 103));
    for (unsigned n = 100; n < 140; n++)
        assert_int_not_equal(acquire(w, n), IP(10, 0, 0, 103));
    struct dhcp_request thief = test_request(DHCP_REQUEST, 99);
    add_address(&thief, DHCP_OPTION_REQUESTED_ADDRESS, IP(10, 0, 0, 103));
    assert_int_equal(ask(w, &thief).type, DHCP_NAK);
    assert_int_equal(acquire(w, 1), IP(10, 0, 0, 103));
}

/* The reservation came while a stranger had the lease: the Machine gets another one meanwhile, the
 * stranger is refused at its renewal, and then the Machine moves to its own. */
static void test_late_reservation(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 9);
    (void)add_host(w, 1, a);
    ipv4 meanwhile = acquire(w, 1);
    assert_true(meanwhile && meanwhile != a);
    struct dhcp_request renew = test_request(DHCP_REQUEST, 9);
    renew.message.ciaddr = renew.source = a;
    assert_int_equal(ask(w, &renew).type, DHCP_NAK);
    w->now += 3601 * 1000;
    struct dhcp_request mine = test_request(DHCP_REQUEST, 1);
    mine.message.ciaddr = mine.source = meanwhile;
    assert_int_equal(ask(w, &mine).type, DHCP_NAK);
    assert_int_equal(acquire(w, 1), a);
}

static void test_unknown_clients(void **state)
{
    struct world *w = *state;
    w->networks[0].answer_unknown = false;
    (void)add_host(w, 1, 0);
    struct dhcp_request q = test_request(DHCP_DISCOVER, 2);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_UNKNOWN);
    q = test_request(DHCP_REQUEST, 2); /* nor a NAK: it may belong to another server */
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, IP(192, 168, 0, 1));
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_UNKNOWN);
    q = test_request(DHCP_INFORM, 2);
    q.message.ciaddr = IP(10, 0, 0, 60);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_UNKNOWN);
    assert_true(in_range(&w->networks[0], acquire(w, 1)));
}

static void test_two_machines_claim_one_mac(void **state)
{
    struct world *w = *state;
    add_host(w, 1, 0)->lookup = DHCP_HOST_AMBIGUOUS;
    add_host(w, 2, 0)->lookup = DHCP_HOST_REFUSED;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.drop, DHCP_DROP_AMBIGUOUS);
    assert_non_null(strstr(dhcp_drop_text(a.drop), "several Machines"));
    q = test_request(DHCP_DISCOVER, 2);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_REFUSED);
}

static struct dhcp_request decline(unsigned n, ipv4 address)
{
    struct dhcp_request q = test_request(DHCP_DECLINE, n);
    add_address(&q, DHCP_OPTION_REQUESTED_ADDRESS, address);
    add_address(&q, DHCP_OPTION_SERVER_ID, IP(10, 0, 0, 1));
    return q;
}

static void test_decline(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 1);
    struct dhcp_request liar = decline(2, a);
    assert_int_equal(ask(w, &liar).drop, DHCP_DROP_NOT_YOURS);
    struct dhcp_request q = decline(1, a);
    struct dhcp_answer r = ask(w, &q);
    assert_int_equal(r.drop, DHCP_DROP_DONE);
    assert_int_equal(r.change.kind, DHCP_CHANGE_QUARANTINE);
    ipv4 b = acquire(w, 1);
    assert_true(b && b != a);
    w->now += 599 * 1000;
    for (unsigned n = 10; n < 40; n++)
        assert_int_not_equal(acquire(w, n), a);
    w->now += 2 * 3600 * 1000;
    struct dhcp_request back = test_request(DHCP_REQUEST, 5);
    add_address(&back, DHCP_OPTION_REQUESTED_ADDRESS, a);
    assert_int_equal(ask(w, &back).type, DHCP_ACK);
}

/* A machine's own address is in use by somebody: it waits, and the reason is said. */
static void test_declined_reservation(void **state)
{
    struct world *w = *state;
    (void)add_host(w, 1, IP(10, 0, 0, 50));
    assert_int_equal(acquire(w, 1), IP(10, 0, 0, 50));
    struct dhcp_request q = decline(1, IP(10, 0, 0, 50));
    assert_int_equal(ask(w, &q).change.kind, DHCP_CHANGE_QUARANTINE);
    struct dhcp_request again = test_request(DHCP_DISCOVER, 1);
    assert_int_equal(ask(w, &again).drop, DHCP_DROP_QUARANTINED);
    w->now += 601 * 1000;
    assert_int_equal(acquire(w, 1), IP(10, 0, 0, 50));
}

/* Lies about duplicates cannot empty the range. */
static void test_declines_of_strangers_are_bounded(void **state)
{
    struct world *w = *state;
    uint32_t quarantined = 0;
    for (unsigned n = 0; n < 50; n++) {
        ipv4 a = acquire(w, n);
        assert_int_not_equal(a, 0);
        struct dhcp_request q = decline(n, a);
        (void)ask(w, &q);
        quarantined = dhcp_leases_pool_use(w->leases, w->networks[0].ranges[0]).quarantined;
        assert_true(quarantined <= 3);
    }
    assert_int_equal(quarantined, 3);
}

static void test_release(void **state)
{
    struct world *w = *state;
    ipv4 a = acquire(w, 1);
    struct dhcp_request q = test_request(DHCP_RELEASE, 2);
    q.message.ciaddr = a;
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NOT_YOURS);
    q = test_request(DHCP_RELEASE, 1);
    q.message.ciaddr = a;
    struct dhcp_answer r = ask(w, &q);
    assert_int_equal(r.drop, DHCP_DROP_DONE);
    assert_int_equal(dhcp_leases_by_address(w->leases, a)->state, DHCP_LEASE_FREE);
    assert_int_equal(acquire(w, 1), a); /* comes back to it */
}

static void test_inform(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_INFORM, 1);
    q.message.ciaddr = q.source = IP(10, 0, 0, 60);
    struct dhcp_answer a = ask(w, &q);
    assert_int_equal(a.type, DHCP_ACK);
    assert_int_equal(a.reply.yiaddr, 0);
    assert_int_equal(a.change.kind, DHCP_CHANGE_NONE);
    assert_int_equal(a.to.kind, DHCP_SEND_UDP);
    assert_int_equal(a.to.address, IP(10, 0, 0, 60));
    assert_true(dhcp_options_has(&a.reply.options, DHCP_OPTION_DNS));
    assert_false(dhcp_options_has(&a.reply.options, DHCP_OPTION_LEASE_TIME));
    q.message.ciaddr = IP(198, 51, 100, 1); /* nobody is made to send packets there */
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NO_NETWORK);
}

/* Ten addresses: strangers get at most nine of them (an eighth is kept), Machines the rest. */
static void test_strangers_cannot_take_everything(void **state)
{
    struct world *w = *state;
    (void)add_host(w, 1, 0);
    size_t got = 0;
    for (unsigned n = 100; n < 200; n++)
        got += acquire(w, n) != 0;
    assert_int_equal(got, 9);
    struct dhcp_request q = test_request(DHCP_DISCOVER, 500);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_STRANGERS);
    assert_int_not_equal(acquire(w, 1), 0);
    w->host_count = 0;
    (void)add_host(w, 2, 0);
    q = test_request(DHCP_DISCOVER, 2);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NO_ADDRESS);
}

/* A flood of DISCOVERs holds half of a big range for the time of an offer, no more. */
static void test_offers_to_strangers_are_bounded(void **state)
{
    struct world *w = *state;
    size_t offers = 0;
    for (unsigned n = 0; n < 1000; n++) {
        struct dhcp_request q = test_request(DHCP_DISCOVER, 1000 + n);
        q.message.giaddr = IP(10, 9, 0, 1);
        offers += ask(w, &q).drop == DHCP_DROP_NONE;
    }
    assert_int_equal(offers, 50); /* of 100 */
    w->now += 30000;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 5);
    q.message.giaddr = IP(10, 9, 0, 1);
    assert_int_equal(ask(w, &q).drop, DHCP_DROP_NONE);
}

static void test_probe(void **state)
{
    struct world *w = *state;
    w->networks[0].probe = w->networks[1].probe = true;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    assert_true(ask(w, &q).probe);
    struct dhcp_request far = relayed(2, IP(10, 9, 0, 1));
    assert_false(ask(w, &far).probe); /* no ARP through a relay */
    (void)acquire(w, 1);
    assert_false(ask(w, &q).probe); /* it uses the address itself */
}

/* RFC 2132 9.10 counts headers; below the minimum it means nothing. */
static void test_maximum_size(void **state)
{
    struct world *w = *state;
    const struct {
        uint16_t said;
        size_t size;
    } cases[] = {{0, 548}, {300, 548}, {576, 548}, {1260, 1232}, {1472, 1444}, {9000, 1472}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
        if (cases[i].said)
            assert_int_equal(
                dhcp_options_add_u16(&q.message.options, DHCP_OPTION_MAX_SIZE, cases[i].said), 0);
        assert_int_equal(ask(w, &q).reply_size, cases[i].size);
    }
}

static void test_decision_changes_nothing(void **state)
{
    struct world *w = *state;
    struct dhcp_request q = test_request(DHCP_DISCOVER, 1);
    struct dhcp_answer a, b;
    dhcp_answer(&q, &w->view, w->now, &a);
    dhcp_answer(&q, &w->view, w->now, &b);
    assert_int_equal(a.reply.yiaddr, b.reply.yiaddr);
    assert_int_equal(dhcp_leases_count(w->leases), 0);
}

static void test_every_drop_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int d = 0; d <= DHCP_DROP_TOO_BIG; d++) {
        assert_string_not_equal(dhcp_drop_text((enum dhcp_drop)d), "unknown");
        assert_true(strlen(dhcp_drop_text((enum dhcp_drop)d)) > 3);
        const char *name = dhcp_drop_name((enum dhcp_drop)d);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(T(test_offer), T(test_parameter_list), T(test_classless_routes_and_search),
          T(test_selecting), T(test_other_server_was_chosen), T(test_init_reboot),
          T(test_nak_for_wrong_network), T(test_renewal), T(test_routed_renewal),
          T(test_destinations), T(test_relay), T(test_link_selection),
          T(test_server_identifier_override), T(test_relayed_nak_is_broadcast_by_the_relay),
          T(test_forgeries), T(test_reservation), T(test_reserved_address_in_the_range),
          T(test_late_reservation), T(test_unknown_clients), T(test_two_machines_claim_one_mac),
          T(test_decline), T(test_declined_reservation), T(test_declines_of_strangers_are_bounded),
          T(test_release), T(test_inform), T(test_strangers_cannot_take_everything),
          T(test_offers_to_strangers_are_bounded), T(test_probe), T(test_maximum_size),
          T(test_decision_changes_nothing), T(test_every_drop_has_a_name_and_a_text))
