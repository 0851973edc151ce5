/* SPDX-License-Identifier: Apache-2.0 */
#include "net/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { REPLY_SIZE = 32768 };

/* One datagram from the kernel; others may not speak here. */
static ssize_t receive(int fd, void *buf, size_t size, int flags)
{
    for (;;) {
        struct sockaddr_nl from = {0};
        struct iovec io = {.iov_base = buf, .iov_len = size};
        struct msghdr message = {
            .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &io, .msg_iovlen = 1};
        ssize_t n = recvmsg(fd, &message, flags);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        if (message.msg_flags & MSG_TRUNC)
            return -EMSGSIZE;
        if (from.nl_pid == 0)
            return n;
    }
}

/* 1 when the exchange is over. */
static int read_reply(struct rd r, uint32_t seq, nl_on_message *each, void *data)
{
    for (struct nl_message m; nl_next(&r, &m);) {
        if (m.seq != seq)
            continue;
        if (m.type == NLMSG_DONE)
            return 1;
        if (m.type == NLMSG_ERROR) {
            int code = nl_error(m.payload);
            return code < 0 ? code : 1;
        }
        int result = each ? each(data, &m) : 0;
        if (result < 0)
            return result;
    }
    return rd_ok(&r) ? 0 : -EBADMSG;
}

static uint32_t next_sequence(const struct wr *request)
{
    /* Answers to an exchange that was given up must not be taken for ours: the number differs. */
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)t.tv_nsec ^ (uint32_t)(t.tv_sec << 20) ^ (uint32_t)request->pos;
}

int nl_exchange(int fd, struct wr *request, nl_on_message *each, void *data)
{
    uint32_t seq = next_sequence(request);
    nl_finish(request, seq);
    if (!wr_ok(request))
        return -EMSGSIZE;
    if (send(fd, request->buf, request->pos, 0) < 0)
        return -errno;
    _autofree_ uint8_t *reply = malloc(REPLY_SIZE);
    if (!reply)
        return -ENOMEM;
    for (;;) {
        ssize_t n = receive(fd, reply, REPLY_SIZE, 0);
        if (n < 0)
            return (int)n;
        int r = read_reply(rd_init(reply, (size_t)n), seq, each, data);
        if (r)
            return r > 0 ? 0 : r;
    }
}

int nl_items_add(struct nl_items *l, const void *item)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        void *grown = reallocarray(l->items, room, l->size);
        if (!grown)
            return -ENOMEM;
        l->items = grown;
        l->room = room;
    }
    memcpy((char *)l->items + l->count++ * l->size, item, l->size);
    return 0;
}
