/* SPDX-License-Identifier: Apache-2.0 */
/* Replies as datagrams, and what is told about each packet. */
#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "dhcp/server-private.h"
#include "net/packet.h"
#include "net/raw.h"
#include "net/udp.h"

int dhcp_outgoing_new(const struct dhcp_request *request, const struct dhcp_answer *answer,
                      struct dhcp_outgoing **ret)
{
    _autofree_ struct dhcp_outgoing *o = calloc(1, sizeof(*o));
    if (!o)
        return -ENOMEM;
    int r = dhcp_message_build(&answer->reply, o->bytes, answer->reply_size, &o->len);
    if (r < 0)
        return r;
    o->to = answer->to;
    o->source = answer->source;
    o->firmware = answer->firmware;
    o->request = dhcp_message_type(&request->message);
    o->type = answer->type;
    o->mac = dhcp_message_mac(&request->message);
    o->address = answer->reply.yiaddr ? answer->reply.yiaddr : answer->reply.ciaddr;
    (void)snprintf(o->network, sizeof(o->network), "%s", answer->network->name);
    (void)snprintf(o->host, sizeof(o->host), "%s", answer->host);
    *ret = TAKE_PTR(o);
    return 0;
}

static int send_link(struct dhcp_server *s, const struct dhcp_outgoing *o)
{
    uint8_t packet[UDP_HEADERS_SIZE + DHCP_MESSAGE_MAX];
    struct udp_packet p = {.source = o->source,
                           .dest = o->to.address,
                           .source_port = DHCP_SERVER_PORT,
                           .dest_port = o->to.port,
                           .payload = o->bytes,
                           .len = o->len};
    size_t len = 0;
    int r = udp_packet_build(&p, packet, sizeof(packet), &len);
    return r < 0 ? r : raw_send_ip(s->send_fd, o->to.ifindex, o->to.mac, packet, len);
}

/* The interface's socket, else one that is bound to no interface, else -1. */
static int socket_for(const struct dhcp_server *s, const struct dhcp_destination *to)
{
    int any = -1;
    list_for_each (it, &s->listeners) {
        const struct dhcp_listener *l = container_of(it, struct dhcp_listener, list);
        int fd = to->source_port == DHCP_PXE_PORT ? l->pxe.fd : l->dhcp.fd;
        if (l->device[0] && l->ifindex == to->ifindex)
            return fd;
        if (!l->device[0])
            any = fd;
    }
    return any;
}

/*
 * A socket bound to an interface cannot send through another one. Only for answers whose way back
 * differs from the way they came, because a second socket on the port, however short it lives, may
 * be handed a datagram that is then lost.
 */
static int send_routed(const struct dhcp_outgoing *o)
{
    struct udp_options options = {.port = o->to.source_port, .shared = true};
    _autofd_ int fd = -1;
    int r = udp_open(&options, &fd, NULL);
    return r < 0 ? r : udp_send(fd, o->bytes, o->len, o->to.address, o->to.port, o->source, 0);
}

static int transmit(struct dhcp_server *s, const struct dhcp_outgoing *o)
{
    if (o->to.kind == DHCP_SEND_LINK)
        return send_link(s, o);
    int fd = socket_for(s, &o->to), r = -ENETUNREACH;
    if (fd >= 0)
        r = udp_send(fd, o->bytes, o->len, o->to.address, o->to.port, o->source, o->to.ifindex);
    bool routed = o->to.kind == DHCP_SEND_UDP && (r == -ENETUNREACH || r == -EHOSTUNREACH);
    return routed ? send_routed(o) : r;
}

static void tell(struct dhcp_server *s, struct dhcp_event *event)
{
    if (s->hooks.event)
        s->hooks.event(s->hooks.data, event);
}

static const struct dhcp_network *network_named(const struct dhcp_server *s, const char *name)
{
    for (size_t i = 0; i < s->networks.count; i++) {
        if (str_eq(s->networks.list[i].name, name))
            return &s->networks.list[i];
    }
    return NULL;
}

/* "DISCOVER from 52:54:00:12:34:56 (UEFI x64 PXE)". */
static size_t print_request(struct dhcp_event *event)
{
    char mac[MAC_TEXT_SIZE], firmware[64];
    int n = snprintf(event->text, sizeof(event->text), "%s from %s (%s)",
                     dhcp_type_text(event->request), mac_text(event->mac, mac),
                     dhcp_firmware_text(event->firmware, firmware, sizeof(firmware)));
    return n > 0 ? (size_t)n : 0;
}

