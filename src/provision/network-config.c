/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud-init's network-config, version 2 (netplan's form). An ethernet is called "nicN" here and
 * matched by its MAC address, so that it keeps the name that the system gives it. Only those which
 * a bond or a VLAN stands on get that name for real (set-name): netplan could do without, the other
 * renderers of cloud-init (ifupdown, networkd, NetworkManager) take the name literally.
 */
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "provision/value.h"
#include "provision/render.h"

enum { NIC_ID_SIZE = 16 };

static bool mac_is_set(struct mac mac)
{
    static const struct mac none;
    return !mac_eq(mac, none);
}

/*
 * The ethernets of the configuration: those of the links, then those that only a bond or a VLAN
 * names. An index here is the N of "nicN".
 */
struct nics {
    ITEMS_OF(struct mac) macs;
    int failed;
};

static size_t nic_index(struct nics *nics, struct mac mac)
{
    for (size_t i = 0; i < nics->macs.count; i++) {
        if (mac_eq(nics->macs.items[i], mac))
            return i;
    }
    struct mac *added = items_add(&nics->macs, sizeof(mac));
    if (!added) {
        nics->failed = -1;
        return 0;
    }
    *added = mac;
    return nics->macs.count - 1;
}

static const char *nic_id(struct nics *nics, struct mac mac, char dst[static NIC_ID_SIZE])
{
    (void)snprintf(dst, NIC_ID_SIZE, "nic%zu", nic_index(nics, mac));
    return dst;
}

static json_t *texts_json(const struct texts *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *routes_json(const struct provision_link *link)
{
    json_t *array = json_array();
    for (size_t i = 0; i < link->gateways.count; i++) {
        const char *via = link->gateways.items[i];
        const char *to = value_address_family(via) == AF_INET ? "0.0.0.0/0" : "::/0";
        (void)json_array_append_new(array, json_pack("{s:s, s:s}", "to", to, "via", via));
    }
    for (size_t i = 0; i < link->routes.count; i++)
        (void)json_array_append_new(array, json_pack("{s:s, s:s}", "to", link->routes.items[i].to,
                                                     "via", link->routes.items[i].via));
    return array;
}

static int set_nameservers(json_t *json, const struct provision_link *link)
{
    if (!link->dns.count && !link->search.count)
        return 0;
    json_t *servers = json_object();
    int failed = 0;
    if (link->dns.count)
        failed |= json_object_set_new(servers, "addresses", texts_json(&link->dns));
    if (link->search.count)
        failed |= json_object_set_new(servers, "search", texts_json(&link->search));
    return json_object_set_new(json, "nameservers", servers) | failed;
}

/* What ethernets, bonds and VLANs have in common. */
static json_t *link_json(const struct provision_link *link)
{
    json_t *json = json_pack("{s:b, s:b}", "dhcp4", link->dhcp4, "dhcp6", link->dhcp6);
    int failed = 0;
    if (link->addresses.count)
        failed |= json_object_set_new(json, "addresses", texts_json(&link->addresses));
    if (link->gateways.count || link->routes.count)
        failed |= json_object_set_new(json, "routes", routes_json(link));
    failed |= set_nameservers(json, link);
    if (link->mtu)
        failed |= json_object_set_new(json, "mtu", json_integer(link->mtu));
    if (link->optional)
        failed |= json_object_set_new(json, "optional", json_true());
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

/* True when a bond or a VLAN stands on this ethernet. */
static bool is_below(const struct provision *p, struct mac mac)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *link = &p->links.items[i];
        if (link->kind == PROVISION_VLAN && mac_eq(link->mac, mac))
            return true;
        for (size_t k = 0; k < link->members.count; k++) {
            if (mac_eq(link->members.items[k], mac))
                return true;
        }
    }
    return false;
}

static const struct provision_link *ethernet_of(const struct provision *p, struct mac mac)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *link = &p->links.items[i];
        if (link->kind == PROVISION_ETHERNET && mac_eq(link->mac, mac))
            return link;
    }
    return NULL;
}

