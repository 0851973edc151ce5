/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/answer.h"

#include <stdio.h>

#include "dhcp/answer-private.h"

enum { HOPS_MAX = 16, RELAY_LINK_SELECTION = 5, RELAY_SERVER_ID_OVERRIDE = 11 };

struct drop_words {
    const char *name, *text;
};

static const struct drop_words drop_words[] = {
    [DHCP_DROP_NONE] = {"none", "answered"},
    [DHCP_DROP_NOT_REQUEST] = {"not_request", "not a request from a client"},
    [DHCP_DROP_BOOTP] = {"bootp", "BOOTP without a DHCP message type"},
    [DHCP_DROP_BAD_TYPE] = {"bad_type", "a message type that clients do not send"},
    [DHCP_DROP_HOPS] = {"hops", "came through too many relays"},
    [DHCP_DROP_LOOP] = {"loop", "its relay address is one of ours or none at all"},
    [DHCP_DROP_CLIENT] = {"client", "neither a unicast MAC address nor a client identifier"},
    [DHCP_DROP_NO_NETWORK] = {"no_network", "no Network for this interface or relay"},
    [DHCP_DROP_OFF] = {"off", "DHCP is off on its Network"},
    [DHCP_DROP_UNKNOWN] = {"unknown",
                           "no Machine has this MAC address, and its Network ignores strangers"},
    [DHCP_DROP_AMBIGUOUS] = {"ambiguous", "several Machines claim this MAC address"},
    [DHCP_DROP_REFUSED] = {"refused", "the Machine is not to be answered"},
    [DHCP_DROP_OTHER_SERVER] = {"other_server", "the client chose another DHCP server"},
    [DHCP_DROP_NO_ADDRESS] = {"no_address", "no free address in the Network's ranges"},
    [DHCP_DROP_STRANGERS] = {"strangers",
                             "unknown machines hold their share of the Network's ranges"},
    [DHCP_DROP_ADDRESS_IN_USE] = {"address_in_use",
                                  "the Machine's address is held by another client"},
    [DHCP_DROP_QUARANTINED] = {"quarantined",
                               "the Machine's address is in use by another host on the wire"},
    [DHCP_DROP_NOT_YOURS] = {"not_yours", "the address is not this client's"},
    [DHCP_DROP_MALFORMED] = {"malformed", "its fields contradict each other"},
    [DHCP_DROP_NOT_BOOTING] = {"not_booting", "nothing to boot"},
    [DHCP_DROP_PROXY] = {"proxy", "for the server that gives addresses here"},
    [DHCP_DROP_DONE] = {"done", "done, no reply is due"},
    [DHCP_DROP_TOO_BIG] = {"too_big", "the reply does not fit what the client takes"},
};

const char *dhcp_drop_name(enum dhcp_drop drop)
{
    return (size_t)drop < ARRAY_SIZE(drop_words) ? drop_words[drop].name : "unknown_reason";
}

const char *dhcp_drop_text(enum dhcp_drop drop)
{
    return (size_t)drop < ARRAY_SIZE(drop_words) ? drop_words[drop].text : "unknown";
}

static bool is_own(const struct dhcp_view *view, ipv4 address)
{
    for (size_t i = 0; i < view->own_count; i++) {
        if (view->own[i] == address)
            return true;
    }
    return false;
}

/* 0/8, loopback, multicast and above name no host. */
static bool is_host_address(ipv4 a)
{
    uint8_t first = (uint8_t)(a >> 24);
    return first != 0 && first != 127 && first < 224;
}

/* Everything that can be said from the packet alone. */
static enum dhcp_drop check_request(const struct dhcp_request *q, const struct dhcp_view *view)
{
    const struct dhcp_message *m = &q->message;
    if (m->op != DHCP_OP_REQUEST)
        return DHCP_DROP_NOT_REQUEST;
    if (!dhcp_options_has(&m->options, DHCP_OPTION_MESSAGE_TYPE))
        return DHCP_DROP_BOOTP;
    if (m->hops > HOPS_MAX)
        return DHCP_DROP_HOPS;
    if (m->giaddr && (!is_host_address(m->giaddr) || is_own(view, m->giaddr)))
        return DHCP_DROP_LOOP;
    if (q->source && is_own(view, q->source))
        return DHCP_DROP_LOOP;
    if (m->hlen > sizeof(m->chaddr) || (m->ciaddr && !is_host_address(m->ciaddr)))
        return DHCP_DROP_MALFORMED;
    return DHCP_DROP_NONE;
}

