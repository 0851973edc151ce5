/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand of our clients and our server on a bad wire with a fake clock: a quarter of the
 * packets is lost, some come twice, some late, some hosts sit on addresses that nobody gave them,
 * and once the server loses everything that it had not made durable. All messages go through the
 * real bytes. In the end everybody has an address, and at no time did two have the same.
 */
#include "dhcp/client.h"
#include "dhcp/test-support.h"

enum {
    CLIENTS = 1000,
    SQUATTERS = 20,
    RANGE = 1400,
    FIRST = 0x0a000100,
    LEASE_S = 600,
    JOURNAL_MS = 15,
    END_MS = 1800 * 1000,
    RESTART_MS = 40 * 1000,
};

enum happens { TO_SERVER, TO_CLIENT, CLIENT_DUE, PROBE_DONE, DURABLE };

/* What happens at a time. */
struct happening {
    int64_t at;
    enum happens kind;
    unsigned client;
    size_t len;
    uint8_t *bytes;
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    size_t record_count;
};

struct simulation {
    struct world w;
    struct rng_seeded rng;
    struct dhcp_client clients[CLIENTS];
    ipv4 in_use[CLIENTS]; /* what each believes to have; 0: nothing */
    int holder[RANGE];    /* client + 1; -1: a squatter */
    int64_t due[CLIENTS]; /* the wake-up that counts: earlier ones are stale */
    struct happening *heap;
    size_t count, room;
    char (*journal)[DHCP_RECORD_TEXT_SIZE];
    size_t journal_count;
    unsigned epoch; /* of the server: what an earlier one had under way is gone */
    size_t sent, lost, conflicts, rebound;
};

static void push(struct simulation *s, struct happening h)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->heap = reallocarray(s->heap, s->room, sizeof(*s->heap));
        assert_non_null(s->heap);
    }
    size_t i = s->count++;
    for (; i && s->heap[(i - 1) / 2].at > h.at; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = h;
}

