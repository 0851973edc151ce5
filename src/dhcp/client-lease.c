/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/client-lease.h"

#include <ctype.h>
#include <errno.h>

/* Servers that send no mask mean the address's class. */
static uint8_t class_prefix(ipv4 a)
{
    if (a >> 31 == 0)
        return 8;
    return a >> 30 == 2 ? 16 : 24;
}

static uint8_t read_prefix(const struct dhcp_message *m)
{
    ipv4 mask = dhcp_options_ipv4(&m->options, DHCP_OPTION_SUBNET_MASK);
    int prefix = mask ? ipv4_mask_prefix(mask) : -1;
    return prefix > 0 ? (uint8_t)prefix : class_prefix(m->yiaddr);
}

/* Names end up in files and on consoles: what is no DNS name is dropped whole. */
static void read_name(const struct dhcp_message *m, uint8_t code, char *dst, size_t size)
{
    size_t len = dhcp_options_text(&m->options, code, dst, size);
    bool ok = len > 0 && len <= 253 && isalnum((unsigned char)dst[0]);
    for (size_t i = 0; i < len; i++)
        ok = ok && (isalnum((unsigned char)dst[i]) || dst[i] == '-' || dst[i] == '.');
    if (!ok)
        dst[0] = '\0';
}

/* RFC 3442: with option 121 present, option 3 is not looked at. */
static void read_routes(const struct dhcp_message *m, struct dhcp_client_lease *l)
{
    struct rd value = dhcp_options_get(&m->options, DHCP_OPTION_CLASSLESS_ROUTES);
    struct dhcp_route routes[DHCP_CLIENT_ROUTES_MAX];
    int n = rd_ok(&value) ? dhcp_routes_parse(value, routes, DHCP_CLIENT_ROUTES_MAX) : -EBADMSG;
    if (n < 0) {
        (void)dhcp_options_ipv4s(&m->options, DHCP_OPTION_ROUTER, &l->router, 1);
        return;
    }
    for (int i = 0; i < n; i++) {
        if (routes[i].dest.prefix == 0 && !l->router)
            l->router = routes[i].gateway;
        else if (routes[i].dest.prefix)
            l->routes[l->route_count++] = routes[i];
    }
}

static int64_t after(int64_t now, uint32_t seconds)
{
    return seconds == UINT32_MAX ? INT64_MAX : now + (int64_t)seconds * 1000;
}

/* Renewal times that are not in order are replaced by the RFC's defaults. */
static void read_times(const struct dhcp_message *m, int64_t now, struct dhcp_client_lease *l)
{
    uint32_t t1 = dhcp_options_u32(&m->options, DHCP_OPTION_RENEWAL_TIME);
    uint32_t t2 = dhcp_options_u32(&m->options, DHCP_OPTION_REBINDING_TIME);
    uint32_t lease = l->lease_seconds;
    if (!t1 || !t2 || t1 >= t2 || t2 >= lease) {
        t1 = lease == UINT32_MAX ? lease : lease / 2;
        t2 = lease == UINT32_MAX ? lease : lease - lease / 8;
    }
    l->renew_at = after(now, t1);
    l->rebind_at = after(now, t2);
    l->expires_at = after(now, lease);
}

int dhcp_client_lease_read(const struct dhcp_message *ack, int64_t now,
                           struct dhcp_client_lease *ret)
{
    struct dhcp_client_lease l = {
        .address = {.address = ack->yiaddr, .prefix = read_prefix(ack)},
        .server = dhcp_options_ipv4(&ack->options, DHCP_OPTION_SERVER_ID),
        .lease_seconds = dhcp_options_u32(&ack->options, DHCP_OPTION_LEASE_TIME),
        .mtu = dhcp_options_u16(&ack->options, DHCP_OPTION_MTU),
    };
    uint8_t first = (uint8_t)(ack->yiaddr >> 24);
    if (first == 0 || first == 127 || first >= 224 || !l.server || !l.lease_seconds)
        return -EBADMSG;
    if (l.mtu < 576) /* RFC 791's least for a host; less would break it */
        l.mtu = 0;
    l.dns_count = dhcp_options_ipv4s(&ack->options, DHCP_OPTION_DNS, l.dns, DHCP_CLIENT_LIST_MAX);
    l.ntp_count = dhcp_options_ipv4s(&ack->options, DHCP_OPTION_NTP, l.ntp, DHCP_CLIENT_LIST_MAX);
    read_routes(ack, &l);
    read_name(ack, DHCP_OPTION_HOSTNAME, l.hostname, sizeof(l.hostname));
    read_name(ack, DHCP_OPTION_DOMAIN, l.domain, sizeof(l.domain));
    read_times(ack, now, &l);
    *ret = l;
    return 0;
}