/* A four-byte suboption of the relay agent's option; 0 when absent. */
static ipv4 relay_suboption(const struct dhcp_message *m, uint8_t code)
{
    struct rd r = dhcp_options_get(&m->options, DHCP_OPTION_RELAY_AGENT);
    for (struct dhcp_tlv t; dhcp_relay_tlv_next(&r, &t);) {
        if (t.code == code && t.value.len == 4)
            return rd_u32(&t.value);
    }
    return 0;
}

static const struct dhcp_network *network_with(const struct dhcp_view *view, ipv4 address)
{
    for (size_t i = 0; i < view->network_count; i++) {
        if (cidr_contains(view->networks[i].subnet, address))
            return &view->networks[i];
    }
    return NULL;
}

static const struct dhcp_network *network_on(const struct dhcp_view *view, int ifindex)
{
    for (size_t i = 0; i < view->network_count; i++) {
        if (ifindex && view->networks[i].ifindex == ifindex)
            return &view->networks[i];
    }
    return NULL;
}

const struct dhcp_network *dhcp_network_of(const struct dhcp_request *q,
                                           const struct dhcp_view *view)
{
    const struct dhcp_message *m = &q->message;
    if (m->giaddr) {
        ipv4 link = relay_suboption(m, RELAY_LINK_SELECTION); /* RFC 3527 */
        return network_with(view, link ? link : m->giaddr);
    }
    bool unicast = is_host_address(q->dest) && is_own(view, q->dest);
    const struct dhcp_network *routed = NULL;
    if (unicast && m->ciaddr)
        routed = network_with(view, m->ciaddr);
    return routed ? routed : network_on(view, q->ifindex);
}

/* RFC 5107: a relay may want renewals to come through it, and lends us its address for that. */
static ipv4 server_id_of(const struct decision *d)
{
    ipv4 override = 0;
    if (d->request->message.giaddr)
        override = relay_suboption(&d->request->message, RELAY_SERVER_ID_OVERRIDE);
    if (override)
        return override;
    return d->network->server ? d->network->server : d->request->local;
}

/* Who asks? */
static enum dhcp_drop identify(struct decision *d)
{
    struct dhcp_answer *ret = d->ret;
    d->query = (struct dhcp_query){.network = d->network,
                                   .firmware = &ret->firmware,
                                   .mac = d->mac,
                                   .address = d->request->message.ciaddr};
    if (ret->firmware.has_uuid)
        (void)dhcp_uuid_text(ret->firmware.uuid, d->query.uuid);
    switch (d->view->find_host(d->view->data, &d->query, &d->host)) {
    case DHCP_HOST_UNKNOWN:
        return d->network->answer_unknown ? DHCP_DROP_NONE : DHCP_DROP_UNKNOWN;
    case DHCP_HOST_FOUND:
        d->known = true;
        (void)snprintf(ret->host, sizeof(ret->host), "%s", d->host.name);
        return DHCP_DROP_NONE;
    case DHCP_HOST_AMBIGUOUS:
        return DHCP_DROP_AMBIGUOUS;
    case DHCP_HOST_REFUSED:
        break;
    }
    return DHCP_DROP_REFUSED;
}

static enum dhcp_drop finish(const struct decision *d, int r)
{
    if (r == 0)
        r = dhcp_reply_finish(d);
    if (r == 0)
        return DHCP_DROP_NONE;
    d->ret->change = (struct dhcp_change){0};
    return DHCP_DROP_TOO_BIG;
}

/* Boot information for clients that boot; nothing for those that do not. */
static int add_boot(const struct decision *d, ipv4 address)
{
    struct dhcp_boot boot = {0};
    if (!dhcp_plan_boot(d, address, &boot))
        return 0;
    return dhcp_reply_boot(d, &boot, DHCP_BOOT_PLAIN);
}

static enum dhcp_drop on_discover(const struct decision *d)
{
    ipv4 address = 0;
    enum dhcp_drop drop = dhcp_choose_address(d, &address);
    if (drop)
        return drop;
    dhcp_change_offer(d, address);
    int r = dhcp_reply_begin(d, DHCP_OFFER);
    if (r == 0)
        r = dhcp_reply_lease(d, address);
    if (r == 0)
        r = add_boot(d, address);
    return finish(d, r);
}

