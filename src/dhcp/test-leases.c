/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "dhcp/test-support.h"

static const struct cidr subnet = {IP(10, 0, 0, 0), 16};

static struct dhcp_key key_of(unsigned n)
{
    struct dhcp_request q = test_request(DHCP_DISCOVER, n);
    return dhcp_key_of(&q.message);
}

static size_t apply(struct dhcp_leases *l, enum dhcp_change_kind kind, ipv4 address, unsigned n,
                    int64_t expires)
{
    struct dhcp_change c = {.kind = kind, .subnet = subnet};
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    size_t count = 0;
    c.lease = (struct dhcp_lease){.address = address,
                                  .key = key_of(n),
                                  .mac = test_mac(n),
                                  .stranger = true,
                                  .expires = expires};
    c.lease.state = kind == DHCP_CHANGE_BIND ? DHCP_LEASE_BOUND : DHCP_LEASE_OFFERED;
    assert_int_equal(dhcp_leases_apply(l, &c, records, &count), 0);
    return count;
}

static struct dhcp_leases *table(ipv4 first, ipv4 last)
{
    struct dhcp_leases *l = dhcp_leases_new();
    struct dhcp_range range = {first, last};
    assert_non_null(l);
    assert_int_equal(dhcp_leases_set_pools(l, &range, 1, NULL, 0), 0);
    return l;
}

/* Every address of a range is found exactly once, whatever its size and place. */
static void test_pool_is_used_up(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 200, 4096, 4097};
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct dhcp_range range = {IP(10, 0, 0, 7), IP(10, 0, 0, 7) + sizes[s] - 1};
        _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(range.first, range.last);
        for (uint32_t i = 0; i < sizes[s]; i++) {
            struct dhcp_key key = key_of(i);
            ipv4 a = dhcp_leases_pick(l, range, &key);
            assert_true(a >= range.first && a <= range.last);
            assert_true(dhcp_leases_is_open(l, a, &key));
            (void)apply(l, DHCP_CHANGE_BIND, a, i, 1000);
            struct dhcp_key stranger = key_of(1u << 20);
            assert_false(dhcp_leases_is_open(l, a, &stranger));
            assert_true(dhcp_leases_is_open(l, a, &key));
        }
        struct dhcp_key last = key_of(99999);
        assert_int_equal(dhcp_leases_pick(l, range, &last), 0);
        assert_int_equal(dhcp_leases_pool_use(l, range).taken, sizes[s]);
        assert_int_equal(dhcp_leases_count(l), sizes[s]);
        dhcp_leases_expire(l, 1000);
        assert_int_equal(dhcp_leases_pool_use(l, range).taken, 0);
        assert_int_equal(dhcp_leases_pool_use(l, range).bound_strangers, 0);
        assert_int_not_equal(dhcp_leases_pick(l, range, &last), 0);
    }
}

static void test_reserved_and_excluded(void **state)
{
    (void)state;
    struct dhcp_range range = {IP(10, 0, 0, 1), IP(10, 0, 0, 3)};
    ipv4 excluded[] = {IP(10, 0, 0, 2), IP(192, 0, 2, 1)};
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = dhcp_leases_new();
    struct dhcp_key key = key_of(1);
    assert_int_equal(dhcp_leases_set_pools(l, &range, 1, excluded, 2), 0);
    dhcp_leases_reserve(l, IP(10, 0, 0, 1), true);
    dhcp_leases_reserve(l, IP(192, 0, 2, 7), true); /* in no range: ignored */
    assert_int_equal(dhcp_leases_pick(l, range, &key), IP(10, 0, 0, 3));
    assert_false(dhcp_leases_is_open(l, IP(10, 0, 0, 1), &key));
    assert_false(dhcp_leases_is_open(l, IP(10, 0, 0, 2), &key));
    dhcp_leases_reserve(l, IP(10, 0, 0, 3), true);
    assert_int_equal(dhcp_leases_pick(l, range, &key), 0);
    assert_int_equal(dhcp_leases_set_pools(l, &range, 1, excluded, 2), 0); /* a reload */
    assert_int_equal(dhcp_leases_pick(l, range, &key), 0);
    dhcp_leases_reserve_none(l);
    assert_true(dhcp_leases_is_open(l, IP(10, 0, 0, 1), &key));
    assert_false(dhcp_leases_is_open(l, IP(10, 0, 0, 2), &key));
}

