/* SPDX-License-Identifier: Apache-2.0 */
#include "net/packet.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/rd.h"
#include "base/wr.h"

enum { IP_HEADER = 20, UDP_HEADER = 8, IP_MORE_FRAGMENTS = 0x2000, IP_OFFSET_MASK = 0x1fff };

uint32_t inet_sum(const void *data, size_t len, uint32_t partial)
{
    struct rd r = rd_init(data, len);
    uint64_t sum = partial;
    while (rd_left(&r) >= 2)
        sum += rd_u16(&r);
    if (rd_left(&r) == 1)
        sum += (uint32_t)rd_u8(&r) << 8;
    while (sum >> 32)
        sum = (sum & 0xffffffffu) + (sum >> 32);
    return (uint32_t)sum;
}

uint16_t inet_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The sum over RFC 768's pseudo header. */
static uint32_t pseudo_sum(ipv4 source, ipv4 dest, size_t udp_len)
{
    uint8_t pseudo[12];
    struct wr w = wr_init(pseudo, sizeof(pseudo));
    wr_u32(&w, source);
    wr_u32(&w, dest);
    wr_u16(&w, IPPROTO_UDP);
    wr_u16(&w, (uint16_t)udp_len);
    return inet_sum(pseudo, w.pos, 0);
}

/* Reads the IPv4 header; *ret_len is the length of what it carries. */
static int parse_ip(struct rd *r, struct udp_packet *ret, size_t *ret_len)
{
    size_t start = r->pos;
    uint8_t version_length = rd_u8(r);
    size_t header = (size_t)(version_length & 15) * 4;
    rd_skip(r, 1);
    size_t total = rd_u16(r);
    rd_skip(r, 2);
    uint16_t fragment = rd_u16(r);
    rd_skip(r, 1);
    uint8_t protocol = rd_u8(r);
    rd_skip(r, 2);
    ret->source = rd_u32(r);
    ret->dest = rd_u32(r);
    if (!rd_ok(r) || version_length >> 4 != 4 || header < IP_HEADER || total < header)
        return -EBADMSG;
    if (protocol != IPPROTO_UDP || fragment & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
        return -EBADMSG;
    rd_seek(r, start);
    const uint8_t *bytes = rd_take(r, header);
    if (!bytes || inet_fold(inet_sum(bytes, header, 0)) != 0)
        return -EBADMSG;
    *ret_len = total - header;
    return 0;
}

static bool udp_checksum_ok(const struct udp_packet *p, struct rd datagram)
{
    const uint8_t *bytes = rd_take(&datagram, datagram.len);
    uint32_t sum = pseudo_sum(p->source, p->dest, datagram.len);
    return bytes && inet_fold(inet_sum(bytes, datagram.len, sum)) == 0;
}

int udp_packet_parse(const void *data, size_t len, bool checksum_pending, struct udp_packet *ret)
{
    struct rd r = rd_init(data, len);
    struct udp_packet p = {0};
    size_t carried = 0;
    if (parse_ip(&r, &p, &carried) < 0)
        return -EBADMSG;
    struct rd ip = rd_sub(&r, carried);
    struct rd peek = ip;
    p.source_port = rd_u16(&peek);
    p.dest_port = rd_u16(&peek);
    size_t udp_len = rd_u16(&peek);
    uint16_t checksum = rd_u16(&peek);
    struct rd datagram = rd_sub(&ip, udp_len);
    if (!rd_ok(&peek) || !rd_ok(&datagram) || udp_len < UDP_HEADER)
        return -EBADMSG;
    if (!checksum_pending && checksum && !udp_checksum_ok(&p, datagram))
        return -EBADMSG;
    rd_skip(&datagram, UDP_HEADER);
    p.len = rd_left(&datagram);
    p.payload = rd_take(&datagram, p.len);
    *ret = p;
    return 0;
}

static void build_ip(struct wr *w, const struct udp_packet *p, size_t total)
{
    uint8_t header[IP_HEADER];
    struct wr h = wr_init(header, sizeof(header));
    wr_u8(&h, 0x45);
    wr_u8(&h, 0);
    wr_u16(&h, (uint16_t)total);
    wr_u16(&h, 0);
    wr_u16(&h, 0x4000); /* do not fragment: then no identification is needed, RFC 6864 */
    wr_u8(&h, 64);
    wr_u8(&h, IPPROTO_UDP);
    wr_u16(&h, 0);
    wr_u32(&h, p->source);
    wr_u32(&h, p->dest);
    uint16_t checksum = inet_fold(inet_sum(header, sizeof(header), 0));
    wr_bytes(w, header, 10);
    wr_u16(w, checksum);
    wr_bytes(w, header + 12, 8);
}

int udp_packet_build(const struct udp_packet *p, void *dst, size_t size, size_t *ret_len)
{
    size_t udp_len = UDP_HEADER + p->len;
    if (p->len > UINT16_MAX - UDP_HEADERS_SIZE)
        return -EMSGSIZE;
    uint8_t header[UDP_HEADER];
    struct wr h = wr_init(header, sizeof(header));
    wr_u16(&h, p->source_port);
    wr_u16(&h, p->dest_port);
    wr_u16(&h, (uint16_t)udp_len);
    wr_u16(&h, 0);
    uint32_t sum = pseudo_sum(p->source, p->dest, udp_len);
    sum = inet_sum(header, sizeof(header), sum);
    uint16_t checksum = inet_fold(inet_sum(p->payload, p->len, sum));

    struct wr w = wr_init(dst, size);
    build_ip(&w, p, IP_HEADER + udp_len);
    wr_bytes(&w, header, 6);
    wr_u16(&w, checksum ? checksum : 0xffff); /* 0 on the wire means "none" */
    wr_bytes(&w, p->payload, p->len);
    if (!wr_ok(&w))
        return -EMSGSIZE;
    *ret_len = w.pos;
    return 0;
}

int arp_packet_parse(const void *data, size_t len, struct arp_packet *ret)
{
    struct rd r = rd_init(data, len);
    struct arp_packet p = {0};
    uint16_t hardware = rd_u16(&r), protocol = rd_u16(&r), lengths = rd_u16(&r);
    p.op = rd_u16(&r);
    rd_copy(&r, p.sender_mac.b, sizeof(p.sender_mac.b));
    p.sender = rd_u32(&r);
    rd_copy(&r, p.target_mac.b, sizeof(p.target_mac.b));
    p.target = rd_u32(&r);
    if (!rd_ok(&r) || hardware != 1 || protocol != 0x0800 || lengths != 0x0604)
        return -EBADMSG;
    *ret = p;
    return 0;
}

void arp_packet_build(const struct arp_packet *p, uint8_t dst[static ARP_PACKET_SIZE])
{
    struct wr w = wr_init(dst, ARP_PACKET_SIZE);
    wr_u16(&w, 1);
    wr_u16(&w, 0x0800);
    wr_u16(&w, 0x0604);
    wr_u16(&w, p->op);
    wr_bytes(&w, p->sender_mac.b, sizeof(p->sender_mac.b));
    wr_u32(&w, p->sender);
    wr_bytes(&w, p->target_mac.b, sizeof(p->target_mac.b));
    wr_u32(&w, p->target);
}
