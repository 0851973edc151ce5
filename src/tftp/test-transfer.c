/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine: single steps, then thousands of transfers over a bad network. */
#include <string.h>

#include "base/test.h"
#include "base/clock.h"
#include "base/random.h"
#include "tftp/transfer.h"

/* ---- single steps ---- */

static struct tftp_transfer t;
static const struct tftp_options none;

static struct tftp_action begin(struct tftp_options asked, uint64_t size)
{
    const struct tftp_policy policy = TFTP_POLICY_DEFAULT;
    return tftp_transfer_start(&t, &asked, size, &policy, 0);
}

static struct tftp_action ack(uint16_t block)
{
    const struct tftp_packet p = {.op = TFTP_ACK, .block = block};
    return tftp_transfer_packet(&t, &p, 100);
}

static void check_blocks(struct tftp_action a, uint64_t first, unsigned count)
{
    assert_int_equal(a.act, TFTP_ACT_BLOCKS);
    assert_int_equal(a.first, first);
    assert_int_equal(a.count, count);
}

static void test_plain(void **state)
{
    (void)state;
    check_blocks(begin(none, 1024), 1, 1);
    check_blocks(ack(1), 2, 1);
    check_blocks(ack(2), 3, 1);
    assert_int_equal(tftp_block_length(&t, 2), 512);
    assert_int_equal(tftp_block_length(&t, 3), 0); /* a last, empty block ends a multiple */
    assert_int_equal(ack(3).act, TFTP_ACT_DONE);
    check_blocks(begin(none, 0), 1, 1);
    assert_int_equal(ack(1).act, TFTP_ACT_DONE);
}

static void test_options(void **state)
{
    struct tftp_policy policy = TFTP_POLICY_DEFAULT;
    const struct tftp_options asked = {.has_block = true,
                                       .block = 9000,
                                       .has_window = true,
                                       .window = 1000,
                                       .has_size = true,
                                       .has_timeout = true,
                                       .timeout_s = 9};
    (void)state;
    policy.mtu = 1500;
    struct tftp_options o = tftp_negotiate(&asked, 77, &policy);
    assert_int_equal(o.block, 1468);
    assert_int_equal(o.window, TFTP_WINDOW_MAX);
    assert_int_equal(o.size, 77);
    assert_int_equal(o.timeout_s, 9);
    o = tftp_negotiate(&none, 77, &policy);
    assert_false(o.has_block || o.has_window || o.has_size || o.has_timeout);
    assert_int_equal(begin(asked, 77).act, TFTP_ACT_OACK);
    assert_int_equal(t.deadline_ms, 9000);
    check_blocks(ack(0), 1, 1);
}

static void test_probe(void **state)
{
    const struct tftp_packet stop = {.op = TFTP_ERROR, .code = TFTP_E_OPTIONS};
    (void)state;
    assert_int_equal(begin((struct tftp_options){.has_size = true}, 5).act, TFTP_ACT_OACK);
    assert_int_equal(tftp_transfer_packet(&t, &stop, 1).act, TFTP_ACT_PROBED);
    (void)begin(none, 5);
    assert_int_equal(tftp_transfer_packet(&t, &stop, 1).act, TFTP_ACT_FAILED);
}

static void test_old_and_odd_acks(void **state)
{
    const struct tftp_packet request = {.op = TFTP_RRQ}, data = {.op = TFTP_DATA};
    (void)state;
    (void)begin(none, 5000);
    assert_int_equal(ack(0).act, TFTP_ACT_NONE);
    check_blocks(ack(1), 2, 1);
    assert_int_equal(ack(1).act, TFTP_ACT_NONE); /* no Sorcerer's Apprentice */
    assert_int_equal(ack(0).act, TFTP_ACT_NONE);
    assert_int_equal(ack(3).act, TFTP_ACT_NONE); /* never sent */
    assert_int_equal(tftp_transfer_packet(&t, &request, 5).act, TFTP_ACT_NONE);
    assert_int_equal(tftp_transfer_packet(&t, &data, 5).act, TFTP_ACT_NONE);
    check_blocks(ack(2), 3, 1);
}

static void test_window(void **state)
{
    (void)state;
    (void)begin((struct tftp_options){.has_window = true, .window = 4}, 512 * 10);
    assert_int_equal(ack(1).act, TFTP_ACT_NONE); /* before the OACK is confirmed */
    check_blocks(ack(0), 1, 4);
    check_blocks(ack(4), 5, 4);
    check_blocks(ack(6), 7, 4);                  /* 7 was lost */
    check_blocks(ack(6), 7, 4);                  /* once more */
    assert_int_equal(ack(6).act, TFTP_ACT_NONE); /* but not for every copy */
    assert_int_equal(ack(5).act, TFTP_ACT_NONE);
    check_blocks(ack(10), 11, 1);
    assert_int_equal(ack(11).act, TFTP_ACT_DONE);
}

