/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/client-link.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/str.h"
#include "net/raw.h"
#include "net/udp.h"

enum { RECEIVE_BURST = 64, NAME_MAX_SIZE = 254 };

struct dhcp_client_link {
    struct dhcp_client client;
    struct arp_probe probe;
    const struct arp_timing *timing;
    const struct clock *clock;
    int ifindex;
    char interface[IF_NAMESIZE];
    char hostname[NAME_MAX_SIZE];
    int epoll_fd;
    int dhcp_fd; /* everything to port 68, before and after there is an address */
    int arp_fd;  /* open while an address is probed, else -1 */
    int udp_fd;  /* once bound: sends renewals, and keeps the kernel from refusing port 68 */
};

static int watch(struct dhcp_client_link *l, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void close_fd(int *fd)
{
    cleanup_fd(fd);
    *fd = -1;
}

void dhcp_client_link_free(struct dhcp_client_link *l)
{
    if (!l)
        return;
    cleanup_fd(&l->dhcp_fd);
    cleanup_fd(&l->arp_fd);
    cleanup_fd(&l->udp_fd);
    cleanup_fd(&l->epoll_fd);
    free(l);
}

static int open_sockets(struct dhcp_client_link *l)
{
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0)
        return -errno;
    int r = raw_open_udp(l->ifindex, DHCP_CLIENT_PORT, &l->dhcp_fd);
    return r < 0 ? r : watch(l, l->dhcp_fd);
}

int dhcp_client_link_new(const struct dhcp_client_link_options *options,
                         struct dhcp_client_link **ret, struct err *err)
{
    _cleanup_(dhcp_client_link_freep) struct dhcp_client_link *l = calloc(1, sizeof(*l));
    if (!l)
        return err_errno(err, -ENOMEM, "DHCP on %s", options->interface);
    l->epoll_fd = l->dhcp_fd = l->arp_fd = l->udp_fd = -1;
    l->ifindex = options->ifindex;
    l->timing = options->probe;
    l->clock = options->clock ? options->clock : &clock_system;
    if (str_copy(l->interface, sizeof(l->interface), options->interface) < 0 ||
        (options->hostname && str_copy(l->hostname, sizeof(l->hostname), options->hostname) < 0))
        return err_set(err, -EINVAL, "DHCP on %s: name too long", options->interface);
    int r = open_sockets(l);
    if (r < 0)
        return err_errno(err, r, "DHCP on %s: open packet socket", options->interface);
    struct dhcp_client_config config = {
        .mac = options->mac,
        .hostname = l->hostname,
        .has_uuid = options->has_uuid,
        .last_address = options->last_address,
        .probe = options->probe != NULL,
        .rng = options->rng ? options->rng : &rng_system,
    };
    memcpy(config.uuid, options->uuid, sizeof(config.uuid));
    dhcp_client_init(&l->client, &config, clock_now(l->clock));
    *ret = TAKE_PTR(l);
    return 0;
}

int dhcp_client_link_fd(const struct dhcp_client_link *l)
{
    return l->epoll_fd;
}

static int64_t deadline(const struct dhcp_client_link *l)
{
    return l->arp_fd >= 0 ? l->probe.deadline : l->client.deadline;
}

int dhcp_client_link_timeout(const struct dhcp_client_link *l)
{
    int64_t at = deadline(l);
    if (at == INT64_MAX)
        return -1;
    int64_t wait = at - clock_now(l->clock);
    if (wait <= 0)
        return 0;
    return wait < INT32_MAX ? (int)wait : INT32_MAX;
}

/* Without an address, or to everybody: on the link itself. */
static int send_on_link(struct dhcp_client_link *l, const struct dhcp_client_output *out,
                        const uint8_t *message, size_t len)
{
    uint8_t packet[UDP_HEADERS_SIZE + DHCP_MESSAGE_DEFAULT];
    struct udp_packet p = {.source = out->source,
                           .dest = out->dest,
                           .source_port = DHCP_CLIENT_PORT,
                           .dest_port = DHCP_SERVER_PORT,
                           .payload = message,
                           .len = len};
    size_t packet_len = 0;
    int r = udp_packet_build(&p, packet, sizeof(packet), &packet_len);
    return r < 0 ? r : raw_send_ip(l->dhcp_fd, l->ifindex, mac_broadcast, packet, packet_len);
}

/* The socket is made when the address is there, which is when the owner has set it. */
static int send_to_server(struct dhcp_client_link *l, const struct dhcp_client_output *out,
                          const uint8_t *message, size_t len)
{
    struct udp_options options = {
        .device = l->interface, .port = DHCP_CLIENT_PORT, .shared = true, .broadcast = true};
    if (l->udp_fd < 0) {
        int r = udp_open(&options, &l->udp_fd, NULL);
        if (r < 0)
            return r;
    }
    return udp_send(l->udp_fd, message, len, out->dest, DHCP_SERVER_PORT, out->source, l->ifindex);
}

