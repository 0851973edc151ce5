/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an answer take longer when there are more Machines? Two worlds in one process, with 10 and
 * with 10,000 Machines that all have leases, are asked in turn: bytes of a DISCOVER or REQUEST in,
 * bytes of the answer out, with the look-up of the Machine, the policy and the lease table between,
 * and without sockets and disk. Times are medians over all answers.
 *
 * Usage: bench-dhcp-growth RESULT
 */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "base/map.h"
#include "dhcp/answer.h"

enum { FEW = 10, MANY = 10000, ROUNDS = 200, PER_ROUND = 500, BASE = 0x0a000100 };

struct machine {
    struct mac mac;
    ipv4 address;
    char name[32];
};

/* What the socket delivers. */
struct datagram {
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len;
};

struct world {
    struct machine *machines;
    unsigned count;
    struct map *by_mac;
    struct dhcp_leases *leases;
    struct dhcp_network network;
    struct dhcp_view view;
    double *times;
    size_t time_count;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench-dhcp-growth: %s\n", what);
    exit(1);
}

static enum dhcp_lookup find_host(void *data, const struct dhcp_query *q, struct dhcp_host *ret)
{
    const struct world *w = data;
    const struct machine *m = map_get(w->by_mac, &q->mac, sizeof(q->mac));
    if (!m)
        return DHCP_HOST_UNKNOWN;
    *ret = (struct dhcp_host){.name = m->name, .address = m->address, .hostname = m->name};
    return DHCP_HOST_FOUND;
}

static void plan_boot(void *data, const struct dhcp_query *q, const struct dhcp_host *host,
                      struct dhcp_boot *ret)
{
    (void)data;
    (void)q;
    (void)host;
    *ret = (struct dhcp_boot){.boot = true, .file = "snponly.efi"};
}

static void build_request(const struct machine *m, int which, struct datagram *ret)
{
    static const uint8_t list[] = {1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 43, 54, 60, 66, 67, 97};
    const uint8_t uuid[17] = {0, m->mac.b[3], m->mac.b[4], m->mac.b[5]}, arch[2] = {0, 7};
    struct dhcp_message q = {.op = DHCP_OP_REQUEST, .htype = 1, .hlen = 6, .xid = 1};
    memcpy(q.chaddr, m->mac.b, sizeof(m->mac.b));
    int r = dhcp_options_add_u8(&q.options, DHCP_OPTION_MESSAGE_TYPE,
                                which ? DHCP_REQUEST : DHCP_DISCOVER);
    r |= dhcp_options_add(&q.options, DHCP_OPTION_PARAMETERS, list, sizeof(list));
    r |= dhcp_options_add(&q.options, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    r |= dhcp_options_add(&q.options, DHCP_OPTION_ARCHITECTURE, arch, sizeof(arch));
    r |= dhcp_options_add_text(&q.options, DHCP_OPTION_VENDOR_CLASS,
                               "PXEClient:Arch:00007:UNDI:003016");
    if (which) {
        r |= dhcp_options_add_u32(&q.options, DHCP_OPTION_SERVER_ID, 0x0a000001);
        r |= dhcp_options_add_u32(&q.options, DHCP_OPTION_REQUESTED_ADDRESS, m->address);
    }
    must(r == 0 && dhcp_message_build(&q, ret->bytes, sizeof(ret->bytes), &ret->len) == 0,
         "build a request");
}

/* One datagram in, one out. */
static ipv4 answer(struct world *w, const struct datagram *d, int64_t now)
{
    struct dhcp_request q = {.dest = UINT32_MAX, .local = 0x0a000001, .ifindex = 3, .port = 67};
    struct dhcp_answer a;
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    uint8_t reply[DHCP_MESSAGE_MAX];
    size_t count = 0, len = 0;
    must(dhcp_message_parse(d->bytes, d->len, &q.message) == 0, "parse");
    dhcp_leases_expire(w->leases, now);
    dhcp_answer(&q, &w->view, now, &a);
    must(a.drop == DHCP_DROP_NONE, dhcp_drop_text(a.drop));
    must(dhcp_leases_apply(w->leases, &a.change, records, &count) == 0, "apply");
    must(dhcp_message_build(&a.reply, reply, a.reply_size, &len) == 0, "build");
    return a.reply.yiaddr;
}

static void world_init(struct world *w, unsigned count)
{
    const struct dhcp_range range = {BASE, BASE + 20000};
    *w = (struct world){.count = count};
    w->network = (struct dhcp_network){.name = "rack",
                                       .mode = DHCP_MODE_AUTHORITATIVE,
                                       .subnet = {0x0a000000, 16},
                                       .ifindex = 3,
                                       .server = 0x0a000001,
                                       .ranges = {range},
                                       .range_count = 1};
    w->machines = calloc(count, sizeof(*w->machines));
    w->times = calloc(ROUNDS * PER_ROUND, sizeof(*w->times));
    w->by_mac = map_new();
    w->leases = dhcp_leases_new();
    must(w->machines && w->times && w->by_mac && w->leases, "memory");
    must(dhcp_leases_set_pools(w->leases, &range, 1, NULL, 0) == 0, "ranges");
    w->view = (struct dhcp_view){.networks = &w->network,
                                 .network_count = 1,
                                 .leases = w->leases,
                                 .data = w,
                                 .find_host = find_host,
                                 .plan_boot = plan_boot};
    for (unsigned i = 0; i < count; i++) {
        struct machine *m = &w->machines[i];
        m->mac = (struct mac){{0x52, 0x54, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        m->address = BASE + i;
        (void)snprintf(m->name, sizeof(m->name), "machine-%u", i);
        must(map_put(w->by_mac, &m->mac, sizeof(m->mac), m, NULL) == 0, "memory");
        dhcp_leases_reserve(w->leases, m->address, true);
        struct datagram d;
        build_request(m, 1, &d);
        must(answer(w, &d, 1) == m->address, "an answer with another address");
    }
}

static void world_done(struct world *w)
{
    map_free(w->by_mac);
    dhcp_leases_free(w->leases);
    free(w->machines);
    free(w->times);
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* One round: what one rack may send at once, from machines all over the list. */
static void measure(struct world *w, struct rng *rng)
{
    for (int i = 0; i < PER_ROUND; i++) {
        const struct machine *m = &w->machines[rng_below(rng, w->count)];
        struct datagram d;
        build_request(m, i & 1, &d);
        double start = now_us();
        ipv4 got = answer(w, &d, 1000 + (int64_t)w->time_count);
        w->times[w->time_count++] = now_us() - start;
        must(got == m->address, "an answer with another address");
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(struct world *w)
{
    qsort(w->times, w->time_count, sizeof(*w->times), compare);
    return w->times[w->time_count / 2];
}

int main(int argc, char **argv)
{
    must(argc == 2, "usage: bench-dhcp-growth RESULT");
    struct world few, many;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    world_init(&few, FEW);
    world_init(&many, MANY);
    for (int i = 0; i < ROUNDS; i++) {
        measure(&few, &rng.rng);
        measure(&many, &rng.rng);
    }
    double ours = median(&many), peer = median(&few), bar = 1.10;
    json_t *result = json_pack("{s:s, s:f, s:f, s:f, s:s, s:f, s:b, s:i}", "name", "dhcp.growth",
                               "ours", ours, "peer", peer, "ratio", ours / peer, "unit", "us",
                               "bar", bar, "holds", ours / peer <= bar, "runs", ROUNDS * PER_ROUND);
    must(result && json_dump_file(result, argv[1], JSON_COMPACT) == 0, "write the result");
    json_decref(result);
    world_done(&few);
    world_done(&many);
    return 0;
}