static enum dhcp_drop grant(const struct decision *d, ipv4 address)
{
    enum dhcp_drop drop = DHCP_DROP_NONE;
    const char *why = dhcp_refuse_address(d, address, &drop);
    if (drop)
        return drop;
    if (why)
        return finish(d, dhcp_reply_nak(d, why));
    dhcp_change_bind(d, address);
    int r = dhcp_reply_begin(d, DHCP_ACK);
    if (r == 0)
        r = dhcp_reply_lease(d, address);
    if (r == 0)
        r = add_boot(d, address);
    return finish(d, r);
}

/* The client went elsewhere: what was held for it is free again. */
static enum dhcp_drop on_other_server(const struct decision *d)
{
    const struct dhcp_lease *lease =
        dhcp_leases_by_key(d->view->leases, &d->key, d->network->subnet);
    if (lease && lease->state == DHCP_LEASE_OFFERED)
        d->ret->change = (struct dhcp_change){
            .kind = DHCP_CHANGE_FREE, .lease = *lease, .subnet = d->network->subnet};
    return DHCP_DROP_OTHER_SERVER;
}

/* RFC 2131 table 4 tells the client's state from the fields it filled in. */
static enum dhcp_drop on_request(const struct decision *d)
{
    const struct dhcp_message *m = &d->request->message;
    ipv4 server = dhcp_options_ipv4(&m->options, DHCP_OPTION_SERVER_ID);
    ipv4 requested = dhcp_options_ipv4(&m->options, DHCP_OPTION_REQUESTED_ADDRESS);
    if (server && server != d->server_id)
        return on_other_server(d);
    ipv4 address = requested ? requested : m->ciaddr;
    if (!address || (requested && m->ciaddr && requested != m->ciaddr))
        return DHCP_DROP_MALFORMED;
    return grant(d, address);
}

/* RFC 2131 section 4.3.5: settings without a lease, for a client that has an address. */
static enum dhcp_drop on_inform(const struct decision *d)
{
    ipv4 address = d->request->message.ciaddr;
    if (!address)
        address = d->request->source;
    if (!cidr_contains(d->network->subnet, address))
        return DHCP_DROP_NO_NETWORK; /* never a packet to where nobody asked from */
    int r = dhcp_reply_begin(d, DHCP_ACK);
    if (r == 0)
        r = dhcp_reply_settings(d, address);
    if (r == 0)
        r = add_boot(d, address);
    d->ret->reply.ciaddr = address;
    return finish(d, r);
}

/* The client's own live lease at this address, or NULL. */
static const struct dhcp_lease *own_lease(const struct decision *d, ipv4 address)
{
    const struct dhcp_lease *lease = dhcp_leases_by_address(d->view->leases, address);
    if (!lease || !dhcp_key_eq(&lease->key, &d->key) || lease->state == DHCP_LEASE_FREE)
        return NULL;
    return cidr_contains(d->network->subnet, address) ? lease : NULL;
}

/*
 * The client found the address in use. Strangers may put at most a quarter of a range into
 * quarantine, so that lies cannot empty it.
 */
static enum dhcp_drop on_decline(const struct decision *d)
{
    const struct dhcp_network *n = d->network;
    ipv4 address = dhcp_options_ipv4(&d->request->message.options, DHCP_OPTION_REQUESTED_ADDRESS);
    const struct dhcp_lease *lease = own_lease(d, address);
    if (!lease)
        return DHCP_DROP_NOT_YOURS;
    uint32_t seconds = n->quarantine_seconds ? n->quarantine_seconds : 600;
    d->ret->change =
        (struct dhcp_change){.kind = DHCP_CHANGE_QUARANTINE, .lease = *lease, .subnet = n->subnet};
    d->ret->change.lease.expires = d->now + (int64_t)seconds * 1000;
    struct dhcp_range at = {.first = address, .last = address};
    struct dhcp_pool_use use = dhcp_leases_pool_use(d->view->leases, at);
    if (!d->known && use.quarantined * 4 >= use.size)
        d->ret->change.kind = DHCP_CHANGE_FREE;
    return DHCP_DROP_DONE;
}