static void tell_sent(struct dhcp_server *s, const struct dhcp_outgoing *o, int error)
{
    char address[IPV4_TEXT_SIZE];
    struct dhcp_event event = {.kind = error ? DHCP_EVENT_SEND_FAILED : DHCP_EVENT_ANSWERED,
                               .network = network_named(s, o->network),
                               .host = o->host,
                               .mac = o->mac,
                               .firmware = &o->firmware,
                               .request = o->request,
                               .reply = o->type,
                               .address = o->address,
                               .error = error};
    size_t at = print_request(&event);
    (void)snprintf(event.text + at, sizeof(event.text) - at, ": %s %s%s%s", dhcp_type_text(o->type),
                   o->address ? ipv4_text(o->address, address) : "without address",
                   error ? ", not sent: " : "", error ? strerror(-error) : "");
    tell(s, &event);
}

static size_t type_index(enum dhcp_type type)
{
    return (size_t)type <= DHCP_INFORM ? (size_t)type : DHCP_NO_TYPE;
}

void dhcp_outgoing_send(struct dhcp_server *s, struct dhcp_outgoing *o)
{
    int r = transmit(s, o);
    if (r < 0) {
        s->counters.send_errors++;
    } else {
        s->counters.answered++;
        s->counters.answered_by_type[type_index(o->request)]++;
    }
    tell_sent(s, o, r);
    free(o);
}

void dhcp_tell_drop(struct dhcp_server *s, const struct dhcp_request *request,
                    const struct dhcp_answer *answer)
{
    struct dhcp_event event = {.kind = DHCP_EVENT_DROPPED,
                               .network = answer->network,
                               .host = answer->host,
                               .mac = dhcp_message_mac(&request->message),
                               .firmware = &answer->firmware,
                               .request = dhcp_message_type(&request->message),
                               .drop = answer->drop};
    s->counters.dropped++;
    s->counters.by_drop[answer->drop]++;
    s->counters.dropped_by_type[type_index(event.request)]++;
    size_t at = print_request(&event);
    (void)snprintf(event.text + at, sizeof(event.text) - at, ": %s", dhcp_drop_text(answer->drop));
    tell(s, &event);
}

static void tell_about(struct dhcp_server *s, enum dhcp_event_kind kind,
                       const struct dhcp_network *network, ipv4 address, struct mac mac)
{
    char a[IPV4_TEXT_SIZE], m[MAC_TEXT_SIZE];
    struct dhcp_event event = {
        .kind = kind, .network = network, .host = "", .mac = mac, .address = address};
    const char *what = kind == DHCP_EVENT_CONFLICT ? "address in use on the wire: quarantined"
                                                   : "another DHCP server answers here";
    (void)snprintf(event.text, sizeof(event.text), "%s %s: %s", ipv4_text(address, a),
                   mac_is_unicast(mac) ? mac_text(mac, m) : "", what);
    tell(s, &event);
}

void dhcp_tell_conflict(struct dhcp_server *s, const struct dhcp_network *network, ipv4 address,
                        struct mac mac)
{
    s->counters.conflicts++;
    tell_about(s, DHCP_EVENT_CONFLICT, network, address, mac);
}

/* Remembers whom it told about, so that a busy rogue does not flood the log. */
void dhcp_tell_other_server(struct dhcp_server *s, const struct dhcp_network *network, ipv4 address,
                            struct mac mac)
{
    int64_t now = clock_now(s->clock);
    size_t oldest = 0;
    for (size_t i = 0; i < ARRAY_SIZE(s->others); i++) {
        if (s->others[i].address == address && now - s->others[i].told < 60000)
            return;
        if (s->others[i].told < s->others[oldest].told)
            oldest = i;
    }
    s->others[oldest].address = address;
    s->others[oldest].told = now;
    tell_about(s, DHCP_EVENT_OTHER_SERVER, network, address, mac);
}

void dhcp_tell_interface(struct dhcp_server *s, const struct dhcp_listener *l, int error)
{
    struct dhcp_event event = {.kind = DHCP_EVENT_INTERFACE, .host = "", .error = error};
    for (size_t i = 0; i < s->networks.count; i++) {
        if (str_eq(s->networks.list[i].interface, l->device))
            event.network = &s->networks.list[i];
    }
    (void)snprintf(event.text, sizeof(event.text), "%s%s: %s", l->device[0] ? "interface " : "",
                   l->device[0] ? l->device : "any interface, for relays",
                   error ? strerror(-error) : "serving DHCP");
    tell(s, &event);
}
