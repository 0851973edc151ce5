/* SPDX-License-Identifier: Apache-2.0 */
#include "server/seed-network.h"

#include "base/str.h"

#define BOND "bond0"

static int add_addresses(struct texts *to, const ipv4 *items, size_t n)
{
    char text[IPV4_TEXT_SIZE];
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = texts_add(to, ipv4_text(items[i], text));
    return r;
}

static int add_gateway(struct provision_link *link, ipv4 gateway)
{
    char text[IPV4_TEXT_SIZE];
    return gateway ? texts_add(&link->gateways, ipv4_text(gateway, text)) : 0;
}

/* The addresses of the link that carries them: static when the Machine has one, else by DHCP. */
static int fill_addresses(const struct machine_network *m, const struct network *network,
                          struct provision_link *link)
{
    char text[CIDR_TEXT_SIZE];
    const struct network_spec *n = network ? &network->spec : NULL;
    link->mtu = (unsigned)(m->mtu ? m->mtu : (n ? n->mtu : 0));
    link->dhcp4 = m->address.address == 0;
    if (link->dhcp4)
        return 0;
    int r = texts_add(&link->addresses, cidr_text(m->address, text));
    if (r == 0)
        r = add_gateway(link, m->gateway ? m->gateway : (n ? n->gateway : 0));
    if (r == 0 && m->n_dns)
        r = add_addresses(&link->dns, m->dns, m->n_dns);
    else if (r == 0 && n)
        r = add_addresses(&link->dns, n->dns, n->n_dns);
    if (r == 0 && m->n_search)
        r = texts_add_all(&link->search, m->search, m->n_search);
    else if (r == 0 && n)
        r = texts_add_all(&link->search, n->search, n->n_search);
    return r;
}

static struct provision_link *add_link(struct provision *p, int kind, const char *name)
{
    struct provision_link *link = items_add(&p->links, sizeof(*link));
    if (!link)
        return NULL;
    link->kind = kind;
    return text_set(&link->name, name) == 0 ? link : NULL;
}

/* ---- bonds ---- */

static int add_member(struct provision_link *bond, struct mac mac)
{
    struct mac *member = items_add(&bond->members, sizeof(*member));
    if (!member)
        return -ENOMEM;
    *member = mac;
    return 0;
}

/* A card by its MAC address, which need not be there yet, or by its name in the inventory. */
static int find_card(const struct machine_inventory *inventory, const char *text, struct mac *ret)
{
    if (mac_parse(text, ret) == 0)
        return 0;
    for (size_t i = 0; i < inventory->n_nics; i++) {
        if (!str_eq(inventory->nics[i].name, text))
            continue;
        *ret = inventory->nics[i].mac;
        return 0;
    }
    return -ENOENT;
}

static int add_named_members(const struct bond *bond, const struct machine_inventory *inventory,
                             struct provision_link *link, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < bond->n_interfaces; i++) {
        struct mac mac;
        if (find_card(inventory, bond->interfaces[i], &mac) < 0)
            return err_set(err, -EINVAL,
                           "spec.network.bond.interfaces[%zu]: stage2 found no card \"%s\"; its "
                           "names for cards are in status.inventory.nics",
                           i, bond->interfaces[i]);
        r = add_member(link, mac);
    }
    return r;
}

static int add_linked_members(const struct machine_inventory *inventory,
                              struct provision_link *link, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < inventory->n_nics; i++) {
        if (inventory->nics[i].carrier)
            r = add_member(link, inventory->nics[i].mac);
    }
    if (r == 0 && link->members.count == 0)
        r = err_set(err, -EINVAL, "spec.network.bond: stage2 found no card with a carrier");
    return r;
}

/* The address that the server knows the Machine by, so that DHCP goes on to recognise it. */
static struct mac bond_mac(const struct machine_spec *spec, const struct provision_link *link)
{
    for (size_t i = 0; i < spec->n_mac_addresses; i++) {
        for (size_t k = 0; k < link->members.count; k++) {
            if (mac_eq(spec->mac_addresses[i], link->members.items[k]))
                return spec->mac_addresses[i];
        }
    }
    return link->members.items[0];
}

static int add_bond(const struct machine_spec *spec, const struct machine_inventory *inventory,
                    struct provision *p, struct err *err)
{
    const struct bond *bond = &spec->network.bond;
    struct provision_link *link = add_link(p, PROVISION_BOND, BOND);
    if (!link)
        return -ENOMEM;
    int r = text_set(&link->bond_mode, field_enum_text(bond_mode_values, (int)bond->mode));
    if (r == 0 && bond->n_interfaces)
        r = add_named_members(bond, inventory, link, err);
    else if (r == 0)
        r = add_linked_members(inventory, link, err);
    if (r == 0)
        link->mac = bond_mac(spec, link);
    return r;
}

/* ---- all links ---- */

static int add_ethernet(const struct machine_spec *spec, struct provision *p)
{
    struct provision_link *link = add_link(p, PROVISION_ETHERNET, NULL);
    if (!link)
        return -ENOMEM;
    link->mac = spec->mac_addresses[0];
    return 0;
}

/* A tagged network on the bond or the card. */
static int add_vlan(const struct machine_spec *spec, bool bond, struct provision *p)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "vlan%u", (unsigned)spec->network.vlan);
    struct provision_link *vlan = add_link(p, PROVISION_VLAN, name);
    if (!vlan)
        return -ENOMEM;
    vlan->vlan_id = (unsigned)spec->network.vlan;
    if (bond)
        return text_set(&vlan->parent, BOND);
    vlan->mac = spec->mac_addresses[0];
    return 0;
}

static int add_links(const struct machine_spec *spec, const struct machine_inventory *inventory,
                     const struct network *network, struct provision *p, struct err *err)
{
    const struct machine_network *m = &spec->network;
    bool bond = m->bond.mode != BOND_UNSET, plain = !bond && m->vlan == 0;
    const struct network_spec *n = network ? &network->spec : NULL;
    int r = texts_add_all(&p->ntp, m->ntp, m->n_ntp);
    if (r == 0 && n && m->n_ntp == 0)
        r = add_addresses(&p->ntp, n->ntp, n->n_ntp);
    /* Nothing special: slipway-node asks DHCP on every interface. */
    if (r < 0 || spec->n_mac_addresses == 0 || (plain && m->address.address == 0 && m->mtu == 0))
        return r;
    r = bond ? add_bond(spec, inventory, p, err) : add_ethernet(spec, p);
    if (r == 0 && m->vlan)
        r = add_vlan(spec, bond, p);
    return r < 0 ? r : fill_addresses(m, network, &p->links.items[p->links.count - 1]);
}

int seed_network(const struct machine_spec *spec, const struct machine_inventory *inventory,
                 const struct network *network, struct provision *p, struct err *err)
{
    int r = add_links(spec, inventory, network, p, err);
    return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
}
