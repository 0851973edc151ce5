/* SPDX-License-Identifier: Apache-2.0 */
/* Making listening sockets. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/str.h"
#include "http/private.h"

enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 15, KEEPALIVE_PROBES = 4 };

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Accepted sockets inherit these: a client that vanished without a word is noticed. */
static int set_options(int fd, int family, const struct http_listen *o, struct err *err)
{
    int r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && family == AF_INET6)
        r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (r == 0 && o->freebind)
        r = family == AF_INET6 ? set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)
                               : set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
    if (r == 0)
        r = set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (r < 0)
        return err_errno(err, r, "socket options");
    (void)set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    (void)set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    (void)set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    (void)set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    if (o->link &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->link, (socklen_t)strlen(o->link)) < 0)
        return err_errno(err, -errno, "bind to interface %s", o->link);
    return 0;
}

static int parse_address(const struct http_listen *o, struct sockaddr_storage *ret,
                         socklen_t *ret_len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, o->address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(o->port);
        *ret_len = sizeof(*in);
        return 0;
    }
    if (inet_pton(AF_INET6, o->address, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(o->port);
        *ret_len = sizeof(*in6);
        return 0;
    }
    return -EINVAL;
}

static int open_tcp(const struct http_listen *o, int *ret_fd, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (!o->address || parse_address(o, &address, &len) < 0)
        return err_set(err, -EINVAL, "not an IP address: \"%s\"", o->address ? o->address : "");
    _autofd_ int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, -errno, "socket");
    int r = set_options(fd, address.ss_family, o, err);
    if (r < 0)
        return r;
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0)
        return err_errno(err, -errno, "listen on %s port %u", o->address, o->port);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* Removes a socket that nobody listens on any more. */
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    _autofd_ int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return -errno;
    if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int open_unix(const struct http_listen *o, int *ret_fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!o->address || str_copy(address.sun_path, sizeof(address.sun_path), o->address) < 0)
        return err_set(err, -EINVAL, "socket path is longer than %zu bytes: %s",
                       sizeof(address.sun_path) - 1, o->address ? o->address : "(none)");
    int r = remove_stale(&address);
    if (r < 0)
        return err_errno(err, r, "%s", o->address);
    _autofd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, -errno, "socket");
    /* Nobody can connect between bind and listen, so the mode is right from the first moment. */
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(address.sun_path, o->mode ? o->mode : 0600) < 0 || listen(fd, SOMAXCONN) < 0)
        return err_errno(err, -errno, "listen on %s", o->address);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof(a);
    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return 0;
    if (a.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&a)->sin_port);
    return a.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port) : 0;
}

static int open_socket(const struct http_listen *o, int *ret_fd, struct err *err)
{
    if (o->fd < 0)
        return o->transport == HTTP_UNIX ? open_unix(o, ret_fd, err) : open_tcp(o, ret_fd, err);
    *ret_fd = o->fd;
    int r = fd_nonblock(o->fd, true);
    return r < 0 ? err_errno(err, r, "inherited socket") : 0;
}

static void listener_free(struct http_listener *l)
{
    http_worker_stop(&l->tls);
    if (l->fd >= 0)
        (void)close(l->fd);
    if (l->unlink_path)
        (void)unlink(l->unlink_path);
    free(l->unlink_path);
    free(l);
}

static int listener_start(struct http_listener *l, const struct http_listen *o, struct err *err)
{
    int r = open_socket(o, &l->fd, err);
    if (r < 0)
        return r;
    if (l->transport == HTTP_UNIX && o->fd < 0) {
        l->unlink_path = strdup(o->address);
        if (!l->unlink_path)
            return err_set(err, -ENOMEM, "out of memory");
    }
    l->port = bound_port(l->fd);
    if (l->transport == HTTP_TLS) {
        r = http_worker_start(l->server, &l->tls, o->certificate_pem, o->key_pem, err);
        if (r < 0)
            return r;
    }
    r = http_gate_add(l->server, l);
    return r < 0 ? err_errno(err, r, "epoll") : 0;
}

int http_listen(struct http_server *server, struct http_site *site,
                const struct http_listen *listen, struct http_listener **ret, struct err *err)
{
    struct http_listener *l = calloc(1, sizeof(*l));
    if (!l) {
        if (listen->fd >= 0)
            (void)close(listen->fd);
        return err_set(err, -ENOMEM, "out of memory");
    }
    list_init(&l->item);
    l->server = server;
    l->site = site;
    l->transport = listen->transport;
    l->fd = listen->fd;
    int r = listener_start(l, listen, err);
    if (r < 0) {
        listener_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

void http_listener_close(struct http_listener *l)
{
    http_gate_remove(l);
    if (l->unlink_path)
        (void)unlink(l->unlink_path);
    free(TAKE_PTR(l->unlink_path));
}

uint16_t http_listener_port(const struct http_listener *listener)
{
    return listener->port;
}
