/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a hostile server. Input: records of [how][seconds][length, 2 bytes] and a
 * message; `how` may make it pass for an answer (transaction, hardware address), report a probe or
 * let time pass.
 */
#include "dhcp/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum how { ANSWERS = 1, PROBE_FREE = 2, PROBE_CONFLICT = 4, TIME = 8, TO_DEADLINE = 16 };

static void check(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static void check_output(const struct dhcp_client *c, const struct dhcp_client_output *out)
{
    uint8_t bytes[DHCP_MESSAGE_DEFAULT];
    size_t len = 0;
    if (out->send)
        check(dhcp_message_build(&out->message, bytes, sizeof(bytes), &len) == 0);
    if (out->event == DHCP_CLIENT_BOUND)
        check(c->bound && c->lease.address.address && c->lease.expires_at >= c->lease.rebind_at);
    check(c->state != DHCP_STATE_BOUND || c->bound);
    check(c->deadline != INT64_MAX || c->state == DHCP_STATE_PROBING ||
          c->state == DHCP_STATE_BOUND || c->state == DHCP_STATE_STOPPED);
    for (const char *s = c->why; *s; s++)
        check(*s >= 0x20 && *s < 0x7f);
}

static void one(struct dhcp_client *c, struct rd *r, int64_t *now)
{
    uint8_t how = rd_u8(r);
    *now += (int64_t)rd_u8(r) * 1000;
    size_t len = rd_u16(r);
    struct rd bytes = rd_sub(r, len < rd_left(r) ? len : rd_left(r));
    struct dhcp_client_output out = {0};
    struct dhcp_message m;
    if (how & TO_DEADLINE && c->deadline != INT64_MAX && c->deadline > *now)
        *now = c->deadline;
    if (how & (PROBE_FREE | PROBE_CONFLICT))
        dhcp_client_probed(c, how & PROBE_CONFLICT, *now, &out);
    else if (how & TIME)
        dhcp_client_step(c, *now, &out);
    else if (dhcp_message_parse(bytes.buf, bytes.len, &m) == 0) {
        if (how & ANSWERS) {
            m.xid = c->xid;
            m.op = DHCP_OP_REPLY;
            m.htype = 1;
            m.hlen = 6;
            memcpy(m.chaddr, c->config.mac.b, 6);
        }
        dhcp_client_receive(c, &m, *now, &out);
    }
    check_output(c, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    struct dhcp_client c;
    struct dhcp_client_output out;
    struct dhcp_client_config config = {
        .mac = {{2, 0, 0, 0, 0, 1}}, .probe = size & 1, .rng = &rng.rng};
    int64_t now = 0;
    dhcp_client_init(&c, &config, now);
    dhcp_client_step(&c, now, &out);
    struct rd r = rd_init(data, size);
    for (int i = 0; i < 64 && rd_left(&r) > 4; i++)
        one(&c, &r, &now);
    return 0;
}