static void test_timeouts(void **state)
{
    (void)state;
    (void)begin(none, 5000);
    int64_t now = 0, waits[] = {1000, 2000, 4000, 8000};
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        assert_int_equal(t.deadline_ms - now, waits[i]);
        now = t.deadline_ms;
        check_blocks(tftp_transfer_timeout(&t, now), 1, 1);
    }
    assert_int_equal(tftp_transfer_timeout(&t, t.deadline_ms).act, TFTP_ACT_FAILED);
    (void)begin(none, 5000);
    (void)ack(1);
    for (unsigned i = 0; i < TFTP_POLICY_DEFAULT.tries; i++)
        check_blocks(tftp_transfer_timeout(&t, t.deadline_ms), 2, 1);
    assert_int_equal(tftp_transfer_timeout(&t, t.deadline_ms).act, TFTP_ACT_FAILED);
}

/* ---- simulation ---- */

enum { FLIGHT_MAX = 4096 };

struct flight {
    int64_t at;
    bool to_server;
    enum tftp_op op;
    uint16_t block;
    size_t len;                  /* DATA */
    uint64_t number;             /* DATA: the block without wrapping, to check the content */
    struct tftp_options options; /* OACK */
};

struct net {
    struct rng_seeded random;
    unsigned loss, duplicate; /* per thousand */
    unsigned jitter_ms;
    int64_t now;
    struct flight flights[FLIGHT_MAX];
    size_t count;
};

static bool happens(struct net *n, unsigned per_thousand)
{
    return per_thousand && rng_below(&n->random.rng, 1000) < per_thousand;
}

static void fly(struct net *n, struct flight f)
{
    unsigned copies = happens(n, n->duplicate) ? 2 : 1;
    while (copies-- > 0) {
        if (happens(n, n->loss) || n->count == FLIGHT_MAX)
            continue;
        f.at = n->now + 1 + (n->jitter_ms > 1 ? rng_below(&n->random.rng, n->jitter_ms) : 0);
        n->flights[n->count++] = f;
    }
}

/* The next packet to arrive at or before `until`; false when none does. */
static bool land(struct net *n, int64_t until, struct flight *ret)
{
    size_t best = n->count;
    for (size_t i = 0; i < n->count; i++) {
        if (n->flights[i].at <= until &&
            (best == n->count || n->flights[i].at < n->flights[best].at))
            best = i;
    }
    if (best == n->count)
        return false;
    *ret = n->flights[best];
    n->now = ret->at;
    memmove(&n->flights[best], &n->flights[best + 1], (--n->count - best) * sizeof(n->flights[0]));
    return true;
}

/* A client as RFC 7440 describes it; acknowledges whole windows, and at once when one has a gap. */
struct receiver {
    uint16_t block, window;
    uint64_t next; /* the block that is expected */
    unsigned in_window;
    uint64_t bytes;
    bool has_oack, done, gap_told;
    struct flight last; /* what was sent last, to send again */
    int64_t deadline;
};

static void say(struct receiver *c, struct net *n, enum tftp_op op, uint64_t block)
{
    c->last = (struct flight){.to_server = true, .op = op, .block = (uint16_t)block};
    c->in_window = 0;
    c->deadline = n->now + 1500;
    fly(n, c->last);
}

static void receive_data(struct receiver *c, struct net *n, const struct flight *f)
{
    if (f->block != (uint16_t)c->next) {
        if (c->window > 1 && !c->gap_told && f->number > c->next) {
            c->gap_told = true;
            say(c, n, TFTP_ACK, c->next - 1);
        }
        return;
    }
    assert_int_equal(f->number, c->next); /* wrapped numbers never confuse blocks */
    c->bytes += f->len;
    c->next++;
    c->gap_told = false;
    c->done = f->len < c->block;
    if (++c->in_window == c->window || c->done)
        say(c, n, TFTP_ACK, c->next - 1);
}

static void client_receive(struct receiver *c, struct net *n, const struct flight *f)
{
    if (f->op == TFTP_OACK && c->next == 1) {
        const struct tftp_options *o = &f->options;
        c->block = o->has_block ? o->block : TFTP_BLOCK_DEFAULT;
        c->window = o->has_window ? o->window : 1;
        say(c, n, TFTP_ACK, 0);
    } else if (f->op == TFTP_DATA && !c->done) {
        c->deadline = n->now + 1500;
        receive_data(c, n, f);
    } else if (f->op == TFTP_DATA && c->done && f->block == (uint16_t)(c->next - 1)) {
        say(c, n, TFTP_ACK, c->next - 1); /* its last ACK was lost */
    }
}

struct result {
    bool complete;
    uint64_t bytes, sent;
};

static void server_act(struct tftp_transfer *x, struct net *n, struct tftp_action a,
                       struct result *result)
{
    if (a.act == TFTP_ACT_OACK)
        fly(n, (struct flight){.op = TFTP_OACK, .options = x->agreed});
    for (unsigned i = 0; a.act == TFTP_ACT_BLOCKS && i < a.count; i++) {
        uint64_t block = a.first + i;
        result->sent++;
        fly(n, (struct flight){.number = block,
                               .op = TFTP_DATA,
                               .block = (uint16_t)block,
                               .len = tftp_block_length(x, block)});
    }
}

