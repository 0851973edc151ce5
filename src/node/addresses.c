/* SPDX-License-Identifier: Apache-2.0 */
#include "node/addresses.h"

#include "base/str.h"

/* Pairs and taps end in a pod or a virtual machine. */
static bool leads_inside(const struct net_link *link)
{
    return str_eq(link->kind, "veth") || str_eq(link->kind, "tun");
}

static bool has_way_out(const struct net_link *bridge, const struct net_link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (links[i].master == bridge->index && !leads_inside(&links[i]))
            return true;
    }
    return false;
}

static bool is_tunnel(const char *kind)
{
    return str_eq(kind, "vxlan") || str_eq(kind, "geneve") || str_eq(kind, "ipip") ||
           str_eq(kind, "gre");
}

/* Where kube-proxy (IPVS) and the node-local DNS cache put the addresses of Services. */
static bool is_of_services(const char *name)
{
    return str_eq(name, "kube-ipvs0") || str_eq(name, "nodelocaldns");
}

bool addresses_link_counts(const struct net_link *link, const struct net_link *links, size_t count)
{
    if (is_tunnel(link->kind) || is_of_services(link->name))
        return false;
    return !str_eq(link->kind, "bridge") || has_way_out(link, links, count);
}

static bool is_of_machine(const struct net_address *address, const struct net_link *links,
                          size_t count)
{
    ipv4 a = address->address.address;
    if (a >> 24 == 127 || a >> 16 == 0xa9fe)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (links[i].index == address->ifindex)
            return addresses_link_counts(&links[i], links, count);
    }
    return true;
}

static json_t *to_json(const struct net_address *addresses, size_t count,
                       const struct net_link *links, size_t link_count)
{
    char text[CIDR_TEXT_SIZE];
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (is_of_machine(&addresses[i], links, link_count))
            (void)json_array_append_new(list, json_string(cidr_text(addresses[i].address, text)));
    }
    return list;
}

int addresses_list(int fd, json_t **ret)
{
    _autofree_ struct net_address *addresses = NULL;
    _autofree_ struct net_link *links = NULL;
    size_t count = 0, link_count = 0;
    int r = net_links(fd, &links, &link_count);
    if (r == 0)
        r = net_addresses(fd, &addresses, &count);
    if (r < 0)
        return r;
    *ret = to_json(addresses, count, links, link_count);
    return *ret ? 0 : -ENOMEM;
}
