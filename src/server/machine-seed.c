/* SPDX-License-Identifier: Apache-2.0 */
/* From a Machine's specification to the sealed contents of its seed partition. */
#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "provision/hostkey.h"
#include "provision/render.h"
#include "server/private.h"
#include "server/seed-first-boot.h"

static int add_addresses(struct texts *to, const ipv4 *items, size_t n)
{
    char text[IPV4_TEXT_SIZE];
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = texts_add(to, ipv4_text(items[i], text));
    return r;
}

/* ---- network ---- */

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

static int add_bond(const struct machine_spec *spec, struct provision *p)
{
    const struct bond *bond = &spec->network.bond;
    struct provision_link *link = add_link(p, PROVISION_BOND, "bond0");
    int r = link ? text_set(&link->bond_mode, field_enum_text(bond_mode_values, (int)bond->mode))
                 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < spec->n_mac_addresses; i++) {
        struct mac *member = items_add(&link->members, sizeof(*member));
        if (!member)
            return -ENOMEM;
        *member = spec->mac_addresses[i];
    }
    return r;
}

static int fill_network(const struct server *server, const struct machine_spec *spec,
                        struct provision *p)
{
    const struct machine_network *m = &spec->network;
    bool bond = m->bond.mode != BOND_UNSET, plain = !bond && m->vlan == 0;
    const struct network *network =
        m->address.address ? networks_of_address(server, m->address.address) : NULL;
    int r = texts_add_all(&p->ntp, m->ntp, m->n_ntp);
    /* Nothing special: slipway-node asks DHCP on every interface. */
    if (r < 0 || spec->n_mac_addresses == 0 || (plain && m->address.address == 0 && m->mtu == 0))
        return r;
    if (bond)
        r = add_bond(spec, p);
    else if (!add_link(p, PROVISION_ETHERNET, NULL))
        r = -ENOMEM;
    if (r < 0)
        return r;
    struct provision_link *carrier = &p->links.items[0];
    if (!bond)
        carrier->mac = spec->mac_addresses[0];
    if (m->vlan == 0)
        return fill_addresses(m, network, carrier);
    char name[16];
    (void)snprintf(name, sizeof(name), "vlan%u", (unsigned)m->vlan);
    struct provision_link *vlan = add_link(p, PROVISION_VLAN, name);
    if (!vlan)
        return -ENOMEM;
    vlan->vlan_id = (unsigned)m->vlan;
    if (!bond)
        vlan->mac = spec->mac_addresses[0];
    r = bond ? text_set(&vlan->parent, "bond0") : 0;
    return r < 0 ? r : fill_addresses(m, network, vlan);
}

/* ---- all of it ---- */

static int add_host_key(const struct server *server, const struct machine *machine,
                        struct provision *p)
{
    _autofree_ char *comment = str_format("root@%s", machine->meta.name);
    struct provision_host_key *key = items_add(&p->host_keys, sizeof(*key));
    if (!comment || !key)
        return -ENOMEM;
    return hostkey_generate(server->rng, comment, key);
}

static int fill(const struct server *server, const struct machine *machine,
                const struct machine_spec *effective, const char *base_url, struct provision *p)
{
    const struct image_facts *facts = images_facts(server, effective->image);
    p->style = facts && facts->cloud_init ? PROVISION_CLOUD_INIT : PROVISION_NODE;
    p->generation = (unsigned)effective->install_generation;
    int r = text_set(&p->machine, machine->meta.name);
    if (r == 0)
        r = text_set(&p->server, base_url);
    if (r == 0)
        r = text_set(&p->server_key, server->key_text);
    if (r == 0)
        r = seed_first_boot(&effective->first_boot, p);
    if (r == 0)
        r = fill_network(server, effective, p);
    if (r == 0)
        r = add_host_key(server, machine, p);
    p->phone_home_token = machine_phone_home_token(server, machine->meta.name, p->generation);
    return r == 0 && !p->phone_home_token ? -ENOMEM : r;
}

int machine_seed(const struct server *server, const struct machine *machine,
                 const struct machine_spec *effective, const char *base_url,
                 const struct trust_public *key, char **ret, struct err *err)
{
    _autoprovision_ struct provision p = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    char *text = NULL;
    size_t len = 0;
    int r = fill(server, machine, effective, base_url, &p);
    if (r < 0)
        return err_errno(err, r, "cannot prepare the first boot");
    r = provision_render(&p, &seed, err);
    if (r < 0) {
        err_wrap(err, "spec.firstBoot");
        return r;
    }
    r = seed_build(&seed, &text, &len);
    if (r == 0)
        r = trust_seal(key, text, len, ret);
    seed_text_free(text);
    return r < 0 ? err_errno(err, r, "cannot seal the seed") : 0;
}