static void test_bad_pools_change_nothing(void **state)
{
    (void)state;
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(IP(10, 0, 0, 1), IP(10, 0, 0, 1));
    const struct dhcp_range reversed = {5, 4}, huge = {1, UINT32_MAX};
    const struct dhcp_range overlap[] = {{10, 20}, {20, 30}};
    struct dhcp_key key = key_of(1);
    assert_int_equal(dhcp_leases_set_pools(l, &reversed, 1, NULL, 0), -EINVAL);
    assert_int_equal(dhcp_leases_set_pools(l, &huge, 1, NULL, 0), -ERANGE);
    assert_int_equal(dhcp_leases_set_pools(l, overlap, 2, NULL, 0), -EINVAL);
    assert_true(dhcp_leases_is_open(l, IP(10, 0, 0, 1), &key));
}

static void test_offer_bind_release(void **state)
{
    (void)state;
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(IP(10, 0, 0, 1), IP(10, 0, 0, 9));
    struct dhcp_key key = key_of(1);
    ipv4 a = IP(10, 0, 0, 5);
    assert_int_equal(apply(l, DHCP_CHANGE_OFFER, a, 1, 100), 0); /* not for the journal */
    assert_int_equal(dhcp_leases_next_expiry(l), 100);
    dhcp_leases_expire(l, 100);
    assert_null(dhcp_leases_by_address(l, a)); /* an offer not taken is forgotten */
    (void)apply(l, DHCP_CHANGE_OFFER, a, 1, 200);
    assert_int_equal(apply(l, DHCP_CHANGE_BIND, a, 1, 300), 1);
    assert_int_equal(apply(l, DHCP_CHANGE_OFFER, a, 1, 210), 0); /* DISCOVER while bound */
    assert_int_equal(dhcp_leases_by_address(l, a)->state, DHCP_LEASE_BOUND);
    assert_int_equal(dhcp_leases_by_address(l, a)->expires, 300);
    assert_int_equal(apply(l, DHCP_CHANGE_FREE, a, 1, 0), 1);
    assert_int_equal(dhcp_leases_by_address(l, a)->state, DHCP_LEASE_FREE);
    assert_int_equal(dhcp_leases_by_key(l, &key, subnet)->address, a); /* remembered */
    assert_int_equal(dhcp_leases_next_expiry(l), INT64_MAX);
    (void)apply(l, DHCP_CHANGE_BIND, a, 2, 400); /* another client may have it */
    assert_null(dhcp_leases_by_key(l, &key, subnet));
}

