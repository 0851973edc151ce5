/* SPDX-License-Identifier: Apache-2.0 */
#include "tftp/transfer.h"

static const struct tftp_action nothing = {.act = TFTP_ACT_NONE};

static struct tftp_action failed(const char *reason)
{
    return (struct tftp_action){.act = TFTP_ACT_FAILED, .reason = reason};
}

struct tftp_options tftp_negotiate(const struct tftp_options *asked, uint64_t size,
                                   const struct tftp_policy *policy)
{
    struct tftp_options o = *asked;
    if (o.has_block && policy->mtu > TFTP_BLOCK_MIN + TFTP_UDP_OVERHEAD &&
        o.block > policy->mtu - TFTP_UDP_OVERHEAD)
        o.block = (uint16_t)(policy->mtu - TFTP_UDP_OVERHEAD);
    if (o.has_window && o.window > TFTP_WINDOW_MAX)
        o.window = TFTP_WINDOW_MAX;
    if (o.has_size)
        o.size = size;
    return o;
}

static void set_deadline(struct tftp_transfer *t, int64_t now_ms)
{
    int64_t wait = t->agreed.has_timeout ? t->agreed.timeout_s * 1000 : t->policy.timeout_ms;
    int64_t most = wait > t->policy.timeout_max_ms ? wait : t->policy.timeout_max_ms;
    for (unsigned i = 0; i < t->tries && wait < most; i++)
        wait *= 2;
    t->deadline_ms = now_ms + (wait < most ? wait : most);
}

/* The window behind what was acknowledged. */
static struct tftp_action send_window(struct tftp_transfer *t, int64_t now_ms)
{
    uint64_t left = t->blocks - t->acked;
    unsigned count = left < t->window ? (unsigned)left : t->window;
    t->sent = t->acked + count;
    set_deadline(t, now_ms);
    return (struct tftp_action){.act = TFTP_ACT_BLOCKS, .first = t->acked + 1, .count = count};
}

/* What was sent last, again or for the first time. */
static struct tftp_action send_current(struct tftp_transfer *t, int64_t now_ms)
{
    if (!t->oack_pending)
        return send_window(t, now_ms);
    set_deadline(t, now_ms);
    return (struct tftp_action){.act = TFTP_ACT_OACK};
}

struct tftp_action tftp_transfer_start(struct tftp_transfer *t, const struct tftp_options *asked,
                                       uint64_t size, const struct tftp_policy *policy,
                                       int64_t now_ms)
{
    struct tftp_options agreed = tftp_negotiate(asked, size, policy);
    *t = (struct tftp_transfer){.policy = *policy, .agreed = agreed, .size = size};
    t->block = agreed.has_block ? agreed.block : TFTP_BLOCK_DEFAULT;
    t->window = agreed.has_window ? agreed.window : 1;
    t->blocks = size / t->block + 1;
    t->oack_pending =
        agreed.has_block || agreed.has_size || agreed.has_timeout || agreed.has_window;
    return send_current(t, now_ms);
}

static struct tftp_action progress(struct tftp_transfer *t, uint64_t acked, int64_t now_ms)
{
    t->acked = acked;
    t->tries = 0;
    t->repeated = false;
    if (acked == t->blocks)
        return (struct tftp_action){.act = TFTP_ACT_DONE};
    return send_window(t, now_ms);
}

/*
 * An ACK of the block before the window: the whole window was lost (RFC 7440 section 4), or the
 * network duplicated the ACK. With a window of one block it never asks for anything, else it is
 * honoured once, so that duplicates do not breed duplicates.
 */
static struct tftp_action on_repeated_ack(struct tftp_transfer *t, int64_t now_ms)
{
    if (t->window == 1 || t->repeated)
        return nothing;
    t->repeated = true;
    return send_window(t, now_ms);
}

static struct tftp_action on_ack(struct tftp_transfer *t, uint16_t block, int64_t now_ms)
{
    uint16_t ahead = (uint16_t)(block - (uint16_t)t->acked);
    if (t->oack_pending && block != 0)
        return nothing;
    t->confirmed = true;
    if (t->oack_pending) {
        t->oack_pending = false;
        return progress(t, 0, now_ms);
    }
    if (ahead == 0)
        return on_repeated_ack(t, now_ms);
    if (ahead > t->sent - t->acked)
        return nothing; /* older than the window, or never sent */
    return progress(t, t->acked + ahead, now_ms);
}

struct tftp_action tftp_transfer_packet(struct tftp_transfer *t, const struct tftp_packet *packet,
                                        int64_t now_ms)
{
    switch (packet->op) {
    case TFTP_ACK:
        return on_ack(t, packet->block, now_ms);
    case TFTP_ERROR:
        if (t->oack_pending)
            return (struct tftp_action){.act = TFTP_ACT_PROBED};
        return failed("the client gave up");
    case TFTP_RRQ: /* the timer sends the first packet again */
    case TFTP_WRQ:
    case TFTP_DATA:
    case TFTP_OACK:
        break;
    }
    return nothing;
}

struct tftp_action tftp_transfer_timeout(struct tftp_transfer *t, int64_t now_ms)
{
    unsigned most = t->confirmed ? t->policy.tries : t->policy.tries_unconfirmed;
    if (t->tries >= most)
        return failed("the client stopped answering");
    t->tries++;
    t->repeated = false;
    return send_current(t, now_ms);
}
