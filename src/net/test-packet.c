/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/test.h"
#include "net/arp.h"
#include "net/packet.h"

/* RFC 1071 section 3's example. */
static void test_sum(void **state)
{
    (void)state;
    const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(inet_fold(inet_sum(data, sizeof(data), 0)), (uint16_t)~0xddf2);
    assert_int_equal(inet_fold(inet_sum(data, 7, 0)), (uint16_t)~0xdcfb);
}

static size_t build(uint8_t *dst, size_t size, const char *payload)
{
    struct udp_packet p = {.source = 0x0a000001,
                           .dest = 0xffffffff,
                           .source_port = 67,
                           .dest_port = 68,
                           .payload = (const uint8_t *)payload,
                           .len = strlen(payload)};
    size_t len = 0;
    assert_int_equal(udp_packet_build(&p, dst, size, &len), 0);
    return len;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = build(bytes, sizeof(bytes), "odd");
    assert_int_equal(len, UDP_HEADERS_SIZE + 3);
    struct udp_packet p;
    assert_int_equal(udp_packet_parse(bytes, sizeof(bytes), false, &p), 0); /* with padding */
    assert_int_equal(p.source, 0x0a000001);
    assert_int_equal(p.dest, 0xffffffff);
    assert_int_equal(p.source_port, 67);
    assert_int_equal(p.dest_port, 68);
    assert_int_equal(p.len, 3);
    assert_memory_equal(p.payload, "odd", 3);
}

/* Every single flipped bit is noticed, and no shorter packet is taken. */
static void test_damage(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct udp_packet p;
    size_t len = build(bytes, sizeof(bytes), "payload!");
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(udp_packet_parse(bytes, len, false, &p), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < len; n++)
        assert_int_equal(udp_packet_parse(bytes, n, false, &p), -EBADMSG);
    assert_int_equal(udp_packet_parse(bytes, len, false, &p), 0);
}

/* A virtual NIC of the same host leaves the UDP checksum undone. */
static void test_checksum_pending(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct udp_packet p;
    size_t len = build(bytes, sizeof(bytes), "x");
    bytes[26] ^= 0x55;
    assert_int_equal(udp_packet_parse(bytes, len, false, &p), -EBADMSG);
    assert_int_equal(udp_packet_parse(bytes, len, true, &p), 0);
    bytes[26] = bytes[27] = 0; /* none at all is allowed by RFC 768 */
    assert_int_equal(udp_packet_parse(bytes, len, false, &p), 0);
}

static void test_fragments_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct udp_packet p;
    size_t len = build(bytes, sizeof(bytes), "x");
    bytes[6] = 0x20; /* more fragments */
    bytes[10] = bytes[11] = 0;
    uint16_t sum = inet_fold(inet_sum(bytes, 20, 0));
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    assert_int_equal(udp_packet_parse(bytes, len, false, &p), -EBADMSG);
}

static void test_too_small_buffer(void **state)
{
    (void)state;
    uint8_t bytes[UDP_HEADERS_SIZE];
    struct udp_packet p = {.payload = (const uint8_t *)"x", .len = 1};
    size_t len = 7;
    assert_int_equal(udp_packet_build(&p, bytes, sizeof(bytes), &len), -EMSGSIZE);
    assert_int_equal(len, 7);
    p.len = 70000;
    assert_int_equal(udp_packet_build(&p, bytes, sizeof(bytes), &len), -EMSGSIZE);
}

static void test_arp_round_trip(void **state)
{
    (void)state;
    struct arp_packet p = {.op = ARP_REPLY,
                           .sender_mac = {{2, 0, 0, 0, 0, 1}},
                           .sender = 0x0a000001,
                           .target_mac = {{2, 0, 0, 0, 0, 2}},
                           .target = 0x0a000002};
    uint8_t bytes[ARP_PACKET_SIZE];
    struct arp_packet back;
    arp_packet_build(&p, bytes);
    assert_int_equal(arp_packet_parse(bytes, sizeof(bytes), &back), 0);
    assert_memory_equal(&back, &p, sizeof(p));
    for (size_t n = 0; n < sizeof(bytes); n++)
        assert_int_equal(arp_packet_parse(bytes, n, &back), -EBADMSG);
    bytes[3] = 0xdd; /* not IPv4 */
    assert_int_equal(arp_packet_parse(bytes, sizeof(bytes), &back), -EBADMSG);
}

static const struct mac own = {{2, 0, 0, 0, 0, 1}}, other = {{2, 0, 0, 0, 0, 2}};

static void test_probe_finds_nobody(void **state)
{
    (void)state;
    struct rng_seeded rng;
    struct arp_probe p;
    struct arp_packet send;
    rng_seeded_init(&rng, 1);
    arp_probe_start(&p, 0x0a000005, own, &arp_timing_rfc5227, &rng.rng, 0);
    assert_true(p.deadline >= 0 && p.deadline <= 1000);
    int64_t first = p.deadline;
    int sent = 0;
    assert_false(arp_probe_step(&p, first - 1, &send));
    while (p.state == ARP_PROBING) {
        int64_t now = p.deadline;
        if (!arp_probe_step(&p, now, &send))
            continue;
        sent++;
        assert_int_equal(send.sender, 0); /* a probe claims nothing */
        assert_int_equal(send.target, 0x0a000005);
        assert_true(mac_eq(send.sender_mac, own));
        assert_true(p.deadline - now >= 1000 && p.deadline - now <= 2000);
    }
    assert_int_equal(sent, 3);
    assert_int_equal(p.state, ARP_FREE);
    assert_true(p.deadline - first >= 4000);
}

static void test_probe_finds_conflicts(void **state)
{
    (void)state;
    const struct {
        struct arp_packet packet;
        enum arp_state expect;
    } cases[] = {
        {{ARP_REPLY, other, 0x0a000005, own, 0}, ARP_CONFLICT},
        {{ARP_REQUEST, other, 0x0a000005, {{0}}, 0x0a000001}, ARP_CONFLICT}, /* it speaks itself */
        {{ARP_REQUEST, other, 0, {{0}}, 0x0a000005}, ARP_CONFLICT},          /* probes it too */
        {{ARP_REQUEST, own, 0, {{0}}, 0x0a000005}, ARP_PROBING},             /* our own, back */
        {{ARP_REQUEST, other, 0x0a000009, {{0}}, 0x0a000005}, ARP_PROBING},  /* only asks */
        {{ARP_REPLY, other, 0x0a000006, own, 0}, ARP_PROBING},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rng_seeded rng;
        struct arp_probe p;
        rng_seeded_init(&rng, i);
        arp_probe_start(&p, 0x0a000005, own, &arp_timing_quick, &rng.rng, 0);
        arp_probe_receive(&p, &cases[i].packet);
        assert_int_equal(p.state, cases[i].expect);
        if (p.state == ARP_CONFLICT)
            assert_true(mac_eq(p.conflict, other));
    }
}

UNIT_MAIN(cmocka_unit_test(test_sum), cmocka_unit_test(test_round_trip),
          cmocka_unit_test(test_damage), cmocka_unit_test(test_checksum_pending),
          cmocka_unit_test(test_fragments_are_refused), cmocka_unit_test(test_too_small_buffer),
          cmocka_unit_test(test_arp_round_trip), cmocka_unit_test(test_probe_finds_nobody),
          cmocka_unit_test(test_probe_finds_conflicts))
