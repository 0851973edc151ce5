/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply says, and where it goes. */
#include <errno.h>

#include "base/str.h"
#include "dhcp/answer-private.h"

enum { MESSAGE_MTU_MAX = 1472, IP_UDP_HEADERS = 28 };

/* Copies an option of the request unchanged. */
static int echo(const struct decision *d, uint8_t code)
{
    struct rd r = dhcp_options_get(&d->request->message.options, code);
    if (!rd_ok(&r))
        return 0;
    size_t len = rd_left(&r);
    return dhcp_options_add(&d->ret->reply.options, code, rd_take(&r, len), len);
}

/* RFC 2132 9.10 counts the IP and UDP headers in; what is below the minimum is a mistake. */
static size_t reply_size(const struct dhcp_message *request)
{
    size_t size = dhcp_options_u16(&request->options, DHCP_OPTION_MAX_SIZE);
    if (size < DHCP_MESSAGE_DEFAULT + IP_UDP_HEADERS)
        return DHCP_MESSAGE_DEFAULT;
    size -= IP_UDP_HEADERS;
    return size < MESSAGE_MTU_MAX ? size : MESSAGE_MTU_MAX;
}

int dhcp_reply_begin(const struct decision *d, enum dhcp_type type)
{
    const struct dhcp_message *m = &d->request->message;
    struct dhcp_message *reply = &d->ret->reply;
    reply->op = DHCP_OP_REPLY;
    reply->htype = m->htype;
    reply->hlen = m->hlen;
    reply->xid = m->xid;
    reply->flags = m->flags;
    reply->giaddr = m->giaddr;
    memcpy(reply->chaddr, m->chaddr, sizeof(reply->chaddr));
    d->ret->type = type;
    d->ret->reply_size = reply_size(m);
    d->ret->source = d->network->server ? d->network->server : d->request->local;
    int r = dhcp_options_add_u8(&reply->options, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type);
    if (r == 0) /* EDK2 drops every offer without it */
        r = dhcp_options_add_u32(&reply->options, DHCP_OPTION_SERVER_ID, d->server_id);
    if (r == 0) /* RFC 6842 */
        r = echo(d, DHCP_OPTION_CLIENT_ID);
    if (r == 0)
        r = d->ret->firmware.has_uuid ? echo(d, DHCP_OPTION_MACHINE_ID) : 0;
    return r;
}

/* True when the client's parameter list names the option, or it sent no list. */
static bool is_wanted(const struct decision *d, uint8_t code)
{
    struct rd r = dhcp_options_get(&d->request->message.options, DHCP_OPTION_PARAMETERS);
    if (!rd_ok(&r))
        return true;
    while (rd_left(&r)) {
        if (rd_u8(&r) == code)
            return true;
    }
    return false;
}

static int add_text(const struct decision *d, uint8_t code, const char *text)
{
    if (str_empty(text) || !is_wanted(d, code))
        return 0;
    return dhcp_options_add_text(&d->ret->reply.options, code, text);
}

static int add_servers(const struct decision *d, uint8_t code, const ipv4 *own, size_t own_count,
                       const ipv4 *common, size_t common_count)
{
    const ipv4 *list = own_count ? own : common;
    size_t count = own_count ? own_count : common_count;
    if (!count)
        return 0;
    return dhcp_options_add_ipv4s(&d->ret->reply.options, code, list, count);
}

static ipv4 router_of(const struct decision *d)
{
    return d->known && d->host.router ? d->host.router : d->network->router;
}

/* RFC 3442: a client that reads 121 ignores option 3, so the default route is repeated in it. */
static int add_routes(const struct decision *d)
{
    const struct dhcp_network *n = d->network;
    struct dhcp_route routes[DHCP_ROUTES_MAX + 1];
    uint8_t bytes[(DHCP_ROUTES_MAX + 1) * 9];
    if (!n->route_count || !is_wanted(d, DHCP_OPTION_CLASSLESS_ROUTES))
        return 0;
    size_t count = 0;
    for (size_t i = 0; i < n->route_count && i < DHCP_ROUTES_MAX; i++)
        routes[count++] = n->routes[i];
    if (router_of(d))
        routes[count++] = (struct dhcp_route){.gateway = router_of(d)};
    int len = dhcp_routes_build(routes, count, bytes, sizeof(bytes));
    if (len < 0)
        return len;
    return dhcp_options_add(&d->ret->reply.options, DHCP_OPTION_CLASSLESS_ROUTES, bytes,
                            (size_t)len);
}

/* Names that are no DNS names are left out: the configuration's parser speaks about those. */
static int add_search(const struct decision *d)
{
    uint8_t bytes[512];
    if (!d->network->search_count || !is_wanted(d, DHCP_OPTION_DOMAIN_SEARCH))
        return 0;
    int len = dhcp_search_build(d->network->search, d->network->search_count, bytes, sizeof(bytes));
    if (len < 0)
        return 0;
    return dhcp_options_add(&d->ret->reply.options, DHCP_OPTION_DOMAIN_SEARCH, bytes, (size_t)len);
}

