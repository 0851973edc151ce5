/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells about links and addresses without being asked, and waiting for it. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/link.h"
#include "net/netlink.h"

enum { EVENTS_SIZE = 32768 };

int net_events_open(int *ret_fd)
{
    _autofd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static bool to_event(const struct nl_message *m, struct net_event *ret)
{
    *ret = (struct net_event){0};
    switch (m->type) {
    case RTM_NEWLINK:
        ret->kind = NET_LINK_CHANGED;
        return nl_parse_link(m->payload, &ret->link) == 0;
    case RTM_DELLINK:
        ret->kind = NET_LINK_GONE;
        return nl_parse_link(m->payload, &ret->link) == 0;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        ret->kind = NET_ADDRESS_CHANGED;
        ret->added = m->type == RTM_NEWADDR;
        return nl_parse_address(m->payload, &ret->address) == 0;
    default:
        return false;
    }
}

static void report(struct rd r, void (*on_event)(void *, const struct net_event *), void *data)
{
    struct net_event event;
    for (struct nl_message m; nl_next(&r, &m);) {
        if (to_event(&m, &event))
            on_event(data, &event);
    }
}

int net_events_read(int fd, void (*on_event)(void *data, const struct net_event *event), void *data)
{
    _autofree_ uint8_t *buf = malloc(EVENTS_SIZE);
    if (!buf)
        return -ENOMEM;
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(fd, buf, EVENTS_SIZE, 0, (struct sockaddr *)&from, &from_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0 && errno == ENOBUFS) {
            on_event(data, &(struct net_event){.kind = NET_EVENTS_LOST});
            continue;
        }
        if (n < 0)
            return -errno;
        if (from.nl_pid == 0)
            report(rd_init(buf, (size_t)n), on_event, data);
    }
}

/* How many of the links have a carrier now; a link that is gone has none. */
static int count_ready(int fd, const int *indexes, size_t count, bool *ret_ready)
{
    int ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct net_link link = {0};
        int r = net_link_by_index(fd, indexes[i], &link);
        if (r < 0 && r != -ENODEV)
            return r;
        bool has = r == 0 && link.up && link.carrier;
        ready += has;
        if (ret_ready)
            ret_ready[i] = has;
    }
    return ready;
}

static void ignore_event(void *data, const struct net_event *event)
{
    (void)data;
    (void)event;
}

int net_wait_carrier(int fd, const int *indexes, size_t count, int timeout_ms, bool *ret_ready)
{
    _autofd_ int events = -1;
    int r = net_events_open(&events); /* before looking, so that no change is missed */
    if (r < 0)
        return r;
    int64_t end = clock_now(&clock_system) + timeout_ms;
    for (;;) {
        int ready = count_ready(fd, indexes, count, ret_ready);
        if (ready < 0 || (size_t)ready == count)
            return ready < 0 ? ready : 0;
        int64_t left = end - clock_now(&clock_system);
        if (left <= 0)
            return ready ? 0 : -ETIMEDOUT;
        struct pollfd p = {.fd = events, .events = POLLIN};
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
        r = net_events_read(events, ignore_event, NULL);
        if (r < 0)
            return r;
    }
}