static int send_message(struct dhcp_client_link *l, const struct dhcp_client_output *out)
{
    uint8_t bytes[DHCP_MESSAGE_DEFAULT];
    size_t len = 0;
    int r = dhcp_message_build(&out->message, bytes, sizeof(bytes), &len);
    if (r < 0)
        return r;
    if (out->dest == UINT32_MAX)
        return send_on_link(l, out, bytes, len);
    return send_to_server(l, out, bytes, len);
}

static int begin_probe(struct dhcp_client_link *l)
{
    int r = raw_open_arp(l->ifindex, &l->arp_fd);
    if (r == 0)
        r = watch(l, l->arp_fd);
    if (r < 0)
        close_fd(&l->arp_fd);
    else
        arp_probe_start(&l->probe, l->client.pending.address.address, l->client.config.mac,
                        l->timing, l->client.config.rng, clock_now(l->clock));
    return r;
}

/*
 * Does what the state machine said. A packet that could not be sent is like one that was lost: it
 * is sent again at the deadline.
 */
static int obey(struct dhcp_client_link *l, const struct dhcp_client_output *out,
                enum dhcp_client_event *event)
{
    if (out->event)
        *event = out->event;
    if (out->event == DHCP_CLIENT_LOST)
        close_fd(&l->udp_fd);
    if (out->send)
        (void)!send_message(l, out);
    return out->probe ? begin_probe(l) : 0;
}

static int send_arp(struct dhcp_client_link *l, const struct arp_packet *packet)
{
    uint8_t bytes[ARP_PACKET_SIZE];
    arp_packet_build(packet, bytes);
    return raw_send_arp(l->arp_fd, l->ifindex, mac_broadcast, bytes, sizeof(bytes));
}

static void read_arp(struct dhcp_client_link *l)
{
    uint8_t buf[128];
    struct raw_info info;
    struct arp_packet packet;
    for (ssize_t n; (n = raw_receive(l->arp_fd, buf, sizeof(buf), &info)) >= 0;) {
        if (!info.outgoing && arp_packet_parse(buf, (size_t)n, &packet) == 0)
            arp_probe_receive(&l->probe, &packet);
    }
}

static int step_probe(struct dhcp_client_link *l, int64_t now, enum dhcp_client_event *event)
{
    struct arp_packet packet;
    struct dhcp_client_output out;
    read_arp(l);
    if (arp_probe_step(&l->probe, now, &packet))
        return send_arp(l, &packet);
    if (l->probe.state == ARP_PROBING)
        return 0;
    bool conflict = l->probe.state == ARP_CONFLICT;
    if (!conflict) { /* so that the neighbours' caches are right from the start */
        packet = arp_announcement(l->probe.address, l->client.config.mac);
        (void)!send_arp(l, &packet);
    }
    close_fd(&l->arp_fd);
    dhcp_client_probed(&l->client, conflict, now, &out);
    return obey(l, &out, event);
}

static int receive_one(struct dhcp_client_link *l, const uint8_t *packet, size_t len,
                       bool checksum_pending, enum dhcp_client_event *event)
{
    struct udp_packet udp;
    struct dhcp_message m;
    struct dhcp_client_output out;
    if (udp_packet_parse(packet, len, checksum_pending, &udp) < 0 ||
        dhcp_message_parse(udp.payload, udp.len, &m) < 0)
        return 0;
    dhcp_client_receive(&l->client, &m, clock_now(l->clock), &out);
    return obey(l, &out, event);
}

static int read_dhcp(struct dhcp_client_link *l, enum dhcp_client_event *event)
{
    uint8_t buf[UDP_HEADERS_SIZE + DHCP_MESSAGE_MAX];
    for (int i = 0; i < RECEIVE_BURST; i++) {
        struct raw_info info;
        ssize_t n = raw_receive(l->dhcp_fd, buf, sizeof(buf), &info);
        if (n == -EAGAIN || n == -ENETDOWN) /* down: the owner hears of it by link events */
            return 0;
        if (n < 0)
            return (int)n;
        if (info.outgoing || info.truncated)
            continue;
        int r = receive_one(l, buf, (size_t)n, info.checksum_pending, event);
        if (r < 0)
            return r;
    }
    return 0;
}

int dhcp_client_link_dispatch(struct dhcp_client_link *l, enum dhcp_client_event *ret_event)
{
    *ret_event = DHCP_CLIENT_NOTHING;
    int r = read_dhcp(l, ret_event);
    if (r < 0)
        return r;
    int64_t now = clock_now(l->clock);
    if (l->arp_fd >= 0)
        return step_probe(l, now, ret_event);
    struct dhcp_client_output out;
    dhcp_client_step(&l->client, now, &out);
    return obey(l, &out, ret_event);
}

const struct dhcp_client *dhcp_client_link_client(const struct dhcp_client_link *l)
{
    return &l->client;
}

void dhcp_client_link_release(struct dhcp_client_link *l)
{
    struct dhcp_client_output out;
    enum dhcp_client_event event = DHCP_CLIENT_NOTHING;
    dhcp_client_stop(&l->client, clock_now(l->clock), &out);
    (void)!obey(l, &out, &event);
}
