/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for tests of the policy: Networks, known Machines, a lease table, requests. */
#pragma once

#include <stdio.h>

#include "base/str.h"
#include "base/test.h"
#include "dhcp/answer.h"

#define IP(a, b, c, d) ((ipv4)(a) << 24 | (ipv4)(b) << 16 | (ipv4)(c) << 8 | (ipv4)(d))

enum { IFINDEX = 3 };

struct test_host {
    struct mac mac;
    const char *name;
    ipv4 address;
    const char *hostname;
    enum dhcp_lookup lookup;
};

struct world {
    struct dhcp_network networks[4];
    struct dhcp_leases *leases;
    struct dhcp_view view;
    struct test_host hosts[8];
    size_t host_count;
    struct dhcp_boot boot;
    struct dhcp_query asked; /* the last query for a boot plan */
    ipv4 own[2];
    int64_t now;
};

static _unused_ enum dhcp_lookup world_find_host(void *data, const struct dhcp_query *query,
                                                 struct dhcp_host *ret)
{
    const struct world *w = data;
    for (size_t i = 0; i < w->host_count; i++) {
        if (!mac_eq(w->hosts[i].mac, query->mac))
            continue;
        *ret = (struct dhcp_host){.name = w->hosts[i].name,
                                  .address = w->hosts[i].address,
                                  .hostname = w->hosts[i].hostname};
        return w->hosts[i].lookup ? w->hosts[i].lookup : DHCP_HOST_FOUND;
    }
    return DHCP_HOST_UNKNOWN;
}

static _unused_ void world_plan_boot(void *data, const struct dhcp_query *query,
                                     const struct dhcp_host *host, struct dhcp_boot *ret)
{
    struct world *w = data;
    (void)host;
    w->asked = *query;
    *ret = w->boot;
}

/* 10.0.0.0/24 authoritative on interface 3, ten addresses; 10.9.0.0/24 behind a relay. */
static _unused_ void world_init(struct world *w)
{
    *w = (struct world){.now = 1000000};
    w->networks[0] = (struct dhcp_network){
        .name = "rack",
        .mode = DHCP_MODE_AUTHORITATIVE,
        .subnet = {IP(10, 0, 0, 0), 24},
        .interface = "eth0",
        .ifindex = IFINDEX,
        .server = IP(10, 0, 0, 1),
        .ranges = {{IP(10, 0, 0, 100), IP(10, 0, 0, 109)}},
        .range_count = 1,
        .answer_unknown = true,
        .router = IP(10, 0, 0, 254),
        .dns = {IP(10, 0, 0, 2), IP(10, 0, 0, 3)},
        .dns_count = 2,
        .ntp = {IP(10, 0, 0, 4)},
        .ntp_count = 1,
        .domain = "example.test",
        .mtu = 1450,
    };
    w->networks[1] = (struct dhcp_network){
        .name = "remote",
        .mode = DHCP_MODE_AUTHORITATIVE,
        .subnet = {IP(10, 9, 0, 0), 24},
        .server = IP(10, 0, 0, 1),
        .ranges = {{IP(10, 9, 0, 100), IP(10, 9, 0, 199)}},
        .range_count = 1,
        .answer_unknown = true,
    };
    w->leases = dhcp_leases_new();
    assert_non_null(w->leases);
    const struct dhcp_range ranges[] = {w->networks[0].ranges[0], w->networks[1].ranges[0]};
    assert_int_equal(dhcp_leases_set_pools(w->leases, ranges, 2, NULL, 0), 0);
    w->own[0] = IP(10, 0, 0, 1);
    w->view = (struct dhcp_view){.networks = w->networks,
                                 .network_count = 2,
                                 .leases = w->leases,
                                 .own = w->own,
                                 .own_count = 1,
                                 .data = w,
                                 .find_host = world_find_host,
                                 .plan_boot = world_plan_boot};
}

static _unused_ void world_done(struct world *w)
{
    dhcp_leases_free(w->leases);
}

static _unused_ struct mac test_mac(unsigned n)
{
    return (struct mac){{0x52, 0x54, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* A broadcast request from machine n. */
static _unused_ struct dhcp_request test_request(enum dhcp_type type, unsigned n)
{
    struct dhcp_request q = {.dest = UINT32_MAX,
                             .local = IP(10, 0, 0, 1),
                             .ifindex = IFINDEX,
                             .port = DHCP_SERVER_PORT,
                             .source_port = DHCP_CLIENT_PORT};
    struct mac mac = test_mac(n);
    q.message.op = DHCP_OP_REQUEST;
    q.message.htype = 1;
    q.message.hlen = 6;
    q.message.xid = 0x1000 + n;
    memcpy(q.message.chaddr, mac.b, sizeof(mac.b));
    assert_int_equal(
        dhcp_options_add_u8(&q.message.options, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type), 0);
    return q;
}

static _unused_ void add(struct dhcp_request *q, uint8_t code, const void *value, size_t len)
{
    assert_int_equal(dhcp_options_add(&q->message.options, code, value, len), 0);
}

static _unused_ void add_address(struct dhcp_request *q, uint8_t code, ipv4 address)
{
    assert_int_equal(dhcp_options_add_u32(&q->message.options, code, address), 0);
}

/* Decides and applies, as the server does. */
static _unused_ struct dhcp_answer ask(struct world *w, const struct dhcp_request *q)
{
    struct dhcp_answer a;
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    size_t count = 0;
    dhcp_leases_expire(w->leases, w->now);
    dhcp_answer(q, &w->view, w->now, &a);
    assert_int_equal(dhcp_leases_apply(w->leases, &a.change, records, &count), 0);
    return a;
}

/* DISCOVER and SELECTING REQUEST of machine n: the address, 0 when none came. */
static _unused_ ipv4 acquire(struct world *w, unsigned n)
{
    struct dhcp_request discover = test_request(DHCP_DISCOVER, n);
    struct dhcp_answer offer = ask(w, &discover);
    if (offer.drop)
        return 0;
    struct dhcp_request request = test_request(DHCP_REQUEST, n);
    add_address(&request, DHCP_OPTION_REQUESTED_ADDRESS, offer.reply.yiaddr);
    add_address(&request, DHCP_OPTION_SERVER_ID,
                dhcp_options_ipv4(&offer.reply.options, DHCP_OPTION_SERVER_ID));
    struct dhcp_answer ack = ask(w, &request);
    return ack.drop || ack.type != DHCP_ACK ? 0 : ack.reply.yiaddr;
}