static enum dhcp_drop on_release(const struct decision *d)
{
    const struct dhcp_lease *lease = own_lease(d, d->request->message.ciaddr);
    if (!lease)
        return DHCP_DROP_NOT_YOURS;
    d->ret->change = (struct dhcp_change){
        .kind = DHCP_CHANGE_FREE, .lease = *lease, .subnet = d->network->subnet};
    return DHCP_DROP_DONE;
}

static enum dhcp_drop on_farewell(const struct decision *d)
{
    ipv4 server = dhcp_options_ipv4(&d->request->message.options, DHCP_OPTION_SERVER_ID);
    if (server && server != d->server_id)
        return DHCP_DROP_OTHER_SERVER;
    return d->type == DHCP_DECLINE ? on_decline(d) : on_release(d);
}

static enum dhcp_drop authoritative(const struct decision *d)
{
    switch (d->type) {
    case DHCP_DISCOVER:
        return on_discover(d);
    case DHCP_REQUEST:
        return on_request(d);
    case DHCP_INFORM:
        return on_inform(d);
    case DHCP_DECLINE:
    case DHCP_RELEASE:
        return on_farewell(d);
    default:
        return DHCP_DROP_BAD_TYPE;
    }
}

/*
 * Beside another server: boot information without an address, for firmware only. A REQUEST is
 * answered by who owns the lease: EDK2 declines its address when a proxy acknowledges too.
 */
static enum dhcp_drop proxy(const struct decision *d)
{
    struct dhcp_boot boot = {0};
    if (d->type != DHCP_DISCOVER)
        return DHCP_DROP_PROXY;
    if (!dhcp_plan_boot(d, 0, &boot))
        return DHCP_DROP_NOT_BOOTING;
    int r = dhcp_reply_begin(d, DHCP_OFFER);
    if (r == 0)
        r = dhcp_reply_boot(d, &boot, dhcp_proxy_style(d));
    return finish(d, r);
}

/* Port 4011: the client has an address and asks what to boot. */
static enum dhcp_drop boot_server(const struct decision *d)
{
    struct dhcp_boot boot = {0};
    if (d->type != DHCP_REQUEST && d->type != DHCP_INFORM)
        return DHCP_DROP_BAD_TYPE;
    ipv4 server = dhcp_options_ipv4(&d->request->message.options, DHCP_OPTION_SERVER_ID);
    if (server && server != d->server_id)
        return DHCP_DROP_OTHER_SERVER;
    if (!dhcp_plan_boot(d, d->request->message.ciaddr, &boot))
        return DHCP_DROP_NOT_BOOTING;
    int r = dhcp_reply_begin(d, DHCP_ACK);
    if (r == 0)
        r = dhcp_reply_boot(d, &boot, DHCP_BOOT_ACK);
    d->ret->reply.ciaddr = d->request->message.ciaddr;
    return finish(d, r);
}

static enum dhcp_drop decide(struct decision *d)
{
    enum dhcp_drop drop = check_request(d->request, d->view);
    if (drop)
        return drop;
    d->type = dhcp_message_type(&d->request->message);
    d->mac = dhcp_message_mac(&d->request->message);
    d->key = dhcp_key_of(&d->request->message);
    d->ret->firmware = dhcp_firmware_of(&d->request->message);
    if (d->type == DHCP_NO_TYPE || d->type == DHCP_OFFER || d->type == DHCP_ACK ||
        d->type == DHCP_NAK)
        return DHCP_DROP_BAD_TYPE;
    if (!d->key.len)
        return DHCP_DROP_CLIENT;
    d->network = d->ret->network = dhcp_network_of(d->request, d->view);
    if (!d->network)
        return DHCP_DROP_NO_NETWORK;
    if (d->network->mode == DHCP_MODE_OFF)
        return DHCP_DROP_OFF;
    d->server_id = server_id_of(d);
    drop = identify(d);
    if (drop)
        return drop;
    if (d->request->port == DHCP_PXE_PORT)
        return boot_server(d);
    return d->network->mode == DHCP_MODE_PROXY ? proxy(d) : authoritative(d);
}

void dhcp_answer(const struct dhcp_request *request, const struct dhcp_view *view, int64_t now,
                 struct dhcp_answer *ret)
{
    *ret = (struct dhcp_answer){0};
    struct decision d = {.request = request, .view = view, .now = now, .ret = ret};
    ret->drop = decide(&d);
    if (ret->drop == DHCP_DROP_NONE)
        dhcp_reply_destination(&d);
}
