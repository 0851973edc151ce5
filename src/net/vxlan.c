/* SPDX-License-Identifier: Apache-2.0 */
#include "net/vxlan.h"

#include <errno.h>
#include <linux/if_link.h>

#include "base/str.h"
#include "net/exchange.h"

enum { REQUEST_SIZE = 256 };

void nl_put_vxlan(struct wr *w, const struct net_vxlan *vxlan)
{
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    nl_begin(w, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
    nl_put(w, IFLA_IFNAME, vxlan->name, strlen(vxlan->name) + 1);
    nl_put(w, IFLA_ADDRESS, vxlan->mac.b, sizeof(vxlan->mac.b));
    nl_put_u32(w, IFLA_MTU, vxlan->mtu);
    size_t info = nl_nest(w, IFLA_LINKINFO);
    nl_put(w, IFLA_INFO_KIND, "vxlan", sizeof("vxlan"));
    size_t data = nl_nest(w, IFLA_INFO_DATA);
    const uint8_t port[2] = {(uint8_t)(vxlan->port >> 8), (uint8_t)vxlan->port}, learning = 0;
    nl_put_u32(w, IFLA_VXLAN_ID, vxlan->id);
    nl_put_ipv4(w, IFLA_VXLAN_LOCAL, vxlan->local);
    nl_put(w, IFLA_VXLAN_PORT, port, sizeof(port));
    nl_put(w, IFLA_VXLAN_LEARNING, &learning, sizeof(learning));
    nl_nest_end(w, data);
    nl_nest_end(w, info);
}

int net_vxlan_create(int fd, const struct net_vxlan *vxlan)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    nl_put_vxlan(&w, vxlan);
    return nl_exchange(fd, &w, NULL, NULL);
}

static void parse_data(struct rd r, struct net_vxlan *vxlan)
{
    for (struct nl_attr a; nl_attr_next(&r, &a);) {
        if (a.type == IFLA_VXLAN_ID)
            vxlan->id = nl_u32(a.value);
        else if (a.type == IFLA_VXLAN_LOCAL)
            vxlan->local = nl_ipv4(a.value);
        else if (a.type == IFLA_VXLAN_PORT)
            vxlan->port = rd_u16(&a.value);
        else if (a.type == IFLA_VXLAN_LEARNING)
            vxlan->learning = rd_u8(&a.value) != 0;
    }
}

int nl_parse_vxlan(struct rd payload, struct net_vxlan *ret)
{
    struct net_link link;
    int r = nl_parse_link(payload, &link);
    if (r < 0)
        return r;
    if (!str_eq(link.kind, "vxlan"))
        return -EMEDIUMTYPE;
    struct net_vxlan vxlan = {.mac = link.mac, .mtu = link.mtu};
    memcpy(vxlan.name, link.name, sizeof(vxlan.name));
    rd_skip(&payload, sizeof(struct ifinfomsg));
    for (struct nl_attr a; nl_attr_next(&payload, &a);) {
        if (a.type != IFLA_LINKINFO)
            continue;
        for (struct nl_attr info; nl_attr_next(&a.value, &info);) {
            if (info.type == IFLA_INFO_DATA)
                parse_data(info.value, &vxlan);
        }
    }
    *ret = vxlan;
    return 0;
}

struct found_vxlan {
    struct net_vxlan vxlan;
    int index;
};

static int take_vxlan(void *data, const struct nl_message *message)
{
    struct found_vxlan *found = data;
    struct net_link link;
    if (message->type != RTM_NEWLINK)
        return 0;
    int r = nl_parse_link(message->payload, &link);
    if (r < 0)
        return r;
    found->index = link.index;
    return nl_parse_vxlan(message->payload, &found->vxlan);
}

int net_vxlan_read(int fd, const char *name, struct net_vxlan *ret, int *ret_index)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    if (str_empty(name) || strlen(name) >= IF_NAMESIZE)
        return -ENODEV;
    nl_begin(&w, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &h, sizeof(h));
    nl_put(&w, IFLA_IFNAME, name, strlen(name) + 1);
    struct found_vxlan found = {0};
    int r = nl_exchange(fd, &w, take_vxlan, &found);
    if (r < 0)
        return r;
    *ret = found.vxlan;
    *ret_index = found.index;
    return 0;
}