/* One address for each client in a subnet; the journal hears of the one that goes. */
static void test_moving_frees_the_old_address(void **state)
{
    (void)state;
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(IP(10, 0, 0, 1), IP(10, 0, 0, 9));
    struct dhcp_change c = {.kind = DHCP_CHANGE_BIND, .subnet = subnet};
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    size_t count = 0;
    (void)apply(l, DHCP_CHANGE_BIND, IP(10, 0, 0, 1), 1, 300);
    c.lease = (struct dhcp_lease){
        .address = IP(10, 0, 0, 2), .state = DHCP_LEASE_BOUND, .key = key_of(1), .expires = 300};
    assert_int_equal(dhcp_leases_apply(l, &c, records, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(records[0].address, IP(10, 0, 0, 1));
    assert_int_equal(records[0].state, DHCP_LEASE_FREE);
    assert_int_equal(records[1].address, IP(10, 0, 0, 2));
    assert_null(dhcp_leases_by_address(l, IP(10, 0, 0, 1)));
    struct dhcp_key key = key_of(1);
    assert_int_equal(dhcp_leases_by_key(l, &key, subnet)->address, IP(10, 0, 0, 2));
    struct cidr elsewhere = {IP(10, 9, 0, 0), 16};
    assert_null(dhcp_leases_by_key(l, &key, elsewhere));
}

static void test_quarantine_is_nobodys(void **state)
{
    (void)state;
    struct dhcp_range range = {IP(10, 0, 0, 1), IP(10, 0, 0, 2)};
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(range.first, range.last);
    struct dhcp_key key = key_of(1);
    (void)apply(l, DHCP_CHANGE_BIND, IP(10, 0, 0, 1), 1, 1000);
    assert_int_equal(apply(l, DHCP_CHANGE_QUARANTINE, IP(10, 0, 0, 1), 1, 500), 1);
    assert_false(dhcp_leases_is_open(l, IP(10, 0, 0, 1), &key));
    assert_null(dhcp_leases_by_key(l, &key, subnet));
    assert_int_equal(dhcp_leases_pick(l, range, &key), IP(10, 0, 0, 2));
    assert_int_equal(dhcp_leases_pool_use(l, range).quarantined, 1);
    dhcp_leases_expire(l, 500);
    assert_true(dhcp_leases_is_open(l, IP(10, 0, 0, 1), &key));
    assert_int_equal(dhcp_leases_pool_use(l, range).quarantined, 0);
}

/* A long random history against a plain model: the counters, the bits and the order of expiry. */
static void test_random_history(void **state)
{
    (void)state;
    enum { ADDRESSES = 40, CLIENTS = 60, STEPS = 20000 };
    struct dhcp_range range = {IP(10, 0, 0, 10), IP(10, 0, 0, 10) + ADDRESSES - 1};
    _cleanup_(dhcp_leases_freep) struct dhcp_leases *l = table(range.first, range.last);
    int64_t until[ADDRESSES] = {0}, now = 0;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 4);
    for (int step = 0; step < STEPS; step++) {
        unsigned n = rng_below(&rng.rng, CLIENTS);
        struct dhcp_key key = key_of(n);
        now += rng_below(&rng.rng, 5);
        dhcp_leases_expire(l, now);
        const struct dhcp_lease *had = dhcp_leases_by_key(l, &key, subnet);
        ipv4 a = had && dhcp_leases_is_open(l, had->address, &key)
                     ? had->address
                     : dhcp_leases_pick(l, range, &key);
        if (!a)
            continue;
        int64_t end = now + 1 + rng_below(&rng.rng, 100);
        if (had && had->address == a && had->state != DHCP_LEASE_FREE)
            assert_true(until[a - range.first] > now);
        else
            assert_true(until[a - range.first] <= now); /* never twice */
        bool give_back = had && rng_below(&rng.rng, 4) == 0;
        if (give_back) {
            (void)apply(l, DHCP_CHANGE_FREE, a, n, 0);
            until[a - range.first] = 0;
            continue;
        }
        (void)apply(l, DHCP_CHANGE_BIND, a, n, end);
        until[a - range.first] = end;
        uint32_t live = 0;
        for (size_t i = 0; i < ADDRESSES; i++)
            live += until[i] > now;
        assert_int_equal(dhcp_leases_pool_use(l, range).taken, live);
        assert_true(dhcp_leases_next_expiry(l) > now);
    }
}

static void test_key(void **state)
{
    (void)state;
    struct dhcp_request a = test_request(DHCP_DISCOVER, 1), b = test_request(DHCP_DISCOVER, 1);
    add(&a, DHCP_OPTION_CLIENT_ID, "\0uuid-of-firmware", 17);
    add(&b, DHCP_OPTION_CLIENT_ID, "\xff linux-duid", 12);
    struct dhcp_key ka = dhcp_key_of(&a.message), kb = dhcp_key_of(&b.message);
    assert_true(dhcp_key_eq(&ka, &kb)); /* one machine on its way up */
    struct dhcp_request ib = test_request(DHCP_DISCOVER, 1);
    ib.message.htype = 32;
    ib.message.hlen = 0;
    assert_int_equal(dhcp_key_of(&ib.message).len, 0);
    add(&ib, DHCP_OPTION_CLIENT_ID, "\xff\0\0\0\1abc", 8);
    assert_int_equal(dhcp_key_of(&ib.message).len, 9);
    struct dhcp_request multicast = test_request(DHCP_DISCOVER, 1);
    multicast.message.chaddr[0] = 1;
    add(&multicast, DHCP_OPTION_CLIENT_ID, "\xff\0\0\0\1abc", 8);
    assert_int_equal(dhcp_key_of(&multicast.message).len, 0);
}

static void test_text_round_trip(void **state)
{
    (void)state;
    const int64_t offset = 1767225600000;
    struct dhcp_lease lease = {.address = IP(10, 0, 0, 5),
                               .state = DHCP_LEASE_BOUND,
                               .stranger = true,
                               .probed = true,
                               .expires = 60000,
                               .key = key_of(0x123456),
                               .mac = test_mac(0x123456)};
    struct dhcp_lease back;
    char text[DHCP_RECORD_TEXT_SIZE];
    assert_true(dhcp_lease_print(&lease, offset, text, sizeof(text)) > 0);
    assert_string_equal(text, "10.0.0.5 bound 1767225660000 52:54:00:12:34:56 01525400123456 sp");
    assert_int_equal(dhcp_lease_parse(text, offset + 1000, &back), 0); /* after a restart */
    assert_int_equal(back.expires, 59000);
    assert_true(back.stranger && back.probed);
    assert_true(dhcp_key_eq(&back.key, &lease.key));
    lease.key.len = 0;
    lease.state = DHCP_LEASE_QUARANTINED;
    lease.stranger = lease.probed = false;
    lease.expires = INT64_MAX;
    assert_true(dhcp_lease_print(&lease, offset, text, sizeof(text)) > 0);
    assert_int_equal(dhcp_lease_parse(text, offset, &back), 0);
    assert_int_equal(back.state, DHCP_LEASE_QUARANTINED);
    assert_int_equal(back.key.len, 0);
    assert_int_equal(dhcp_lease_print(&lease, offset, text, 20), -EMSGSIZE);
}

static void test_text_that_is_wrong(void **state)
{
    (void)state;
    const char *const lines[] = {
        "",
        "10.0.0.5",
        "10.0.0.5 bound 1 52:54:00:12:34:56 01 - extra",
        "10.0.0.5  bound 1 52:54:00:12:34:56 01 -",
        "10.0.0.256 bound 1 52:54:00:12:34:56 01 -",
        "10.0.0.5 lent 1 52:54:00:12:34:56 01 -",
        "10.0.0.5 bound -1 52:54:00:12:34:56 01 -",
        "10.0.0.5 bound 1 52:54:00:12:34 01 -",
        "10.0.0.5 bound 1 52:54:00:12:34:56 0 -",
        "10.0.0.5 bound 1 52:54:00:12:34:56 zz -",
        "10.0.0.5 bound 1 52:54:00:12:34:56 01 x",
    };
    struct dhcp_lease lease;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_int_equal(dhcp_lease_parse(lines[i], 0, &lease), -EBADMSG);
}

UNIT_MAIN(cmocka_unit_test(test_pool_is_used_up), cmocka_unit_test(test_reserved_and_excluded),
          cmocka_unit_test(test_bad_pools_change_nothing),
          cmocka_unit_test(test_offer_bind_release),
          cmocka_unit_test(test_moving_frees_the_old_address),
          cmocka_unit_test(test_quarantine_is_nobodys), cmocka_unit_test(test_random_history),
          cmocka_unit_test(test_key), cmocka_unit_test(test_text_round_trip),
          cmocka_unit_test(test_text_that_is_wrong))
