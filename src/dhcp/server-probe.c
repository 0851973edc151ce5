/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the wire whether an address is in use before it is offered. */
#include <errno.h>

#include "dhcp/server-private.h"
#include "net/raw.h"

static void probe_free(struct dhcp_server *s, struct dhcp_probe *p)
{
    list_remove(&p->list);
    s->probe_count--;
    free(p->request);
    free(p->outgoing);
    free(p);
}

/* A client that asks again while its address is probed gets the answer to its newest message. */
static bool refresh_probe(struct dhcp_server *s, const struct dhcp_request *request,
                          const struct dhcp_change *change, struct dhcp_outgoing *o)
{
    list_for_each (it, &s->probes) {
        struct dhcp_probe *p = container_of(it, struct dhcp_probe, list);
        if (p->change.lease.address != change->lease.address)
            continue;
        *p->request = *request;
        p->change = *change;
        free(p->outgoing);
        p->outgoing = o;
        return true;
    }
    return false;
}

bool dhcp_probe_begin(struct dhcp_server *s, const struct dhcp_request *request,
                      const struct dhcp_change *change, struct dhcp_outgoing *o, unsigned attempt)
{
    struct dhcp_listener *l = dhcp_listener_find(s, request->ifindex);
    if (!l || l->arp.fd < 0)
        return false;
    if (refresh_probe(s, request, change, o))
        return true;
    if (s->probe_count >= PROBES_MAX || attempt >= PROBE_ATTEMPTS)
        return false;
    _autofree_ struct dhcp_probe *p = calloc(1, sizeof(*p));
    _autofree_ struct dhcp_request *copy = malloc(sizeof(*copy));
    if (!p || !copy)
        return false;
    *copy = *request;
    p->request = TAKE_PTR(copy);
    p->ifindex = l->ifindex;
    p->attempt = attempt;
    p->change = *change;
    p->outgoing = o;
    arp_probe_start(&p->arp, change->lease.address, l->mac, &arp_timing_quick, s->rng,
                    clock_now(s->clock));
    list_append(&s->probes, &p->list);
    s->probe_count++;
    p = NULL; /* the list has it */
    dhcp_listener_watch_arp(l, true);
    dhcp_probes_step(s, clock_now(s->clock));
    return true;
}

static void on_free(struct dhcp_server *s, struct dhcp_probe *p)
{
    struct dhcp_outgoing *o = TAKE_PTR(p->outgoing);
    p->change.lease.probed = true;
    if (dhcp_commit(s, &p->change) == 0)
        dhcp_outgoing_send(s, o);
    else
        free(o);
    probe_free(s, p);
}

static const struct dhcp_network *network_with(const struct dhcp_server *s, ipv4 address)
{
    for (size_t i = 0; i < s->networks.count; i++) {
        if (cidr_contains(s->networks.list[i].subnet, address))
            return &s->networks.list[i];
    }
    return NULL;
}

/* Nobody gets this one for a while; the client gets another. */
static void on_conflict(struct dhcp_server *s, struct dhcp_probe *p)
{
    const struct dhcp_network *n = network_with(s, p->arp.address);
    uint32_t seconds = n && n->quarantine_seconds ? n->quarantine_seconds : 600;
    struct dhcp_change change = p->change;
    change.kind = DHCP_CHANGE_QUARANTINE;
    change.lease.expires = clock_now(s->clock) + (int64_t)seconds * 1000;
    struct dhcp_request *request = TAKE_PTR(p->request);
    unsigned attempt = p->attempt + 1;
    dhcp_tell_conflict(s, n, p->arp.address, p->arp.conflict);
    probe_free(s, p);
    if (dhcp_commit(s, &change) == 0)
        dhcp_server_handle(s, request, attempt);
    free(request);
}

static void send_probe(struct dhcp_server *s, int ifindex, const struct arp_packet *packet)
{
    uint8_t bytes[ARP_PACKET_SIZE];
    arp_packet_build(packet, bytes);
    if (raw_send_arp(s->send_fd, ifindex, mac_broadcast, bytes, sizeof(bytes)) < 0)
        s->counters.send_errors++; /* then the address counts as unused, as without probing */
}

/* The first probe that has come to an end, or NULL. */
static struct dhcp_probe *finished(const struct dhcp_server *s)
{
    list_for_each (it, &s->probes) {
        struct dhcp_probe *p = container_of(it, struct dhcp_probe, list);
        if (p->arp.state != ARP_PROBING)
            return p;
    }
    return NULL;
}

void dhcp_probes_step(struct dhcp_server *s, int64_t now)
{
    list_for_each (it, &s->probes) {
        struct dhcp_probe *p = container_of(it, struct dhcp_probe, list);
        struct arp_packet packet;
        if (arp_probe_step(&p->arp, now, &packet))
            send_probe(s, p->ifindex, &packet);
    }
    /* ending one may begin another: look from the start each time */
    for (struct dhcp_probe *p; (p = finished(s));) {
        if (p->arp.state == ARP_FREE)
            on_free(s, p);
        else
            on_conflict(s, p);
    }
    if (list_is_empty(&s->probes)) {
        list_for_each (it, &s->listeners)
            dhcp_listener_watch_arp(container_of(it, struct dhcp_listener, list), false);
    }
}

int64_t dhcp_probes_deadline(const struct dhcp_server *s)
{
    int64_t first = INT64_MAX;
    list_for_each (it, &s->probes) {
        const struct dhcp_probe *p = container_of(it, struct dhcp_probe, list);
        if (p->arp.deadline < first)
            first = p->arp.deadline;
    }
    return first;
}

void dhcp_on_arp(uv_poll_t *poll, int status, int events)
{
    struct dhcp_listener *l = poll->data;
    struct dhcp_server *s = l->server;
    uint8_t buf[128];
    struct raw_info info;
    struct arp_packet packet;
    (void)status;
    (void)events;
    for (ssize_t n; (n = raw_receive(l->arp.fd, buf, sizeof(buf), &info)) >= 0;) {
        if (info.outgoing || arp_packet_parse(buf, (size_t)n, &packet) < 0)
            continue;
        list_for_each (it, &s->probes) {
            struct dhcp_probe *p = container_of(it, struct dhcp_probe, list);
            if (p->ifindex == l->ifindex)
                arp_probe_receive(&p->arp, &packet);
        }
    }
    dhcp_probes_step(s, clock_now(s->clock));
    dhcp_flush(s);
    dhcp_timer_set(s);
}

void dhcp_probes_free(struct dhcp_server *s)
{
    list_for_each_safe (it, &s->probes)
        probe_free(s, container_of(it, struct dhcp_probe, list));
}
