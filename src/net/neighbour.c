/* SPDX-License-Identifier: Apache-2.0 */
#include "net/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/exchange.h"

enum { REQUEST_SIZE = 128 };

void nl_put_neighbour(struct wr *w, uint16_t type, uint16_t flags, enum net_neighbour_table table,
                      const struct net_neighbour *entry)
{
    struct ndmsg h = {
        .ndm_family = table == NET_FDB ? AF_BRIDGE : AF_INET,
        .ndm_ifindex = entry->ifindex,
        .ndm_state = NUD_PERMANENT,
        .ndm_flags = table == NET_FDB ? NTF_SELF : 0,
    };
    nl_begin(w, type, (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags), &h, sizeof(h));
    nl_put_ipv4(w, NDA_DST, entry->address);
    nl_put(w, NDA_LLADDR, entry->mac.b, sizeof(entry->mac.b));
}

int net_neighbour_set(int fd, enum net_neighbour_table table, const struct net_neighbour *entry)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    nl_put_neighbour(&w, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, table, entry);
    return nl_exchange(fd, &w, NULL, NULL);
}

int net_neighbour_delete(int fd, enum net_neighbour_table table, const struct net_neighbour *entry)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    nl_put_neighbour(&w, RTM_DELNEIGH, 0, table, entry);
    return nl_exchange(fd, &w, NULL, NULL);
}

int nl_parse_neighbour(struct rd payload, enum net_neighbour_table table, struct net_neighbour *ret)
{
    struct ndmsg h;
    rd_copy(&payload, &h, sizeof(h));
    if (rd_ok(&payload) && h.ndm_family != (table == NET_FDB ? AF_BRIDGE : AF_INET))
        return -EAFNOSUPPORT;
    struct net_neighbour entry = {.ifindex = h.ndm_ifindex};
    for (struct nl_attr a; nl_attr_next(&payload, &a);) {
        struct rd value = a.value;
        if (a.type == NDA_DST && rd_left(&value) == sizeof(ipv4))
            entry.address = nl_ipv4(value);
        else if (a.type == NDA_LLADDR && rd_left(&value) == sizeof(entry.mac.b))
            rd_copy(&value, entry.mac.b, sizeof(entry.mac.b));
    }
    if (!rd_ok(&payload))
        return -EBADMSG;
    /* what the kernel finds out by itself has another state, an FDB's own entry no other end */
    if (!(h.ndm_state & NUD_PERMANENT) || !entry.address)
        return -ENOENT;
    *ret = entry;
    return 0;
}

struct found_neighbours {
    struct nl_items list;
    enum net_neighbour_table table;
    int ifindex;
};

static int collect_neighbour(void *data, const struct nl_message *message)
{
    struct found_neighbours *found = data;
    struct net_neighbour entry;
    if (message->type != RTM_NEWNEIGH)
        return 0;
    int r = nl_parse_neighbour(message->payload, found->table, &entry);
    if (r == -EAFNOSUPPORT || r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    return entry.ifindex == found->ifindex ? nl_items_add(&found->list, &entry) : 0;
}

int net_neighbours(int fd, enum net_neighbour_table table, int ifindex,
                   struct net_neighbour **ret_entries, size_t *ret_count)
{
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct ndmsg h = {.ndm_family = table == NET_FDB ? AF_BRIDGE : AF_INET};
    nl_begin(&w, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, &h, sizeof(h));
    struct found_neighbours found = {
        .list.size = sizeof(struct net_neighbour), .table = table, .ifindex = ifindex};
    int r = nl_exchange(fd, &w, collect_neighbour, &found);
    if (r < 0) {
        free(found.list.items);
        return r;
    }
    *ret_entries = found.list.items;
    *ret_count = found.list.count;
    return 0;
}
