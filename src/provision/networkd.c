/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/networkd.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static bool mac_is_set(struct mac mac)
{
    static const struct mac none;
    return !mac_eq(mac, none);
}

void networkd_files_free(struct networkd_files *files)
{
    for (size_t i = 0; i < files->list.count; i++)
        free(files->list.items[i].text);
    free(files->list.items);
    *files = (struct networkd_files){0};
}

/* Takes the text out of `text`, which is empty afterwards. */
static int add_file(struct networkd_files *files, const char *name, struct buf *text)
{
    char *stolen = buf_steal(text);
    struct networkd_file *file = stolen ? items_add(&files->list, sizeof(*file)) : NULL;
    if (!file) {
        free(stolen);
        return -ENOMEM;
    }
    file->text = stolen;
    return str_copy(file->name, sizeof(file->name), name) < 0 ? -ENOMEM : 0;
}

static void add_lines(struct buf *out, const char *key, const struct texts *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s=%s\n", key, list->items[i]);
}

static const char *dhcp_word(const struct provision_link *link)
{
    if (link->dhcp4)
        return link->dhcp6 ? "yes" : "ipv4";
    return link->dhcp6 ? "ipv6" : "no";
}

/* VLANs are named in the .network file of what they stand on. */
static void add_vlans(struct buf *out, const struct provision *p, struct mac mac, const char *name)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *vlan = &p->links.items[i];
        if (vlan->kind != PROVISION_VLAN)
            continue;
        if (name ? str_eq(vlan->parent, name) : !vlan->parent && mac_eq(vlan->mac, mac))
            buf_printf(out, "VLAN=%s\n", vlan->name);
    }
}

static void add_network_section(struct buf *out, const struct provision *p,
                                const struct provision_link *link)
{
    buf_printf(out, "\n[Network]\nDHCP=%s\n", dhcp_word(link));
    add_lines(out, "Address", &link->addresses);
    add_lines(out, "Gateway", &link->gateways);
    add_lines(out, "DNS", &link->dns);
    add_lines(out, "NTP", &p->ntp);
    if (link->search.count) {
        buf_adds(out, "Domains=");
        for (size_t i = 0; i < link->search.count; i++)
            buf_printf(out, "%s%s", i ? " " : "", link->search.items[i]);
        buf_adds(out, "\n");
    }
    /* What has only static addresses takes no others from whoever sends advertisements. */
    if (!link->dhcp4 && !link->dhcp6)
        buf_adds(out, "IPv6AcceptRA=no\n");
    add_vlans(out, p, link->mac, link->name);
}

static void add_rest(struct buf *out, const struct provision_link *link)
{
    for (size_t i = 0; i < link->routes.count; i++)
        buf_printf(out, "\n[Route]\nDestination=%s\nGateway=%s\n", link->routes.items[i].to,
                   link->routes.items[i].via);
    /* The server knows machines by their MAC address, not by systemd's DUID. */
    if (link->dhcp4)
        buf_adds(out, "\n[DHCPv4]\nClientIdentifier=mac\n");
}

static void add_link_section(struct buf *out, const struct provision_link *link)
{
    if (!link->mtu && !link->optional)
        return;
    buf_adds(out, "\n[Link]\n");
    if (link->mtu)
        buf_printf(out, "MTUBytes=%u\n", link->mtu);
    if (link->optional)
        buf_adds(out, "RequiredForOnline=no\n");
}

/* The bond that has this ethernet, or NULL. */
static const struct provision_link *bond_of(const struct provision *p, struct mac mac)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *link = &p->links.items[i];
        for (size_t k = 0; k < link->members.count; k++) {
            if (mac_eq(link->members.items[k], mac))
                return link;
        }
    }
    return NULL;
}

static void add_match_mac(struct buf *out, struct mac mac)
{
    char text[MAC_TEXT_SIZE];
    buf_printf(out, "[Match]\nPermanentMACAddress=%s\nType=ether\n", mac_text(mac, text));
}

static int add_network(struct networkd_files *files, const struct provision *p, size_t index)
{
    const struct provision_link *link = &p->links.items[index];
    _autobuf_ struct buf out = BUF_INIT;
    char name[48];
    (void)snprintf(name, sizeof(name), "10-slipway-%zu.network", index);
    if (link->kind == PROVISION_ETHERNET)
        add_match_mac(&out, link->mac);
    else
        buf_printf(&out, "[Match]\nName=%s\n", link->name);
    add_link_section(&out, link);
    add_network_section(&out, p, link);
    add_rest(&out, link);
    return add_file(files, name, &out);
}

