/* SPDX-License-Identifier: Apache-2.0 */
/* One set of sockets for each interface that Networks name, opened and closed as interfaces come
 * and go. */
#include <errno.h>

#include "base/str.h"
#include "dhcp/server-private.h"
#include "net/raw.h"
#include "net/udp.h"

static void on_poll_closed(uv_handle_t *handle)
{
    struct dhcp_listener *l = handle->data;
    struct dhcp_server *s = l->server;
    l->handles--;
    if (!l->handles && l->closing)
        free(l);
    else if (!l->handles && !s->closing)
        dhcp_listeners_refresh(s); /* the interface may be back already */
    dhcp_server_released(s);
}

static void socket_close(struct dhcp_socket *socket)
{
    if (socket->fd < 0)
        return;
    (void)uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, on_poll_closed);
    (void)close(socket->fd);
    socket->fd = -1;
}

/* Takes the descriptor. on_ready NULL: not watched for now. */
static int socket_start(struct dhcp_listener *l, struct dhcp_socket *socket, int fd, uint16_t port,
                        uv_poll_cb on_ready)
{
    int r = uv_poll_init(l->server->loop, &socket->poll, fd);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    socket->fd = fd;
    socket->port = port;
    socket->poll.data = l;
    l->handles++;
    l->server->handles++;
    return on_ready ? uv_poll_start(&socket->poll, UV_READABLE, on_ready) : 0;
}

static int open_udp(struct dhcp_listener *l, struct dhcp_socket *socket, uint16_t port,
                    struct err *err)
{
    struct udp_options options = {.device = l->device[0] ? l->device : NULL,
                                  .port = port,
                                  .broadcast = true,
                                  .shared = true,
                                  .receive_buffer = 1 << 20};
    int fd = -1;
    int r = udp_open(&options, &fd, err);
    if (r < 0)
        return r;
    r = socket_start(l, socket, fd, port, dhcp_on_datagram);
    return r < 0 ? err_errno(err, r, "watch UDP port %u", port) : 0;
}

/* What only makes the service better may be missing: no probing, no rogue detection. */
static void open_raw(struct dhcp_listener *l)
{
    int fd = -1;
    if (raw_open_arp(l->ifindex, &fd) == 0)
        (void)socket_start(l, &l->arp, fd, 0, NULL);
    if (raw_open_udp(l->ifindex, DHCP_CLIENT_PORT, &fd) == 0)
        (void)socket_start(l, &l->sniffer, fd, DHCP_CLIENT_PORT, dhcp_on_sniffed);
}

static void listener_stop(struct dhcp_listener *l)
{
    socket_close(&l->dhcp);
    socket_close(&l->pxe);
    socket_close(&l->arp);
    socket_close(&l->sniffer);
    l->ifindex = 0;
}

/* -ENODEV: the interface is not there (yet). */
static int listener_start(struct dhcp_listener *l, struct err *err)
{
    if (l->handles) /* still closing from before: on the next refresh */
        return -ENODEV;
    if (l->device[0]) {
        struct net_link link;
        int r = net_link_by_name(l->server->net_fd, l->device, &link);
        if (r < 0)
            return r == -ENODEV ? r : err_errno(err, r, "find interface %s", l->device);
        l->ifindex = link.index;
        l->mac = link.mac;
    }
    int r = open_udp(l, &l->dhcp, DHCP_SERVER_PORT, err);
    if (r == 0)
        r = open_udp(l, &l->pxe, DHCP_PXE_PORT, err);
    if (r < 0) {
        listener_stop(l);
        return r;
    }
    if (l->device[0])
        open_raw(l);
    return 0;
}

static void listener_close(struct dhcp_listener *l)
{
    list_remove(&l->list);
    listener_stop(l);
    l->closing = true;
    if (!l->handles)
        free(l);
}

static struct dhcp_listener *find_device(const struct dhcp_server *s, const char *device)
{
    list_for_each (it, &s->listeners) {
        struct dhcp_listener *l = container_of(it, struct dhcp_listener, list);
        if (str_eq(l->device, device))
            return l;
    }
    return NULL;
}

