/* SPDX-License-Identifier: Apache-2.0 */
#include "net/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/message.h"

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static struct sockaddr_in socket_address(ipv4 address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int set_options(int fd, const struct udp_options *o, struct err *err)
{
    int r = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (r == 0 && o->broadcast)
        r = set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
    if (r == 0 && o->shared)
        r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r < 0)
        return err_errno(err, r, "set UDP socket options");
    if (o->receive_buffer) /* a wish: the kernel's limit may be lower */
        (void)set_int(fd, SOL_SOCKET, SO_RCVBUF, o->receive_buffer);
    if (o->device &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device, (socklen_t)strlen(o->device)) < 0)
        return err_errno(err, -errno, "bind UDP socket to interface %s", o->device);
    return 0;
}

int udp_open(const struct udp_options *options, int *ret_fd, struct err *err)
{
    _autofd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, -errno, "open UDP socket");
    int r = set_options(fd, options, err);
    if (r < 0)
        return r;
    struct sockaddr_in address = socket_address(options->address, options->port);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        char text[IPV4_TEXT_SIZE];
        return err_errno(err, -errno, "bind UDP %s port %u", ipv4_text(options->address, text),
                         options->port);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static void read_pktinfo(struct msghdr *message, struct udp_info *info)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
            continue;
        struct in_pktinfo p;
        memcpy(&p, CMSG_DATA(c), sizeof(p));
        info->ifindex = p.ipi_ifindex;
        info->dest = ntohl(p.ipi_addr.s_addr);
        info->local = ntohl(p.ipi_spec_dst.s_addr);
    }
}

ssize_t udp_receive(int fd, void *buf, size_t size, struct udp_info *ret)
{
    struct sockaddr_in from = {0};
    struct iovec io = {.iov_base = buf, .iov_len = size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
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
    *ret = (struct udp_info){.source = ntohl(from.sin_addr.s_addr),
                             .source_port = ntohs(from.sin_port),
                             .truncated = message.msg_flags & MSG_TRUNC};
    read_pktinfo(&message, ret);
    return n;
}

int udp_send(int fd, const void *data, size_t len, ipv4 dest, uint16_t port, ipv4 source,
             int ifindex)
{
    struct sockaddr_in to = socket_address(dest, port);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = {0};
    struct iovec io = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1};
    if (source || ifindex) {
        struct in_pktinfo p = {.ipi_ifindex = ifindex, .ipi_spec_dst.s_addr = htonl(source)};
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(p));
        memcpy(CMSG_DATA(c), &p, sizeof(p));
    }
    return message_send(fd, &message);
}

uint16_t udp_port(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    return ntohs(address.sin_port);
}
