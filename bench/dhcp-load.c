/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a DHCP server as a relay agent would, for Machines with the MAC addresses 52:54:00:00:00:00
 * and up. `bind` gets a lease for each, many at once. `ask` sends DISCOVERs one at a time for
 * Machines chosen at random and prints the median time to the OFFER in microseconds. It pauses
 * between them, so that what the server does after an answer is not measured. The clients are
 * plain ones: network boots lengthen a Machine's timeline, and ten Machines that are asked often
 * would be compared with ten thousand that are asked once.
 *
 * Usage: dhcp-load bind|ask OWN SERVER MACHINES [ROUNDS SEED]
 */
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/random.h"
#include "base/str.h"
#include "dhcp/message.h"
#include "net/udp.h"

enum { WINDOW = 64, PATIENCE_MS = 2000, PAUSE_US = 2000 };

struct load {
    int fd;
    ipv4 own, server;
    uint64_t machines;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "dhcp-load: %s\n", what);
    exit(1);
}

static void send_request(const struct load *l, enum dhcp_type type, uint32_t n, ipv4 address)
{
    static const uint8_t list[] = {1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 43, 54, 60, 66, 67, 97};
    const uint8_t mac[6] = {0x52, 0x54, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    const uint8_t uuid[17] = {0, mac[3], mac[4], mac[5]};
    struct dhcp_message m = {.op = DHCP_OP_REQUEST, .htype = 1, .hlen = 6, .hops = 1};
    uint8_t bytes[DHCP_MESSAGE_DEFAULT];
    size_t len = 0;
    m.xid = n;
    m.giaddr = l->own;
    memcpy(m.chaddr, mac, sizeof(mac));
    int r = dhcp_options_add_u8(&m.options, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type);
    r |= dhcp_options_add(&m.options, DHCP_OPTION_PARAMETERS, list, sizeof(list));
    r |= dhcp_options_add(&m.options, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    if (address)
        r |= dhcp_options_add_u32(&m.options, DHCP_OPTION_REQUESTED_ADDRESS, address);
    must(r == 0 && dhcp_message_build(&m, bytes, sizeof(bytes), &len) == 0, "build a request");
    must(udp_send(l->fd, bytes, len, l->server, DHCP_SERVER_PORT, 0, 0) == 0, "send");
}

/* The next reply within `patience`; false when none came. */
static bool receive(const struct load *l, int patience, struct dhcp_message *ret)
{
    uint8_t bytes[DHCP_MESSAGE_MAX];
    struct udp_info info;
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    if (poll(&p, 1, patience) != 1)
        return false;
    ssize_t n = udp_receive(l->fd, bytes, sizeof(bytes), &info);
    must(n > 0 && dhcp_message_parse(bytes, (size_t)n, ret) == 0, "receive");
    return true;
}

static void bind_all(const struct load *l)
{
    uint64_t started = 0, bound = 0;
    struct dhcp_message m;
    for (; started < WINDOW && started < l->machines; started++)
        send_request(l, DHCP_DISCOVER, (uint32_t)started, 0);
    while (bound < l->machines) {
        must(receive(l, PATIENCE_MS, &m), "no answer while binding");
        if (dhcp_message_type(&m) == DHCP_OFFER) {
            send_request(l, DHCP_REQUEST, m.xid, m.yiaddr);
            continue;
        }
        must(dhcp_message_type(&m) == DHCP_ACK, "refused");
        bound++;
        if (started < l->machines)
            send_request(l, DHCP_DISCOVER, (uint32_t)started++, 0);
    }
    printf("%llu\n", (unsigned long long)bound);
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(const struct load *l, uint64_t rounds, uint64_t seed)
{
    struct rng_seeded rng;
    struct dhcp_message m;
    _autofree_ double *times = calloc(rounds, sizeof(*times));
    must(times != NULL, "memory");
    rng_seeded_init(&rng, seed);
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t n = rng_below(&rng.rng, (uint32_t)l->machines);
        (void)usleep(PAUSE_US);
        double start = now_us();
        send_request(l, DHCP_DISCOVER, n, 0);
        must(receive(l, PATIENCE_MS, &m), "no answer");
        times[i] = now_us() - start;
        must(m.xid == n && dhcp_message_type(&m) == DHCP_OFFER && m.yiaddr, "no offer");
    }
    qsort(times, rounds, sizeof(*times), compare);
    printf("%.3f\n", times[rounds / 2]);
}

int main(int argc, char **argv)
{
    struct load l = {0};
    uint64_t rounds = 0, seed = 0;
    must(argc == 5 || argc == 7, "usage: dhcp-load bind|ask OWN SERVER MACHINES [ROUNDS SEED]");
    must(ipv4_parse(argv[2], &l.own) == 0 && ipv4_parse(argv[3], &l.server) == 0, "an address");
    must(str_parse_u64(argv[4], 1, 1 << 24, &l.machines) == 0, "a number of Machines");
    struct udp_options options = {
        .address = l.own, .port = DHCP_SERVER_PORT, .receive_buffer = 1 << 20};
    must(udp_open(&options, &l.fd, NULL) == 0, "open port 67");
    if (str_eq(argv[1], "bind")) {
        bind_all(&l);
        return 0;
    }
    must(argc == 7 && str_parse_u64(argv[5], 1, 1 << 24, &rounds) == 0 &&
             str_parse_u64(argv[6], 0, UINT64_MAX, &seed) == 0,
         "rounds and a seed");
    ask(&l, rounds, seed);
    return 0;
}
