/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* Skips up to n bytes of padding; the last item of a datagram may come without it. */
static void skip_padding(struct rd *r, size_t n)
{
    rd_skip(r, n < rd_left(r) ? n : rd_left(r));
}

bool nl_next(struct rd *r, struct nl_message *ret)
{
    if (rd_left(r) == 0)
        return false;
    struct nlmsghdr h;
    rd_copy(r, &h, sizeof(h));
    if (h.nlmsg_len < sizeof(h))
        r->bad = true;
    struct rd payload = rd_sub(r, h.nlmsg_len - sizeof(h));
    if (!rd_ok(r))
        return false;
    skip_padding(r, padded(h.nlmsg_len) - h.nlmsg_len);
    *ret = (struct nl_message){
        .type = h.nlmsg_type, .flags = h.nlmsg_flags, .seq = h.nlmsg_seq, .payload = payload};
    return true;
}

bool nl_attr_next(struct rd *r, struct nl_attr *ret)
{
    if (rd_left(r) == 0)
        return false;
    struct rtattr h;
    rd_copy(r, &h, sizeof(h));
    if (h.rta_len < sizeof(h))
        r->bad = true;
    struct rd value = rd_sub(r, h.rta_len - sizeof(h));
    if (!rd_ok(r))
        return false;
    skip_padding(r, padded(h.rta_len) - h.rta_len);
    *ret = (struct nl_attr){.type = h.rta_type & (uint16_t)NLA_TYPE_MASK, .value = value};
    return true;
}

uint32_t nl_u32(struct rd r)
{
    uint32_t v;
    rd_copy(&r, &v, sizeof(v));
    return v;
}

ipv4 nl_ipv4(struct rd r)
{
    return rd_u32(&r);
}

int nl_error(struct rd payload)
{
    int32_t code;
    rd_copy(&payload, &code, sizeof(code));
    if (!rd_ok(&payload) || code > 0 || code < -4095)
        return -EBADMSG;
    return code;
}

static void copy_text(char *dst, size_t size, struct rd value)
{
    const char *text = rd_cstr(&value);
    if (text && strlen(text) < size)
        memcpy(dst, text, strlen(text) + 1);
}

static void parse_link_info(struct rd r, struct net_link *link)
{
    for (struct nl_attr a; nl_attr_next(&r, &a);) {
        if (a.type == IFLA_INFO_KIND)
            copy_text(link->kind, sizeof(link->kind), a.value);
    }
}

static void parse_link_attr(const struct nl_attr *a, struct net_link *link)
{
    struct rd value = a->value;
    switch (a->type) {
    case IFLA_IFNAME:
        copy_text(link->name, sizeof(link->name), value);
        break;
    case IFLA_ADDRESS:
        if (rd_left(&value) == sizeof(link->mac.b))
            rd_copy(&value, link->mac.b, sizeof(link->mac.b));
        break;
    case IFLA_MTU:
        link->mtu = nl_u32(value);
        break;
    case IFLA_MASTER:
        link->master = (int)nl_u32(value);
        break;
    case IFLA_CARRIER:
        link->carrier = rd_u8(&value) == 1;
        break;
    case IFLA_LINKINFO:
        parse_link_info(value, link);
        break;
    default:
        break;
    }
}

int nl_parse_link(struct rd payload, struct net_link *ret)
{
    struct ifinfomsg h;
    rd_copy(&payload, &h, sizeof(h));
    struct net_link link = {.index = h.ifi_index,
                            .type = h.ifi_type,
                            .up = h.ifi_flags & IFF_UP,
                            .loopback = h.ifi_flags & IFF_LOOPBACK};
    for (struct nl_attr a; nl_attr_next(&payload, &a);)
        parse_link_attr(&a, &link);
    if (!rd_ok(&payload) || link.index <= 0)
        return -EBADMSG;
    *ret = link;
    return 0;
}

int nl_parse_address(struct rd payload, struct net_address *ret)
{
    struct ifaddrmsg h;
    rd_copy(&payload, &h, sizeof(h));
    if (rd_ok(&payload) && h.ifa_family != AF_INET)
        return -EAFNOSUPPORT;
    struct net_address address = {.ifindex = (int)h.ifa_index, .address.prefix = h.ifa_prefixlen};
    for (struct nl_attr a; nl_attr_next(&payload, &a);) {
        /* on point-to-point links IFA_ADDRESS is the peer's and IFA_LOCAL ours */
        if (a.type == IFA_LOCAL || (a.type == IFA_ADDRESS && !address.address.address))
            address.address.address = nl_ipv4(a.value);
    }
    if (!rd_ok(&payload) || address.address.prefix > 32)
        return -EBADMSG;
    *ret = address;
    return 0;
}

void nl_begin(struct wr *w, uint16_t type, uint16_t flags, const void *header, size_t len)
{
    struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = flags};
    wr_bytes(w, &h, sizeof(h));
    wr_bytes(w, header, len);
    wr_zero(w, padded(len) - len);
}

void nl_put(struct wr *w, uint16_t type, const void *value, size_t len)
{
    struct rtattr h = {.rta_len = (uint16_t)(sizeof(h) + len), .rta_type = type};
    wr_bytes(w, &h, sizeof(h));
    wr_bytes(w, value, len);
    wr_zero(w, padded(len) - len);
}

void nl_put_u32(struct wr *w, uint16_t type, uint32_t value)
{
    nl_put(w, type, &value, sizeof(value));
}

void nl_put_ipv4(struct wr *w, uint16_t type, ipv4 value)
{
    uint8_t bytes[4];
    struct wr b = wr_init(bytes, sizeof(bytes));
    wr_u32(&b, value);
    nl_put(w, type, bytes, sizeof(bytes));
}

size_t nl_nest(struct wr *w, uint16_t type)
{
    size_t start = w->pos;
    nl_put(w, type | NLA_F_NESTED, NULL, 0);
    return start;
}

void nl_nest_end(struct wr *w, size_t start)
{
    if (!wr_ok(w))
        return;
    struct rd r = rd_init(w->buf + start, w->pos - start);
    struct rtattr h;
    rd_copy(&r, &h, sizeof(h));
    h.rta_len = (uint16_t)(w->pos - start);
    struct wr at = wr_init(w->buf + start, sizeof(h));
    wr_bytes(&at, &h, sizeof(h));
}

void nl_finish(struct wr *w, uint32_t seq)
{
    struct nlmsghdr h;
    struct rd r = rd_init(w->buf, w->pos);
    rd_copy(&r, &h, sizeof(h));
    h.nlmsg_len = (uint32_t)w->pos;
    h.nlmsg_seq = seq;
    struct wr start = wr_init(w->buf, w->pos);
    wr_bytes(&start, &h, sizeof(h));
}
