/* SPDX-License-Identifier: Apache-2.0 */
#include "net/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/message.h"

const struct mac mac_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static int set_filter(int fd, const struct sock_filter *code, size_t count)
{
    struct sock_fprog program = {.len = (unsigned short)count,
                                 .filter = (struct sock_filter *)(uintptr_t)code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* The filter is attached while the socket is bound to no protocol, so nothing slips in before. */
static int open_filtered(int ifindex, uint16_t ethertype, const struct sock_filter *code,
                         size_t count, int *ret_fd)
{
    _autofd_ int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
        return -errno;
    int r = set_filter(fd, code, count);
    if (r < 0)
        return r;
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ethertype), .sll_ifindex = ifindex};
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int raw_open_udp(int ifindex, uint16_t dest_port, int *ret_fd)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD + BPF_B + BPF_ABS, 9), /* protocol */
        BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD + BPF_H + BPF_ABS, 6), /* more fragments, or an offset */
        BPF_JUMP(BPF_JMP + BPF_JSET + BPF_K, 0x3fff, 4, 0),
        BPF_STMT(BPF_LDX + BPF_B + BPF_MSH, 0), /* length of the IPv4 header */
        BPF_STMT(BPF_LD + BPF_H + BPF_IND, 2),  /* UDP destination port */
        BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, dest_port, 0, 1),
        BPF_STMT(BPF_RET + BPF_K, 0x40000),
        BPF_STMT(BPF_RET + BPF_K, 0),
    };
    return open_filtered(ifindex, ETH_P_IP, code, ARRAY_SIZE(code), ret_fd);
}

int raw_open_arp(int ifindex, int *ret_fd)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD + BPF_W + BPF_ABS, 0), /* Ethernet, IPv4 */
        BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, 0x00010800, 0, 1),
        BPF_STMT(BPF_RET + BPF_K, 0x40000),
        BPF_STMT(BPF_RET + BPF_K, 0),
    };
    return open_filtered(ifindex, ETH_P_ARP, code, ARRAY_SIZE(code), ret_fd);
}

int raw_open_send(int *ret_fd)
{
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static bool read_checksum_pending(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        struct tpacket_auxdata aux;
        memcpy(&aux, CMSG_DATA(c), sizeof(aux));
        return aux.tp_status & TP_STATUS_CSUMNOTREADY;
    }
    return false;
}

ssize_t raw_receive(int fd, void *buf, size_t size, struct raw_info *ret)
{
    struct sockaddr_ll from = {0};
    struct iovec io = {.iov_base = buf, .iov_len = size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control = {0};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n = message_receive(fd, &message);
    if (n < 0)
        return n;
    *ret = (struct raw_info){.ifindex = from.sll_ifindex,
                             .outgoing = from.sll_pkttype == PACKET_OUTGOING,
                             .checksum_pending = read_checksum_pending(&message),
                             .truncated = message.msg_flags & MSG_TRUNC};
    if (from.sll_halen == sizeof(ret->source.b))
        memcpy(ret->source.b, from.sll_addr, sizeof(ret->source.b));
    return n;
}

static int raw_send(int fd, int ifindex, uint16_t ethertype, struct mac dest, const void *data,
                    size_t len)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ethertype),
                             .sll_ifindex = ifindex,
                             .sll_halen = sizeof(dest.b)};
    memcpy(to.sll_addr, dest.b, sizeof(dest.b));
    struct iovec io = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    const struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1};
    return message_send(fd, &message);
}

int raw_send_ip(int fd, int ifindex, struct mac dest, const void *data, size_t len)
{
    return raw_send(fd, ifindex, ETH_P_IP, dest, data, len);
}

int raw_send_arp(int fd, int ifindex, struct mac dest, const void *data, size_t len)
{
    return raw_send(fd, ifindex, ETH_P_ARP, dest, data, len);
}