static int add_servers_and_names(const struct decision *d)
{
    const struct dhcp_network *n = d->network;
    const struct dhcp_host *h = &d->host; /* all zero when the client is unknown */
    int r = add_servers(d, DHCP_OPTION_DNS, h->dns, h->dns_count, n->dns, n->dns_count);
    if (r == 0 && d->known)
        r = add_text(d, DHCP_OPTION_HOSTNAME, h->hostname);
    if (r == 0)
        r = add_text(d, DHCP_OPTION_DOMAIN, n->domain);
    if (r == 0 && is_wanted(d, DHCP_OPTION_NTP))
        r = add_servers(d, DHCP_OPTION_NTP, h->ntp, h->ntp_count, n->ntp, n->ntp_count);
    return r;
}

int dhcp_reply_settings(const struct decision *d, ipv4 address)
{
    const struct dhcp_network *n = d->network;
    struct dhcp_options *o = &d->ret->reply.options;
    (void)address;
    int r = dhcp_options_add_u32(o, DHCP_OPTION_SUBNET_MASK, cidr_mask(n->subnet));
    if (r == 0 && router_of(d))
        r = dhcp_options_add_u32(o, DHCP_OPTION_ROUTER, router_of(d));
    if (r == 0)
        r = add_servers_and_names(d);
    if (r == 0)
        r = add_routes(d);
    if (r == 0)
        r = add_search(d);
    if (r == 0 && n->mtu && is_wanted(d, DHCP_OPTION_MTU))
        r = dhcp_options_add_u16(o, DHCP_OPTION_MTU, n->mtu);
    if (r == 0 && is_wanted(d, DHCP_OPTION_BROADCAST))
        r = dhcp_options_add_u32(o, DHCP_OPTION_BROADCAST, cidr_last(n->subnet));
    return r;
}

int dhcp_reply_lease(const struct decision *d, ipv4 address)
{
    struct dhcp_options *o = &d->ret->reply.options;
    uint32_t seconds = dhcp_lease_seconds(d->network);
    d->ret->reply.yiaddr = address;
    if (d->ret->type == DHCP_ACK)
        d->ret->reply.ciaddr = d->request->message.ciaddr;
    int r = dhcp_options_add_u32(o, DHCP_OPTION_LEASE_TIME, seconds);
    if (r == 0)
        r = dhcp_options_add_u32(o, DHCP_OPTION_RENEWAL_TIME, seconds / 2);
    if (r == 0)
        r = dhcp_options_add_u32(o, DHCP_OPTION_REBINDING_TIME, seconds - seconds / 8);
    return r < 0 ? r : dhcp_reply_settings(d, address);
}

int dhcp_reply_nak(const struct decision *d, const char *why)
{
    int r = dhcp_reply_begin(d, DHCP_NAK);
    if (r == 0)
        r = dhcp_options_add_text(&d->ret->reply.options, DHCP_OPTION_MESSAGE, why);
    /* the relay must broadcast it: the client may not be where it believes to be */
    if (d->ret->reply.giaddr)
        d->ret->reply.flags |= DHCP_FLAG_BROADCAST;
    return r;
}

/* RFC 3046 section 2.2: as it came; the builder puts it last. */
int dhcp_reply_finish(const struct decision *d)
{
    return echo(d, DHCP_OPTION_RELAY_AGENT);
}

/* RFC 2131 section 4.1. */
void dhcp_reply_destination(const struct decision *d)
{
    const struct dhcp_message *m = &d->request->message;
    const struct dhcp_message *reply = &d->ret->reply;
    struct dhcp_destination *to = &d->ret->to;
    *to = (struct dhcp_destination){.kind = DHCP_SEND_UDP,
                                    .port = DHCP_CLIENT_PORT,
                                    .source_port = d->request->port,
                                    .ifindex = d->request->ifindex};
    if (m->giaddr) { /* not to the packet's source: relays may send from another address */
        to->address = m->giaddr;
        to->port = DHCP_SERVER_PORT;
    } else if (d->request->port ==
               DHCP_PXE_PORT) { /* the boot server answers whom it was asked by */
        to->address = d->request->source;
        to->port = d->request->source_port;
    } else if (d->ret->type != DHCP_NAK && reply->ciaddr) {
        to->address = reply->ciaddr;
    } else if (d->ret->type == DHCP_NAK || m->flags & DHCP_FLAG_BROADCAST || !reply->yiaddr ||
               !mac_is_unicast(d->mac)) {
        to->kind = DHCP_SEND_BROADCAST;
        to->address = UINT32_MAX;
    } else {
        to->kind = DHCP_SEND_LINK;
        to->address = reply->yiaddr;
        to->mac = d->mac;
    }
}
