/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy under a history of forged packets. Input: records of [how][minutes/8][length, 2 bytes]
 * and a message. The lease table lives through all of them, and after each answer the promises are
 * checked that make the server safe on a hostile network.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "dhcp/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OWN = 0x0a000001, HOST = 0x0a000032, RECORDS_MAX = 64 };

enum how { RELAY_SIDE = 1, PXE_PORT = 2, UNICAST = 4, FROM_OWN = 8, FROM_CIADDR = 16 };

static void check(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static const struct dhcp_network networks[] = {
    {.name = "rack",
     .mode = DHCP_MODE_AUTHORITATIVE,
     .subnet = {0x0a000000, 24},
     .ifindex = 3,
     .server = OWN,
     .ranges = {{0x0a000064, 0x0a00006d}},
     .range_count = 1,
     .answer_unknown = true,
     .probe = true,
     .router = 0x0a0000fe,
     .dns = {0x0a000002},
     .dns_count = 1,
     .routes = {{{0xc0a80000, 16}, 0x0a000009}},
     .route_count = 1,
     .search = {"example.test"},
     .search_count = 1,
     .domain = "example.test"},
    {.name = "proxied",
     .mode = DHCP_MODE_PROXY,
     .subnet = {0x0a090000, 24},
     .ifindex = 4,
     .server = OWN,
     .answer_unknown = true},
    {.name = "known-only",
     .mode = DHCP_MODE_AUTHORITATIVE,
     .subnet = {0x0a0a0000, 24},
     .server = OWN,
     .ranges = {{0x0a0a0064, 0x0a0a0068}},
     .range_count = 1},
};

static enum dhcp_lookup find_host(void *data, const struct dhcp_query *q, struct dhcp_host *ret)
{
    (void)data;
    if (q->mac.b[5] % 8 == 1) {
        *ret = (struct dhcp_host){.name = "machine", .hostname = "node"};
        ret->address = cidr_contains(q->network->subnet, HOST) ? HOST : 0;
        return DHCP_HOST_FOUND;
    }
    return q->mac.b[5] % 8 == 2 ? DHCP_HOST_AMBIGUOUS : DHCP_HOST_UNKNOWN;
}

static void plan_boot(void *data, const struct dhcp_query *q, const struct dhcp_host *host,
                      struct dhcp_boot *ret)
{
    (void)data;
    (void)host;
    check(q->firmware->kind != DHCP_CLIENT_PLAIN);
    *ret = (struct dhcp_boot){.boot = true, .file = "boot/program"};
}

/* Nobody is answered who must not be, and nothing goes where nobody asked from. */
static void check_reply(const struct dhcp_request *q, const struct dhcp_answer *a)
{
    const struct dhcp_message *m = &q->message;
    enum dhcp_type type = dhcp_message_type(m);
    check(m->op == DHCP_OP_REQUEST && m->hops <= 16 && m->giaddr != OWN && q->source != OWN);
    check(type == DHCP_DISCOVER || type == DHCP_REQUEST || type == DHCP_INFORM);
    check(q->message.chaddr[5] % 8 != 2 || m->htype != 1);
    check(a->reply.op == DHCP_OP_REPLY && a->reply.xid == m->xid);
    check(dhcp_options_ipv4(&a->reply.options, DHCP_OPTION_SERVER_ID) != 0);
    check(!m->giaddr || (a->to.address == m->giaddr && a->to.port == DHCP_SERVER_PORT));
    if (a->to.kind == DHCP_SEND_UDP && !m->giaddr)
        check(cidr_contains(a->network->subnet, a->to.address) || a->to.address == q->source);
    struct rd sent = dhcp_options_get(&m->options, DHCP_OPTION_RELAY_AGENT);
    struct rd echoed = dhcp_options_get(&a->reply.options, DHCP_OPTION_RELAY_AGENT);
    check(rd_ok(&sent) == rd_ok(&echoed) && sent.len == echoed.len);
}

/* An address is only given out of a range or to whom it belongs, and is recorded first. */
static void check_grant(const struct dhcp_answer *a)
{
    ipv4 y = a->reply.yiaddr;
    if (!y)
        return;
    const struct dhcp_network *n = a->network;
    check(n->mode == DHCP_MODE_AUTHORITATIVE && cidr_contains(n->subnet, y));
    check((y >= n->ranges[0].first && y <= n->ranges[0].last) ||
          (y == HOST && str_eq(a->host, "machine")));
    check(n->answer_unknown || a->host[0]);
    check(a->change.lease.address == y);
    check(a->change.kind == (a->type == DHCP_ACK ? DHCP_CHANGE_BIND : DHCP_CHANGE_OFFER));
}

/* A live lease of another client is never overwritten. */
static void check_no_theft(const struct dhcp_leases *leases, const struct dhcp_change *change)
{
    const struct dhcp_lease *old = dhcp_leases_by_address(leases, change->lease.address);
    if (change->kind == DHCP_CHANGE_NONE || !old || old->state == DHCP_LEASE_FREE)
        return;
    check(dhcp_key_eq(&old->key, &change->lease.key));
}

static void decide(struct dhcp_leases *leases, const struct dhcp_request *q, int64_t now)
{
    const ipv4 own[] = {OWN};
    struct dhcp_view view = {.networks = networks,
                             .network_count = ARRAY_SIZE(networks),
                             .leases = leases,
                             .own = own,
                             .own_count = 1,
                             .proxy_silence = q->message.secs,
                             .find_host = find_host,
                             .plan_boot = plan_boot};
    struct dhcp_answer a;
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len = 0, count = 0;
    dhcp_leases_expire(leases, now);
    dhcp_answer(q, &view, now, &a);
    check_no_theft(leases, &a.change);
    if (a.drop == DHCP_DROP_NONE) {
        check_reply(q, &a);
        check_grant(&a);
        if (dhcp_message_build(&a.reply, bytes, a.reply_size, &len) == 0)
            check(len <= a.reply_size);
    }
    check(dhcp_leases_apply(leases, &a.change, records, &count) == 0);
    check(count <= DHCP_RECORDS_MAX);
}

static void read_request(struct rd *r, struct dhcp_request *q, int64_t *now)
{
    uint8_t how = rd_u8(r);
    *now += (int64_t)rd_u8(r) * 7500;
    size_t len = rd_u16(r);
    struct rd bytes = rd_sub(r, len < rd_left(r) ? len : rd_left(r));
    *q = (struct dhcp_request){.dest = how & UNICAST ? OWN : UINT32_MAX,
                               .local = OWN,
                               .ifindex = how & RELAY_SIDE ? 4 : 3,
                               .source_port = DHCP_CLIENT_PORT,
                               .port = how & PXE_PORT ? DHCP_PXE_PORT : DHCP_SERVER_PORT};
    if (dhcp_message_parse(bytes.buf, bytes.len, &q->message) < 0)
        q->message.op = 0;
    if (how & FROM_CIADDR)
        q->source = q->message.ciaddr;
    if (how & FROM_OWN)
        q->source = OWN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *leases = dhcp_leases_new();
    const struct dhcp_range ranges[] = {networks[0].ranges[0], networks[2].ranges[0]};
    int64_t now = 1000;
    check(leases && dhcp_leases_set_pools(leases, ranges, 2, NULL, 0) == 0);
    struct rd r = rd_init(data, size);
    for (int i = 0; i < RECORDS_MAX && rd_left(&r) > 4; i++) {
        struct dhcp_request q;
        read_request(&r, &q, &now);
        if (q.message.op)
            decide(leases, &q, now);
    }
    struct dhcp_pool_use use = dhcp_leases_pool_use(leases, ranges[0]);
    check(use.taken <= use.size && use.quarantined <= use.taken);
    check(use.bound_strangers + use.offered_strangers + use.quarantined <= use.taken);
    check(dhcp_leases_count(leases) <= 10 + 5 + 1);
    return 0;
}