static int add_netdev(struct networkd_files *files, const struct provision *p, size_t index)
{
    const struct provision_link *link = &p->links.items[index];
    _autobuf_ struct buf out = BUF_INIT;
    char name[48], mac[MAC_TEXT_SIZE];
    if (link->kind == PROVISION_ETHERNET)
        return 0;
    bool bond = link->kind == PROVISION_BOND;
    (void)snprintf(name, sizeof(name), "10-slipway-%zu.netdev", index);
    buf_printf(&out, "[NetDev]\nName=%s\nKind=%s\n", link->name, bond ? "bond" : "vlan");
    if (bond && mac_is_set(link->mac))
        buf_printf(&out, "MACAddress=%s\n", mac_text(link->mac, mac));
    if (bond)
        buf_printf(&out, "\n[Bond]\nMode=%s\nMIIMonitorSec=100ms\n",
                   link->bond_mode ? link->bond_mode : "active-backup");
    else
        buf_printf(&out, "\n[VLAN]\nId=%u\n", link->vlan_id);
    return add_file(files, name, &out);
}

/* Members of a bond get a file that names it; it comes before any other file of that ethernet. */
static int add_members(struct networkd_files *files, const struct provision_link *bond,
                       size_t index)
{
    for (size_t k = 0; k < bond->members.count; k++) {
        _autobuf_ struct buf out = BUF_INIT;
        char name[48];
        (void)snprintf(name, sizeof(name), "10-slipway-%zu-member-%zu.network", index, k);
        add_match_mac(&out, bond->members.items[k]);
        buf_printf(&out, "\n[Network]\nBond=%s\n", bond->name);
        int r = add_file(files, name, &out);
        if (r < 0)
            return r;
    }
    return 0;
}

/* An ethernet that only carries VLANs and has no link of its own. */
static int add_carrier(struct networkd_files *files, const struct provision *p, size_t index)
{
    const struct provision_link *vlan = &p->links.items[index];
    if (vlan->kind != PROVISION_VLAN || vlan->parent)
        return 0;
    for (size_t i = 0; i < p->links.count; i++) {
        const struct provision_link *other = &p->links.items[i];
        bool same =
            other->kind != PROVISION_BOND && !other->parent && mac_eq(other->mac, vlan->mac);
        if (same && (other->kind == PROVISION_ETHERNET || i < index))
            return 0;
    }
    _autobuf_ struct buf out = BUF_INIT;
    char name[48];
    (void)snprintf(name, sizeof(name), "10-slipway-%zu-carrier.network", index);
    add_match_mac(&out, vlan->mac);
    buf_adds(&out, "\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n");
    add_vlans(&out, p, vlan->mac, NULL);
    return add_file(files, name, &out);
}

static int add_default(struct networkd_files *files, const struct provision *p)
{
    _autobuf_ struct buf out = BUF_INIT;
    buf_adds(&out, "[Match]\nType=ether\nKind=!*\n");
    buf_adds(&out, "\n[Network]\nDHCP=yes\n");
    add_lines(&out, "NTP", &p->ntp);
    buf_adds(&out, "\n[DHCPv4]\nClientIdentifier=mac\n");
    return add_file(files, "90-slipway-default.network", &out);
}

static int add_link(struct networkd_files *files, const struct provision *p, size_t index)
{
    const struct provision_link *link = &p->links.items[index];
    /* What is in a bond has no addresses of its own. */
    if (link->kind == PROVISION_ETHERNET && bond_of(p, link->mac))
        return 0;
    int r = add_netdev(files, p, index);
    if (r == 0)
        r = add_members(files, link, index);
    if (r == 0)
        r = add_carrier(files, p, index);
    return r == 0 ? add_network(files, p, index) : r;
}

int networkd_render(const struct provision *p, struct networkd_files *ret)
{
    _autonetworkd_ struct networkd_files files = {0};
    int r = p->links.count ? 0 : add_default(&files, p);
    for (size_t i = 0; r == 0 && i < p->links.count; i++)
        r = add_link(&files, p, i);
    if (r < 0)
        return r;
    *ret = files;
    files = (struct networkd_files){0};
    return 0;
}
