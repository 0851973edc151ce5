/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transfer under a client that sends anything: the first bytes choose length and options, each
 * further one is a time-out or starts a packet. Blocks must stay inside the content and the window,
 * and what is acknowledged only grows.
 */
#include <assert.h>

#include "base/rd.h"
#include "tftp/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tftp_transfer *t, const struct tftp_action *a, uint64_t acked_before)
{
    assert(t->acked >= acked_before && t->acked <= t->sent && t->sent <= t->blocks);
    assert(t->sent - t->acked <= TFTP_WINDOW_MAX);
    if (a->act != TFTP_ACT_BLOCKS)
        return;
    assert(a->count >= 1 && a->count <= t->window && a->first >= 1);
    assert(a->first + a->count - 1 <= t->blocks);
    for (uint64_t b = a->first; b < a->first + a->count; b++) {
        uint64_t offset = tftp_block_offset(t, b);
        uint16_t len = tftp_block_length(t, b);
        assert(offset <= t->size && len <= t->size - offset);
        assert((len < t->block) == (b == t->blocks));
    }
}

static bool is_over(const struct tftp_action *a)
{
    return a->act == TFTP_ACT_DONE || a->act == TFTP_ACT_FAILED || a->act == TFTP_ACT_PROBED;
}

static struct tftp_action next(struct tftp_transfer *t, struct rd *r, int64_t *now)
{
    uint8_t kind = rd_u8(r);
    struct tftp_packet p = {.op = (enum tftp_op)(kind & 7)};
    if (kind & 0x80) {
        *now = t->deadline_ms;
        return tftp_transfer_timeout(t, *now);
    }
    p.block = (uint16_t)(kind & 0x40 ? rd_u16(r) : t->sent - (kind >> 3 & 7));
    p.code = kind >> 3 & 7;
    *now += kind >> 3;
    return tftp_transfer_packet(t, &p, *now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_init(data, size);
    struct tftp_options asked = {0};
    struct tftp_policy policy = TFTP_POLICY_DEFAULT;
    struct tftp_transfer t;
    int64_t now = 0;
    uint8_t flags = rd_u8(&r);
    uint64_t length = flags & 16 ? rd_u32(&r) : rd_u16(&r);
    uint16_t block = rd_u16(&r);
    asked.has_block = flags & 1 && block >= TFTP_BLOCK_MIN;
    asked.block = asked.has_block ? block : 0;
    asked.has_window = flags & 2;
    asked.window = (uint16_t)(rd_u8(&r) + 1);
    asked.has_size = flags & 4;
    asked.has_timeout = flags & 8;
    asked.timeout_s = 1;
    policy.mtu = flags & 32 ? 1500 : 0;
    if (asked.block > TFTP_BLOCK_MAX)
        asked.block = TFTP_BLOCK_MAX;
    struct tftp_action a = tftp_transfer_start(&t, &asked, length, &policy, now);
    check(&t, &a, 0);
    while (rd_left(&r) && !is_over(&a)) {
        uint64_t before = t.acked;
        a = next(&t, &r, &now);
        check(&t, &a, before);
        assert(is_over(&a) || t.deadline_ms >= 0);
    }
    return 0;
}
