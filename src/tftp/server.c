/* SPDX-License-Identifier: Apache-2.0 */
#include "tftp/server.h"

#include <fcntl.h>

#include "base/str.h"
#include "net/udp.h"
#include "tftp/private.h"

enum { TRANSFERS_MAX = 2048, PER_CLIENT_MAX = 16, RECEIVE_SIZE = 2048, RECEIVE_BURST = 64 };

struct tftp_peer_key tftp_peer_key(ipv4 address, uint16_t port)
{
    return (struct tftp_peer_key){.bytes = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
                                            (uint8_t)(address >> 8), (uint8_t)address,
                                            (uint8_t)(port >> 8), (uint8_t)port}};
}

int64_t tftp_now(const struct tftp_server *server)
{
    return clock_now(server->options.clock);
}

void tftp_report(struct tftp_server *server, const struct tftp_event *event)
{
    struct tftp_counters *c = &server->counters;
    uint64_t *const counter[] = {
        [TFTP_EVENT_STARTED] = &c->requests, [TFTP_EVENT_COMPLETED] = &c->completed,
        [TFTP_EVENT_PROBED] = &c->probed,    [TFTP_EVENT_FAILED] = &c->failed,
        [TFTP_EVENT_REFUSED] = &c->refused,
    };
    ++*counter[event->kind];
    c->bytes += event->bytes;
    if (server->options.on_event)
        server->options.on_event(server->options.data, event);
}

void tftp_send_error(int fd, const struct tftp_peer *peer, enum tftp_error code, const char *text)
{
    uint8_t data[128];
    size_t len = tftp_build_error(data, sizeof(data), code, text);
    (void)!udp_send(fd, data, len, peer->address, peer->port, peer->local, peer->ifindex);
}

static void refuse(struct tftp_server *s, const struct tftp_peer *peer, const char *name,
                   enum tftp_error code, const char *text)
{
    const struct tftp_event event = {
        .kind = TFTP_EVENT_REFUSED, .peer = *peer, .name = name, .reason = text};
    tftp_send_error(s->fd, peer, code, text);
    tftp_report(s, &event);
}

/* ---- requests ---- */

static int find_content(struct tftp_server *s, const struct tftp_peer *peer, const char *name,
                        struct tftp_content *ret)
{
    void *bytes = NULL;
    size_t len = 0;
    int r = -ENOENT;
    if (s->options.generate)
        r = s->options.generate(s->options.data, peer, name, &bytes, &len);
    if (r == 0) {
        *ret = (struct tftp_content){.memory = bytes, .fd = -1, .size = len};
        return 0;
    }
    if (r != -ENOENT || s->root < 0)
        return r;
    return tftp_content_open(s->root, name, ret);
}

static void refuse_errno(struct tftp_server *s, const struct tftp_peer *peer, const char *name,
                         int error)
{
    if (error == -ENOENT || error == -ENAMETOOLONG)
        refuse(s, peer, name, TFTP_E_NOT_FOUND, "file not found");
    else if (error == -EACCES || error == -EPERM)
        refuse(s, peer, name, TFTP_E_ACCESS, "access denied");
    else if (error == -EFBIG)
        refuse(s, peer, name, TFTP_E_UNDEFINED, "too large for netascii, use octet");
    else
        refuse(s, peer, name, TFTP_E_UNDEFINED, "the server cannot send the file now");
}

static bool is_over_limit(struct tftp_server *s, ipv4 client)
{
    unsigned same = 0;
    if (s->counters.running >= s->options.transfers_max)
        return true;
    list_for_each (it, &s->sessions)
        same += tftp_session_address(tftp_session_of(it)) == client;
    return same >= s->options.per_client_max;
}

static void on_read_request(struct tftp_server *s, const struct tftp_peer *peer,
                            const struct tftp_packet *packet)
{
    char name[TFTP_NAME_MAX + 1];
    struct tftp_content content = TFTP_CONTENT_NONE;
    if (is_over_limit(s, peer->address)) {
        s->counters.dropped++; /* silence makes the client try again, an error makes it give up */
        return;
    }
    int r = tftp_plain_name(packet->name, name, sizeof(name));
    if (r == 0)
        r = find_content(s, peer, name, &content);
    if (r == 0 && packet->mode == TFTP_NETASCII)
        r = tftp_content_to_netascii(&content);
    if (r == 0)
        r = tftp_session_new(s, peer, name, &packet->options, &content);
    tftp_content_free(&content);
    if (r < 0)
        refuse_errno(s, peer, r == -ENAMETOOLONG ? packet->name : name, r);
}

