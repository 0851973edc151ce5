/* SPDX-License-Identifier: Apache-2.0 */
/* From datagram to answer. */
#include <errno.h>

#include "dhcp/server-private.h"
#include "net/packet.h"
#include "net/raw.h"
#include "net/udp.h"

static struct dhcp_silence *silence_of(struct dhcp_server *s, struct mac mac)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < sizeof(mac.b); i++)
        h = (h ^ mac.b[i]) * 16777619u;
    return &s->silence[h % SILENCE_SLOTS];
}

static uint32_t silence_count(struct dhcp_server *s, struct mac mac, int64_t now)
{
    const struct dhcp_silence *e = silence_of(s, mac);
    return mac_eq(e->mac, mac) && now - e->last < SILENCE_FORGET_MS ? e->count : 0;
}

/* One count per attempt of the firmware, not per retransmission: those keep their xid. */
static void note_proxy(struct dhcp_server *s, const struct dhcp_request *request, int64_t now)
{
    struct mac mac = dhcp_message_mac(&request->message);
    struct dhcp_silence *e = silence_of(s, mac);
    uint32_t count = silence_count(s, mac, now);
    if (request->port == DHCP_PXE_PORT)
        count = 0;
    else if (!mac_eq(e->mac, mac) || e->xid != request->message.xid)
        count++;
    *e =
        (struct dhcp_silence){.mac = mac, .xid = request->message.xid, .count = count, .last = now};
}

static struct dhcp_view view_of(struct dhcp_server *s, const struct dhcp_request *request,
                                int64_t now)
{
    return (struct dhcp_view){
        .networks = s->networks.list,
        .network_count = s->networks.count,
        .leases = s->leases,
        .own = s->own,
        .own_count = s->own_count,
        .proxy_silence = silence_count(s, dhcp_message_mac(&request->message), now),
        .data = s->hooks.data,
        .find_host = s->hooks.find_host,
        .plan_boot = s->hooks.plan_boot,
    };
}

/* A REQUEST for another server's offer shows that there is one. */
static void check_other_server(struct dhcp_server *s, const struct dhcp_request *request,
                               const struct dhcp_answer *answer)
{
    if (answer->drop == DHCP_DROP_OTHER_SERVER && answer->network->mode == DHCP_MODE_AUTHORITATIVE)
        dhcp_tell_other_server(s, answer->network,
                               dhcp_options_ipv4(&request->message.options, DHCP_OPTION_SERVER_ID),
                               (struct mac){0});
}

static void reply(struct dhcp_server *s, const struct dhcp_request *request,
                  struct dhcp_answer *answer, unsigned attempt)
{
    struct dhcp_outgoing *o = NULL;
    int r = dhcp_outgoing_new(request, answer, &o);
    if (r < 0) {
        answer->drop = DHCP_DROP_TOO_BIG;
        dhcp_tell_drop(s, request, answer);
        return;
    }
    if (dhcp_commit(s, &answer->change) < 0) {
        s->counters.dropped++;
        free(o);
        return;
    }
    if (answer->change.kind == DHCP_CHANGE_BIND && s->hooks.journal)
        dhcp_hold(s, o);
    else if (!answer->probe || !dhcp_probe_begin(s, request, &answer->change, o, attempt))
        dhcp_outgoing_send(s, o);
}

void dhcp_server_handle(struct dhcp_server *s, const struct dhcp_request *request, unsigned attempt)
{
    int64_t now = clock_now(s->clock);
    struct dhcp_answer answer;
    struct dhcp_view view = view_of(s, request, now);
    dhcp_leases_expire(s->leases, now);
    dhcp_answer(request, &view, now, &answer);
    if (answer.drop != DHCP_DROP_NONE) {
        if (dhcp_commit(s, &answer.change) < 0) /* RELEASE, DECLINE: nothing was promised */
            s->counters.dropped++;
        check_other_server(s, request, &answer);
        dhcp_tell_drop(s, request, &answer);
        return;
    }
    if (request->port == DHCP_PXE_PORT || answer.network->mode == DHCP_MODE_PROXY)
        note_proxy(s, request, now);
    reply(s, request, &answer, attempt);
}

void dhcp_on_datagram(uv_poll_t *poll, int status, int events)
{
    struct dhcp_listener *l = poll->data;
    struct dhcp_server *s = l->server;
    struct dhcp_socket *socket = container_of(poll, struct dhcp_socket, poll);
    uint8_t buf[DHCP_MESSAGE_MAX];
    (void)status;
    (void)events;
    for (int i = 0; i < RECEIVE_BURST && socket->fd >= 0; i++) {
        struct udp_info info;
        ssize_t n = udp_receive(socket->fd, buf, sizeof(buf), &info);
        if (n < 0)
            break; /* nothing more, or an ICMP error of an earlier send */
        s->counters.received++;
        struct dhcp_request request = {.source = info.source,
                                       .source_port = info.source_port,
                                       .dest = info.dest,
                                       .local = info.local,
                                       .ifindex = info.ifindex,
                                       .port = socket->port};
        if (info.truncated || dhcp_message_parse(buf, (size_t)n, &request.message) < 0) {
            s->counters.malformed++;
            continue;
        }
        dhcp_server_handle(s, &request, 0);
    }
    dhcp_flush(s);
    dhcp_timer_set(s);
}

static bool is_own(const struct dhcp_server *s, ipv4 address)
{
    for (size_t i = 0; i < s->own_count; i++) {
        if (s->own[i] == address)
            return true;
    }
    return false;
}

/* Is it an answer with an address, from a server that is not us? */
static bool is_rogue(const struct dhcp_server *s, const uint8_t *packet, size_t len,
                     const struct raw_info *info, ipv4 *ret_server)
{
    struct udp_packet udp;
    struct dhcp_message m;
    if (info->outgoing || info->truncated ||
        udp_packet_parse(packet, len, info->checksum_pending, &udp) < 0 ||
        dhcp_message_parse(udp.payload, udp.len, &m) < 0)
        return false;
    *ret_server = dhcp_options_ipv4(&m.options, DHCP_OPTION_SERVER_ID);
    if (!*ret_server)
        *ret_server = udp.source;
    return m.op == DHCP_OP_REPLY && m.yiaddr && !is_own(s, *ret_server) && !is_own(s, udp.source);
}

void dhcp_on_sniffed(uv_poll_t *poll, int status, int events)
{
    struct dhcp_listener *l = poll->data;
    struct dhcp_server *s = l->server;
    uint8_t buf[UDP_HEADERS_SIZE + DHCP_MESSAGE_MAX];
    struct raw_info info;
    (void)status;
    (void)events;
    for (int i = 0; i < RECEIVE_BURST; i++) {
        ssize_t n = raw_receive(l->sniffer.fd, buf, sizeof(buf), &info);
        if (n < 0)
            break;
        ipv4 server = 0;
        if (!is_rogue(s, buf, (size_t)n, &info, &server))
            continue;
        for (size_t k = 0; k < s->networks.count; k++) {
            const struct dhcp_network *net = &s->networks.list[k];
            if (net->ifindex == l->ifindex && net->mode == DHCP_MODE_AUTHORITATIVE)
                dhcp_tell_other_server(s, net, server, info.source);
        }
    }
}