static bool is_over(struct tftp_action a)
{
    return a.act == TFTP_ACT_DONE || a.act == TFTP_ACT_FAILED || a.act == TFTP_ACT_PROBED;
}

static struct result simulate(struct net *n, struct tftp_options asked, uint64_t size)
{
    struct tftp_policy policy = TFTP_POLICY_DEFAULT;
    struct tftp_transfer x;
    struct receiver c = {.block = TFTP_BLOCK_DEFAULT, .window = 1, .next = 1, .deadline = 1500};
    struct result result = {0};
    struct flight f;
    policy.tries = 30; /* the network is bad on purpose */
    policy.tries_unconfirmed = 30;
    struct tftp_action a = tftp_transfer_start(&x, &asked, size, &policy, n->now);
    server_act(&x, n, a, &result);
    while (!is_over(a)) {
        int64_t until = x.deadline_ms < c.deadline || c.done ? x.deadline_ms : c.deadline;
        if (land(n, until, &f)) {
            if (!f.to_server) {
                client_receive(&c, n, &f);
                continue;
            }
            const struct tftp_packet packet = {.op = f.op, .block = f.block};
            a = tftp_transfer_packet(&x, &packet, n->now);
        } else if (until == x.deadline_ms) {
            n->now = until;
            a = tftp_transfer_timeout(&x, n->now);
        } else {
            n->now = until;
            c.deadline = n->now + 1500;
            if (c.last.to_server)
                fly(n, c.last);
            continue;
        }
        server_act(&x, n, a, &result);
    }
    result.complete = c.done && a.act == TFTP_ACT_DONE;
    result.bytes = c.bytes;
    return result;
}

static struct net net;

static void net_init(uint64_t seed, unsigned loss, unsigned duplicate, unsigned jitter_ms)
{
    net.count = 0;
    net.now = 0;
    net.loss = loss;
    net.duplicate = duplicate;
    net.jitter_ms = jitter_ms;
    rng_seeded_init(&net.random, seed);
}

static struct tftp_options random_options(struct rng *rng)
{
    struct tftp_options o = {0};
    o.has_block = rng_below(rng, 2);
    if (o.has_block)
        o.block = (uint16_t)(TFTP_BLOCK_MIN + rng_below(rng, 1500));
    o.has_window = rng_below(rng, 2);
    if (o.has_window)
        o.window = (uint16_t)(1 + rng_below(rng, 80));
    o.has_size = rng_below(rng, 2);
    return o;
}

static void test_bad_network(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        net_init(seed, (unsigned)(seed % 8) * 30, (unsigned)(seed % 5) * 50,
                 1 + (unsigned)(seed % 40));
        struct tftp_options o = random_options(&net.random.rng);
        uint64_t unit = o.has_block ? o.block : TFTP_BLOCK_DEFAULT;
        uint64_t size = rng_below(&net.random.rng, 60) * unit;
        if (seed % 3)
            size += rng_below(&net.random.rng, (uint32_t)unit);
        struct result r = simulate(&net, o, size);
        assert_true(r.complete);
        assert_int_equal(r.bytes, size);
    }
}

/* Every packet arrives twice: nothing is sent twice because of it (RFC 1123 section 4.2.3.1). */
static void test_duplicates_do_not_breed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        net_init(seed, 0, 1000, 20);
        struct result r = simulate(&net, (struct tftp_options){.has_size = true}, 100 * 512 + 1);
        assert_true(r.complete);
        assert_int_equal(r.sent, 101);
    }
}

static void test_clean_network_sends_once(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= TFTP_WINDOW_MAX; i++) {
        uint16_t window = (uint16_t)i;
        net_init(window, 0, 0, 1); /* in order */
        struct tftp_options o = {.has_window = true, .window = window};
        struct result r = simulate(&net, o, 200 * 512);
        assert_true(r.complete);
        assert_int_equal(r.sent, 201);
    }
}

static void test_block_numbers_wrap(void **state)
{
    static const uint16_t windows[] = {1, 16};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        net_init(i, 5, 5, 3);
        struct tftp_options o = {
            .has_block = true, .block = 8, .has_window = true, .window = windows[i]};
        struct result r = simulate(&net, o, 8 * 66000 + 3);
        assert_true(r.complete);
        assert_int_equal(r.bytes, 8 * 66000 + 3);
    }
}

UNIT_MAIN(cmocka_unit_test(test_plain), cmocka_unit_test(test_options),
          cmocka_unit_test(test_probe), cmocka_unit_test(test_old_and_odd_acks),
          cmocka_unit_test(test_window), cmocka_unit_test(test_timeouts),
          cmocka_unit_test(test_bad_network), cmocka_unit_test(test_duplicates_do_not_breed),
          cmocka_unit_test(test_clean_network_sends_once),
          cmocka_unit_test(test_block_numbers_wrap))
