/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/str.h"
#include "net/exchange.h"

enum { REQUEST_SIZE = 512 };

static int open_groups(uint32_t groups, int flags, int *ret_fd)
{
    _autofd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int net_open(int *ret_fd)
{
    return open_groups(0, 0, ret_fd);
}

static int collect_link(void *data, const struct nl_message *message)
{
    struct net_link link;
    if (message->type != RTM_NEWLINK)
        return 0;
    int r = nl_parse_link(message->payload, &link);
    return r < 0 ? r : nl_items_add(data, &link);
}

static int collect_address(void *data, const struct nl_message *message)
{
    struct net_address address;
    if (message->type != RTM_NEWADDR)
        return 0;
    int r = nl_parse_address(message->payload, &address);
    if (r == -EAFNOSUPPORT)
        return 0;
    return r < 0 ? r : nl_items_add(data, &address);
}

int net_links(int fd, struct net_link **ret_links, size_t *ret_count)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    nl_begin(&w, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, &h, sizeof(h));
    struct nl_items found = {.size = sizeof(struct net_link)};
    int r = nl_exchange(fd, &w, collect_link, &found);
    if (r < 0) {
        free(found.items);
        return r;
    }
    *ret_links = found.items;
    *ret_count = found.count;
    return 0;
}

int net_addresses(int fd, struct net_address **ret_addresses, size_t *ret_count)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifaddrmsg h = {.ifa_family = AF_INET};
    nl_begin(&w, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &h, sizeof(h));
    struct nl_items found = {.size = sizeof(struct net_address)};
    int r = nl_exchange(fd, &w, collect_address, &found);
    if (r < 0) {
        free(found.items);
        return r;
    }
    *ret_addresses = found.items;
    *ret_count = found.count;
    return 0;
}

static int take_link(void *data, const struct nl_message *message)
{
    return message->type == RTM_NEWLINK ? nl_parse_link(message->payload, data) : 0;
}

static int get_link(int fd, int index, const char *name, struct net_link *ret)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    nl_begin(&w, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, &h, sizeof(h));
    if (name)
        nl_put(&w, IFLA_IFNAME, name, strlen(name) + 1);
    struct net_link link = {0};
    int r = nl_exchange(fd, &w, take_link, &link);
    if (r < 0)
        return r;
    *ret = link;
    return 0;
}

int net_link_by_index(int fd, int index, struct net_link *ret)
{
    return index > 0 ? get_link(fd, index, NULL, ret) : -ENODEV;
}

int net_link_by_name(int fd, const char *name, struct net_link *ret)
{
    if (str_empty(name) || strlen(name) >= IF_NAMESIZE)
        return -ENODEV;
    return get_link(fd, 0, name, ret);
}

int net_link_set_up(int fd, int index, bool up)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC,
                          .ifi_index = index,
                          .ifi_flags = up ? IFF_UP : 0,
                          .ifi_change = IFF_UP};
    nl_begin(&w, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, &h, sizeof(h));
    return nl_exchange(fd, &w, NULL, NULL);
}

int net_link_set_mtu(int fd, int index, uint32_t mtu)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    nl_begin(&w, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, &h, sizeof(h));
    nl_put_u32(&w, IFLA_MTU, mtu);
    return nl_exchange(fd, &w, NULL, NULL);
}

int net_link_delete(int fd, int index)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    if (index <= 0)
        return -ENODEV;
    nl_begin(&w, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, &h, sizeof(h));
    return nl_exchange(fd, &w, NULL, NULL);
}

static void begin_address(struct wr *w, uint16_t type, uint16_t flags, int ifindex,
                          struct cidr address)
{
    struct ifaddrmsg h = {
        .ifa_family = AF_INET, .ifa_prefixlen = address.prefix, .ifa_index = (unsigned)ifindex};
    nl_begin(w, type, (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags), &h, sizeof(h));
    nl_put_ipv4(w, IFA_LOCAL, address.address);
    nl_put_ipv4(w, IFA_ADDRESS, address.address);
}

int net_address_add(int fd, int ifindex, struct cidr address, uint32_t valid_seconds)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    begin_address(&w, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, address);
    if (address.prefix < 31)
        nl_put_ipv4(&w, IFA_BROADCAST, cidr_last(address));
    struct ifa_cacheinfo lifetime = {.ifa_valid = valid_seconds, .ifa_prefered = valid_seconds};
    nl_put(&w, IFA_CACHEINFO, &lifetime, sizeof(lifetime));
    return nl_exchange(fd, &w, NULL, NULL);
}

int net_address_delete(int fd, int ifindex, struct cidr address)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    begin_address(&w, RTM_DELADDR, 0, ifindex, address);
    return nl_exchange(fd, &w, NULL, NULL);
}

/* Asks twice, as ETHTOOL_GLINKSETTINGS wants: first for the size of the link mode masks. */
int net_link_speed(const char *name)
{
    enum { MASKS_SIZE = 3 * INT8_MAX * sizeof(uint32_t) }; /* the kernel counts words in an int8 */
    _autofd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    _autofree_ struct ethtool_link_settings *ask = calloc(1, sizeof(*ask) + MASKS_SIZE);
    struct ifreq request = {.ifr_data = (char *)ask};
    if (fd < 0 || !ask || str_copy(request.ifr_name, sizeof(request.ifr_name), name) < 0)
        return -1;
    ask->cmd = ETHTOOL_GLINKSETTINGS;
    if (ioctl(fd, SIOCETHTOOL, &request) < 0 || ask->link_mode_masks_nwords >= 0)
        return -1;
    ask->link_mode_masks_nwords = (int8_t)-ask->link_mode_masks_nwords;
    ask->cmd = ETHTOOL_GLINKSETTINGS;
    if (ioctl(fd, SIOCETHTOOL, &request) < 0)
        return -1;
    return ask->speed && ask->speed <= INT32_MAX ? (int)ask->speed : -1;
}