static void on_packet(struct tftp_server *s, const struct tftp_peer *peer,
                      const struct tftp_packet *packet)
{
    const struct tftp_peer_key key = tftp_peer_key(peer->address, peer->port);
    struct tftp_session *session = map_get(s->by_peer, &key, sizeof(key));
    if (session && packet->op == TFTP_RRQ && tftp_session_is_over_with(session, packet->name)) {
        tftp_session_end(session, TFTP_EVENT_FAILED, "the client began another transfer");
        session = NULL;
    }
    if (session) /* a repeated request; in single-port mode everything else as well */
        tftp_session_packet(session, packet);
    else if (packet->op == TFTP_RRQ)
        on_read_request(s, peer, packet);
    else if (packet->op == TFTP_WRQ)
        refuse(s, peer, packet->name, TFTP_E_ACCESS, "this server is read-only");
    else
        s->counters.malformed++;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct tftp_server *s = poll->data;
    uint8_t data[RECEIVE_SIZE];
    struct tftp_packet packet;
    struct udp_info info;
    (void)status, (void)events;
    for (int i = 0; i < RECEIVE_BURST; i++) {
        ssize_t n = udp_receive(s->fd, data, sizeof(data), &info);
        if (n == -EAGAIN)
            return;
        if (n < 0)
            continue;
        if (info.source_port == 0 || tftp_parse(data, (size_t)n, &packet) < 0) {
            s->counters.malformed++;
            continue;
        }
        const struct tftp_peer peer = {.address = info.source,
                                       .port = info.source_port,
                                       .local = info.local,
                                       .ifindex = info.ifindex};
        on_packet(s, &peer, &packet);
    }
}

/* ---- life ---- */

static void server_free(struct tftp_server *s)
{
    if (s->root >= 0)
        (void)close(s->root);
    if (s->fd >= 0)
        (void)close(s->fd);
    map_free(s->by_peer);
    free(s);
}

void tftp_handle_closed(struct tftp_server *s)
{
    if (--s->handles > 0 || !s->closing)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *data = s->on_closed_data;
    server_free(s);
    if (on_closed)
        on_closed(data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    tftp_handle_closed(handle->data);
}

void tftp_server_close(struct tftp_server *s, void (*on_closed)(void *data), void *data)
{
    s->closing = true;
    s->on_closed = on_closed;
    s->on_closed_data = data;
    list_for_each_safe (it, &s->sessions)
        tftp_session_end(tftp_session_of(it), TFTP_EVENT_FAILED, "the server stops");
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static int open_files(struct tftp_server *s, struct err *err)
{
    const struct tftp_server_options *o = &s->options;
    const struct udp_options udp = {.device = o->device, .address = o->address, .port = o->port};
    if (o->device && str_copy(s->device, sizeof(s->device), o->device) < 0)
        return err_set(err, -EINVAL, "not an interface name: %s", o->device);
    if (o->root) {
        s->root = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (s->root < 0)
            return err_errno(err, -errno, "%s", o->root);
    }
    int r = udp_open(&udp, &s->fd, err);
    if (r < 0)
        return r;
    s->port = udp_port(s->fd);
    s->options.root = s->options.device = NULL;
    s->by_peer = map_new();
    return s->by_peer ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void set_defaults(struct tftp_server_options *o)
{
    if (!o->clock)
        o->clock = &clock_system;
    if (!o->transfers_max)
        o->transfers_max = TRANSFERS_MAX;
    if (!o->per_client_max)
        o->per_client_max = PER_CLIENT_MAX;
    if (!o->policy.timeout_ms)
        o->policy = TFTP_POLICY_DEFAULT;
}

int tftp_server_new(const struct tftp_server_options *options, struct tftp_server **ret,
                    struct err *err)
{
    struct tftp_server *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    s->options = *options;
    s->root = s->fd = -1;
    list_init(&s->sessions);
    set_defaults(&s->options);
    int r = open_files(s, err);
    if (r == 0) {
        r = uv_poll_init(s->options.loop, &s->poll, s->fd);
        if (r < 0)
            (void)err_errno(err, r, "event loop");
    }
    if (r < 0) {
        server_free(s);
        return r;
    }
    s->poll.data = s;
    s->handles = 1;
    (void)uv_poll_start(&s->poll, UV_READABLE, on_readable);
    *ret = s;
    return 0;
}

uint16_t tftp_server_port(const struct tftp_server *s)
{
    return s->port;
}

void tftp_server_counters(const struct tftp_server *s, struct tftp_counters *ret)
{
    *ret = s->counters;
}