static int add_ethernet(json_t *ethernets, const struct provision *p, struct nics *nics,
                        struct mac mac)
{
    static const struct provision_link silent;
    char id[NIC_ID_SIZE], text[MAC_TEXT_SIZE];
    const struct provision_link *link = ethernet_of(p, mac);
    json_t *json = link_json(link ? link : &silent);
    json_t *match = json_pack("{s:s}", "macaddress", mac_text(mac, text));
    int failed = json_object_set_new(json, "match", match);
    if (is_below(p, mac))
        failed |= json_object_set_new(json, "set-name", json_string(nic_id(nics, mac, id)));
    return json_object_set_new(ethernets, nic_id(nics, mac, id), json) | failed;
}

static int add_bond(json_t *bonds, const struct provision_link *link, struct nics *nics)
{
    char id[NIC_ID_SIZE], text[MAC_TEXT_SIZE];
    json_t *json = link_json(link);
    json_t *interfaces = json_array();
    int failed = 0;
    for (size_t i = 0; i < link->members.count; i++)
        failed |= json_array_append_new(interfaces,
                                        json_string(nic_id(nics, link->members.items[i], id)));
    failed |= json_object_set_new(json, "interfaces", interfaces);
    if (mac_is_set(link->mac))
        failed |= json_object_set_new(json, "macaddress", json_string(mac_text(link->mac, text)));
    const char *mode = link->bond_mode ? link->bond_mode : "active-backup";
    json_t *parameters = json_pack("{s:s, s:i}", "mode", mode, "mii-monitor-interval", 100);
    failed |= json_object_set_new(json, "parameters", parameters);
    return json_object_set_new(bonds, link->name, json) | failed;
}

static int add_vlan(json_t *vlans, const struct provision_link *link, struct nics *nics)
{
    char id[NIC_ID_SIZE];
    const char *below = link->parent ? link->parent : nic_id(nics, link->mac, id);
    json_t *json = link_json(link);
    int failed = json_object_set_new(json, "id", json_integer(link->vlan_id));
    failed |= json_object_set_new(json, "link", json_string(below));
    return json_object_set_new(vlans, link->name, json) | failed;
}

/* Numbers all ethernets in the order of the links, so that the text does not depend on anything
 * else. */
static void number_nics(const struct provision *p, struct nics *nics)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *link = &p->links.items[i];
        for (size_t k = 0; k < link->members.count; k++)
            (void)nic_index(nics, link->members.items[k]);
        if (link->kind != PROVISION_BOND && mac_is_set(link->mac))
            (void)nic_index(nics, link->mac);
    }
}

static int set_unless_empty(json_t *root, const char *key, json_t *object)
{
    if (json_object_size(object))
        return json_object_set_new(root, key, object);
    json_decref(object);
    return 0;
}

json_t *provision_network_config(const struct provision *p)
{
    struct nics nics = {0};
    json_t *ethernets = json_object(), *bonds = json_object(), *vlans = json_object();
    json_t *root = json_pack("{s:i}", "version", 2);
    number_nics(p, &nics);
    int failed = nics.failed;
    for (size_t i = 0; i < nics.macs.count; i++)
        failed |= add_ethernet(ethernets, p, &nics, nics.macs.items[i]);
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *link = &p->links.items[i];
        if (link->kind == PROVISION_BOND)
            failed |= add_bond(bonds, link, &nics);
        if (link->kind == PROVISION_VLAN)
            failed |= add_vlan(vlans, link, &nics);
    }
    free(nics.macs.items);
    failed |= set_unless_empty(root, "ethernets", ethernets);
    failed |= set_unless_empty(root, "bonds", bonds);
    failed |= set_unless_empty(root, "vlans", vlans);
    if (!failed)
        return root;
    json_decref(root);
    return NULL;
}