struct dhcp_listener *dhcp_listener_find(const struct dhcp_server *s, int ifindex)
{
    list_for_each (it, &s->listeners) {
        struct dhcp_listener *l = container_of(it, struct dhcp_listener, list);
        if (l->ifindex == ifindex && l->device[0])
            return l;
    }
    return NULL;
}

void dhcp_listener_watch_arp(struct dhcp_listener *l, bool on)
{
    if (l->arp.fd < 0 || uv_is_active((uv_handle_t *)&l->arp.poll) == (int)on)
        return;
    if (!on) {
        (void)uv_poll_stop(&l->arp.poll);
        return;
    }
    /* what gathered while nobody listened is old, and fills the buffer */
    uint8_t buf[128];
    struct raw_info info;
    while (raw_receive(l->arp.fd, buf, sizeof(buf), &info) >= 0)
        ;
    (void)uv_poll_start(&l->arp.poll, UV_READABLE, dhcp_on_arp);
}

static int listener_add(struct dhcp_server *s, const char *device, struct err *err)
{
    struct dhcp_listener *l = calloc(1, sizeof(*l));
    if (!l)
        return err_errno(err, -ENOMEM, "serve interface %s", device);
    l->server = s;
    l->wanted = true;
    l->dhcp.fd = l->pxe.fd = l->sniffer.fd = l->arp.fd = -1;
    if (str_copy(l->device, sizeof(l->device), device) < 0) {
        free(l);
        return err_set(err, -EINVAL, "interface name too long: %s", device);
    }
    list_append(&s->listeners, &l->list);
    int r = listener_start(l, err);
    if (r < 0 && r != -ENODEV) {
        listener_close(l);
        return r;
    }
    dhcp_tell_interface(s, l, r);
    return 0;
}

/* Networks know their interface by number. */
static void number_networks(struct dhcp_server *s)
{
    for (size_t i = 0; i < s->networks.count; i++) {
        struct dhcp_network *n = &s->networks.list[i];
        const struct dhcp_listener *l = n->interface ? find_device(s, n->interface) : NULL;
        n->ifindex = l ? l->ifindex : 0;
    }
}

int dhcp_listeners_update(struct dhcp_server *s, struct err *err)
{
    list_for_each (it, &s->listeners)
        container_of(it, struct dhcp_listener, list)->wanted = false;
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->networks.count; i++) {
        const struct dhcp_network *n = &s->networks.list[i];
        if (n->mode == DHCP_MODE_OFF)
            continue;
        const char *device = n->interface ? n->interface : "";
        struct dhcp_listener *l = find_device(s, device);
        if (l)
            l->wanted = true;
        else
            r = listener_add(s, device, err);
    }
    if (r == 0) {
        list_for_each_safe (it, &s->listeners) {
            struct dhcp_listener *l = container_of(it, struct dhcp_listener, list);
            if (!l->wanted)
                listener_close(l);
        }
    }
    number_networks(s);
    return r;
}

void dhcp_listeners_close(struct dhcp_server *s)
{
    list_for_each_safe (it, &s->listeners)
        listener_close(container_of(it, struct dhcp_listener, list));
}

/* Has the interface gone, or been replaced by another of the same name? */
static void check_listener(struct dhcp_listener *l)
{
    struct net_link link;
    int r = net_link_by_name(l->server->net_fd, l->device, &link);
    if (l->ifindex && (r == -ENODEV || (r == 0 && link.index != l->ifindex))) {
        listener_stop(l);
        dhcp_tell_interface(l->server, l, -ENODEV);
        return;
    }
    if (l->ifindex || r < 0)
        return;
    r = listener_start(l, NULL);
    if (r != -ENODEV)
        dhcp_tell_interface(l->server, l, r);
}

void dhcp_listeners_refresh(struct dhcp_server *s)
{
    list_for_each (it, &s->listeners) {
        struct dhcp_listener *l = container_of(it, struct dhcp_listener, list);
        if (l->device[0])
            check_listener(l);
    }
    number_networks(s);
}