static struct happening pop(struct simulation *s)
{
    struct happening top = s->heap[0], last = s->heap[--s->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < s->count && s->heap[child + 1].at < s->heap[child].at)
            child++;
        if (child >= s->count || s->heap[child].at >= last.at)
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static bool chance(struct simulation *s, uint32_t percent)
{
    return rng_below(&s->rng.rng, 100) < percent;
}

/* One datagram on the wire: lost, once, or twice; each copy takes its own time. */
static void transmit(struct simulation *s, enum happens kind, unsigned client,
                     const struct dhcp_message *m, int64_t earliest)
{
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len = 0;
    assert_int_equal(dhcp_message_build(m, bytes, 1472, &len), 0);
    int copies = chance(s, 25) ? 0 : chance(s, 5) ? 2 : 1;
    s->sent++;
    s->lost += copies == 0;
    for (; copies; copies--) {
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        int64_t delay = chance(s, 10) ? rng_below(&s->rng.rng, 3000) : rng_below(&s->rng.rng, 5);
        push(
            s,
            (struct happening){
                .at = earliest + delay, .kind = kind, .client = client, .len = len, .bytes = copy});
    }
}

static void wake(struct simulation *s, unsigned client)
{
    int64_t at = s->clients[client].deadline;
    s->due[client] = at;
    if (at != INT64_MAX)
        push(s, (struct happening){.at = at, .kind = CLIENT_DUE, .client = client});
}

/* The heart of it: nobody uses what another uses. */
static void use_address(struct simulation *s, unsigned client, ipv4 address)
{
    assert_true(address >= FIRST && address < FIRST + RANGE);
    int *holder = &s->holder[address - FIRST];
    if (s->in_use[client] && s->in_use[client] != address)
        s->holder[s->in_use[client] - FIRST] = 0;
    if (*holder && *holder != (int)client + 1)
        fail_msg("address %x: client %u got what %d holds", address, client, *holder - 1);
    *holder = (int)client + 1;
    s->in_use[client] = address;
}

static void stop_using(struct simulation *s, unsigned client)
{
    if (s->in_use[client])
        s->holder[s->in_use[client] - FIRST] = 0;
    s->in_use[client] = 0;
}

static void obey(struct simulation *s, unsigned i, const struct dhcp_client_output *out)
{
    if (out->event == DHCP_CLIENT_BOUND)
        use_address(s, i, s->clients[i].lease.address.address);
    if (out->event == DHCP_CLIENT_LOST)
        stop_using(s, i);
    s->conflicts += out->event == DHCP_CLIENT_CONFLICT;
    s->rebound += out->event == DHCP_CLIENT_RENEWED;
    if (out->send)
        transmit(s, TO_SERVER, i, &out->message, s->w.now);
    if (out->probe)
        push(s, (struct happening){.at = s->w.now + 200, .kind = PROBE_DONE, .client = i});
    wake(s, i);
}

/* The server, with the real rule: the ACK leaves when the journal has its lease. */
static void serve(struct simulation *s, const struct happening *h)
{
    struct dhcp_request q = {
        .dest = UINT32_MAX, .local = IP(10, 0, 0, 1), .ifindex = IFINDEX, .port = DHCP_SERVER_PORT};
    struct dhcp_answer a;
    assert_int_equal(dhcp_message_parse(h->bytes, h->len, &q.message), 0);
    dhcp_leases_expire(s->w.leases, s->w.now);
    dhcp_answer(&q, &s->w.view, s->w.now, &a);
    struct happening durable = {.at = s->w.now + JOURNAL_MS, .kind = DURABLE, .client = s->epoch};
    assert_int_equal(
        dhcp_leases_apply(s->w.leases, &a.change, durable.records, &durable.record_count), 0);
    if (durable.record_count)
        push(s, durable);
    if (a.drop == DHCP_DROP_NONE)
        transmit(s, TO_CLIENT, h->client, &a.reply,
                 s->w.now + (a.change.kind == DHCP_CHANGE_BIND ? JOURNAL_MS : 0));
}

static void store(struct simulation *s, const struct happening *h)
{
    if (h->client != s->epoch)
        return; /* the server died before its disk had it */
    for (size_t i = 0; i < h->record_count; i++) {
        assert_true(s->journal_count < 100000);
        assert_true(dhcp_lease_print(&h->records[i], 0, s->journal[s->journal_count++],
                                     DHCP_RECORD_TEXT_SIZE) > 0);
    }
}

/* kill -9: packets and records under way are gone, the journal is read back. */
static void restart_server(struct simulation *s)
{
    struct dhcp_leases *fresh = dhcp_leases_new();
    const struct dhcp_range range = {FIRST, FIRST + RANGE - 1};
    assert_non_null(fresh);
    assert_int_equal(dhcp_leases_set_pools(fresh, &range, 1, NULL, 0), 0);
    for (size_t i = 0; i < s->journal_count; i++) {
        struct dhcp_lease lease;
        assert_int_equal(dhcp_lease_parse(s->journal[i], 0, &lease), 0);
        assert_int_equal(dhcp_leases_restore(fresh, &lease), 0);
    }
    dhcp_leases_free(s->w.leases);
    s->w.leases = fresh;
    s->w.view.leases = fresh;
    s->epoch++;
    for (size_t i = 0; i < s->count; i++) {
        /* replies that the dead server still waited to send */
        if (s->heap[i].kind == TO_CLIENT && s->heap[i].at > s->w.now)
            s->heap[i].len = 0;
    }
}

static void happen(struct simulation *s, struct happening *h)
{
    struct dhcp_client *c = &s->clients[h->kind == DURABLE ? 0 : h->client];
    struct dhcp_client_output out;
    struct dhcp_message m;
    switch (h->kind) {
    case TO_SERVER:
        serve(s, h);
        break;
    case TO_CLIENT:
        if (!h->len)
            break;
        assert_int_equal(dhcp_message_parse(h->bytes, h->len, &m), 0);
        dhcp_client_receive(c, &m, s->w.now, &out);
        obey(s, h->client, &out);
        break;
    case CLIENT_DUE:
        if (s->due[h->client] != h->at)
            break;
        dhcp_client_step(c, s->w.now, &out);
        obey(s, h->client, &out);
        break;
    case PROBE_DONE: {
        int holder = s->holder[c->pending.address.address - FIRST];
        dhcp_client_probed(c, holder && holder != (int)h->client + 1, s->w.now, &out);
        obey(s, h->client, &out);
        break;
    }
    case DURABLE:
        store(s, h);
        break;
    }
    free(h->bytes);
}

static void prepare(struct simulation *s, uint64_t seed)
{
    const struct dhcp_range range = {FIRST, FIRST + RANGE - 1};
    world_init(&s->w);
    rng_seeded_init(&s->rng, seed);
    struct dhcp_network *n = &s->w.networks[0];
    n->subnet = (struct cidr){IP(10, 0, 0, 0), 16};
    n->ranges[0] = range;
    n->lease_seconds = LEASE_S;
    s->w.view.network_count = 1;
    s->w.now = 0;
    assert_int_equal(dhcp_leases_set_pools(s->w.leases, &range, 1, NULL, 0), 0);
    s->journal = calloc(100000, sizeof(*s->journal));
    assert_non_null(s->journal);
    for (unsigned i = 0; i < SQUATTERS; i++)
        s->holder[rng_below(&s->rng.rng, RANGE)] = -1;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct dhcp_client_config config = {.mac = test_mac(i), .probe = true, .rng = &s->rng.rng};
        dhcp_client_init(&s->clients[i], &config, rng_below(&s->rng.rng, 3000));
        wake(s, i);
    }
}

static void run(uint64_t seed)
{
    struct simulation *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    prepare(s, seed);
    bool restarted = false;
    while (s->count && s->heap[0].at <= END_MS) {
        struct happening h = pop(s);
        s->w.now = h.at;
        if (!restarted && s->w.now >= RESTART_MS) {
            restart_server(s);
            restarted = true;
        }
        happen(s, &h);
    }
    size_t bound = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        bound += s->in_use[i] != 0;
    print_message("seed %llu: %zu bound, %zu sent, %zu lost, %zu conflicts, %zu renewed\n",
                  (unsigned long long)seed, bound, s->sent, s->lost, s->conflicts, s->rebound);
    assert_int_equal(bound, CLIENTS);
    assert_true(s->lost > s->sent / 10);
    assert_true(s->rebound > CLIENTS);
    while (s->count)
        free(pop(s).bytes);
    free(s->heap);
    free(s->journal);
    world_done(&s->w);
    free(s);
}

static void test_thousand_clients(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(seed);
}

UNIT_MAIN(cmocka_unit_test(test_thousand_clients))
