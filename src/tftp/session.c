/* SPDX-License-Identifier: Apache-2.0 */
/* One running transfer: its socket and timer, and doing what the state machine says. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/str.h"
#include "net/udp.h"
#include "tftp/private.h"

enum { RECEIVE_SIZE = 1500, RECEIVE_BURST = 64, OACK_SIZE = 256 };

struct tftp_session {
    struct list item; /* tftp_server.sessions */
    struct tftp_server *server;
    struct tftp_peer peer;
    struct tftp_transfer transfer;
    struct tftp_content content;
    char name[TFTP_NAME_MAX + 1];
    int fd; /* its own, or the server's in single-port mode */
    bool own_fd;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles;
    uint64_t highest; /* block ever sent */
    unsigned resent;
    int64_t start_ms;
    uint8_t *packet; /* room for one DATA packet */
};

struct tftp_session *tftp_session_of(struct list *item)
{
    return container_of(item, struct tftp_session, item);
}

ipv4 tftp_session_address(const struct tftp_session *session)
{
    return session->peer.address;
}

static void session_free(struct tftp_session *s)
{
    if (s->own_fd && s->fd >= 0)
        (void)close(s->fd);
    tftp_content_free(&s->content);
    free(s->packet);
    free(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tftp_session *s = handle->data;
    struct tftp_server *server = s->server;
    if (--s->handles == 0)
        session_free(s);
    tftp_handle_closed(server);
}

void tftp_session_end(struct tftp_session *s, enum tftp_event_kind kind, const char *reason)
{
    struct tftp_server *server = s->server;
    const struct tftp_peer_key key = tftp_peer_key(s->peer.address, s->peer.port);
    const struct tftp_transfer *t = &s->transfer;
    uint64_t confirmed = t->acked * t->block;
    const struct tftp_event event = {
        .kind = kind,
        .peer = s->peer,
        .name = s->name,
        .reason = reason,
        .size = t->size,
        .bytes = confirmed < t->size ? confirmed : t->size,
        .block = t->block,
        .window = t->window,
        .resent = s->resent,
        .duration_ms = tftp_now(server) - s->start_ms,
    };
    list_remove(&s->item);
    if (map_get(server->by_peer, &key, sizeof(key)) == s)
        (void)map_remove(server->by_peer, &key, sizeof(key));
    server->counters.running--;
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    if (s->own_fd)
        uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    tftp_report(server, &event);
}

static int send_packet(struct tftp_session *s, const void *data, size_t len)
{
    return udp_send(s->fd, data, len, s->peer.address, s->peer.port, s->peer.local,
                    s->peer.ifindex);
}

static void send_oack(struct tftp_session *s)
{
    uint8_t data[OACK_SIZE];
    size_t len = tftp_build_oack(data, sizeof(data), &s->transfer.agreed);
    (void)!send_packet(s, data, len);
}

/* 0 or the errno of reading the content; what the network does not take now is sent again later. */
static int send_blocks(struct tftp_session *s, uint64_t first, unsigned count)
{
    for (uint64_t block = first; block < first + count; block++) {
        uint16_t len = tftp_block_length(&s->transfer, block);
        size_t head = tftp_build_data_header(s->packet, TFTP_HEADER_SIZE, (uint16_t)block);
        int r = tftp_content_read(&s->content, tftp_block_offset(&s->transfer, block),
                                  s->packet + head, len);
        if (r < 0)
            return r;
        if (block <= s->highest)
            s->resent++;
        else
            s->highest = block;
        if (send_packet(s, s->packet, head + len) < 0)
            break;
    }
    return 0;
}

static void on_timer(uv_timer_t *timer);

static void perform(struct tftp_session *s, const struct tftp_action *action)
{
    int r = 0;
    switch (action->act) {
    case TFTP_ACT_NONE:
        return;
    case TFTP_ACT_OACK:
        send_oack(s);
        break;
    case TFTP_ACT_BLOCKS:
        r = send_blocks(s, action->first, action->count);
        break;
    case TFTP_ACT_DONE:
        tftp_session_end(s, TFTP_EVENT_COMPLETED, NULL);
        return;
    case TFTP_ACT_PROBED:
        tftp_session_end(s, TFTP_EVENT_PROBED, NULL);
        return;
    case TFTP_ACT_FAILED:
        tftp_session_end(s, TFTP_EVENT_FAILED, action->reason);
        return;
    }
    if (r < 0) {
        tftp_send_error(s->fd, &s->peer, TFTP_E_UNDEFINED, "cannot read the file");
        tftp_session_end(s, TFTP_EVENT_FAILED, "the file cannot be read, or became shorter");
        return;
    }
    int64_t wait = s->transfer.deadline_ms - tftp_now(s->server);
    (void)uv_timer_start(&s->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct tftp_session *s = timer->data;
    const struct tftp_action action = tftp_transfer_timeout(&s->transfer, tftp_now(s->server));
    perform(s, &action);
}

void tftp_session_packet(struct tftp_session *s, const struct tftp_packet *packet)
{
    const struct tftp_action action =
        tftp_transfer_packet(&s->transfer, packet, tftp_now(s->server));
    perform(s, &action);
}

bool tftp_session_is_over_with(const struct tftp_session *s, const char *name)
{
    char plain[TFTP_NAME_MAX + 1];
    if (tftp_plain_name(name, plain, sizeof(plain)) < 0 || !str_eq(plain, s->name))
        return true;
    return s->transfer.confirmed && s->transfer.sent == s->transfer.blocks;
}

/* RFC 1350 section 4: a stranger is told, and the transfer goes on. */
static void answer_stranger(struct tftp_session *s, const struct udp_info *info)
{
    const struct tftp_peer stranger = {.address = info->source,
                                       .port = info->source_port,
                                       .local = info->local,
                                       .ifindex = info->ifindex};
    s->server->counters.malformed++;
    tftp_send_error(s->fd, &stranger, TFTP_E_UNKNOWN_TID, "unknown transfer");
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct tftp_session *s = poll->data;
    uint8_t data[RECEIVE_SIZE];
    struct tftp_packet packet;
    struct udp_info info;
    (void)status, (void)events;
    for (int i = 0; i < RECEIVE_BURST && !uv_is_closing((uv_handle_t *)poll); i++) {
        ssize_t n = udp_receive(s->fd, data, sizeof(data), &info);
        if (n == -EAGAIN)
            return;
        if (n < 0)
            continue; /* an ICMP error of an earlier packet; the timer decides */
        if (tftp_parse(data, (size_t)n, &packet) < 0)
            s->server->counters.malformed++;
        else if (info.source != s->peer.address || info.source_port != s->peer.port)
            answer_stranger(s, &info);
        else
            tftp_session_packet(s, &packet);
    }
}

/* What the kernel knows of the way to the client; 0 when it does not say. */
static uint16_t path_mtu(const struct tftp_peer *peer)
{
    int mtu = 0;
    socklen_t len = sizeof(mtu);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(peer->port),
                                   .sin_addr.s_addr = htonl(peer->address)};
    _autofd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
        getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len) < 0 || mtu < 0)
        return 0;
    return mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
}

static int open_own_socket(struct tftp_session *s)
{
    const struct tftp_server *server = s->server;
    const struct udp_options options = {.device = server->device[0] ? server->device : NULL,
                                        .address = s->peer.local};
    int r = udp_open(&options, &s->fd, NULL);
    if (r < 0)
        return r;
    s->own_fd = true;
    /* A path that became narrower fragments, since the block size cannot change any more. */
    (void)setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &(int){IP_PMTUDISC_DONT}, sizeof(int));
    return 0;
}

static int start_handles(struct tftp_session *s)
{
    struct tftp_server *server = s->server;
    if (s->own_fd) {
        int r = uv_poll_init(server->options.loop, &s->poll, s->fd);
        if (r < 0)
            return r;
        s->poll.data = s;
        (void)uv_poll_start(&s->poll, UV_READABLE, on_readable);
        s->handles++;
    }
    (void)uv_timer_init(server->options.loop, &s->timer);
    s->timer.data = s;
    s->handles++;
    server->handles += s->handles;
    return 0;
}

static int session_init(struct tftp_session *s, const char *name, const struct tftp_options *asked,
                        struct tftp_action *ret_first)
{
    struct tftp_server *server = s->server;
    struct tftp_policy policy = server->options.policy;
    const struct tftp_peer_key key = tftp_peer_key(s->peer.address, s->peer.port);
    policy.mtu = path_mtu(&s->peer);
    *ret_first =
        tftp_transfer_start(&s->transfer, asked, s->content.size, &policy, tftp_now(server));
    s->packet = malloc(TFTP_HEADER_SIZE + (size_t)s->transfer.block);
    if (!s->packet || str_copy(s->name, sizeof(s->name), name) < 0)
        return -ENOMEM;
    s->fd = server->fd;
    int r = server->options.single_port ? 0 : open_own_socket(s);
    if (r == 0)
        r = map_put(server->by_peer, &key, sizeof(key), s, NULL);
    if (r < 0)
        return r;
    r = start_handles(s);
    if (r < 0)
        (void)map_remove(server->by_peer, &key, sizeof(key));
    return r;
}

int tftp_session_new(struct tftp_server *server, const struct tftp_peer *peer, const char *name,
                     const struct tftp_options *asked, struct tftp_content *content)
{
    struct tftp_action first;
    struct tftp_session *s = calloc(1, sizeof(*s));
    if (!s) {
        tftp_content_free(content);
        return -ENOMEM;
    }
    s->server = server;
    s->peer = *peer;
    s->content = *content;
    *content = TFTP_CONTENT_NONE;
    s->fd = -1;
    s->start_ms = tftp_now(server);
    int r = session_init(s, name, asked, &first);
    if (r < 0) {
        session_free(s);
        return r;
    }
    list_append(&server->sessions, &s->item);
    server->counters.running++;
    const struct tftp_event event = {.kind = TFTP_EVENT_STARTED,
                                     .peer = *peer,
                                     .name = s->name,
                                     .size = s->content.size,
                                     .block = s->transfer.block,
                                     .window = s->transfer.window};
    tftp_report(server, &event);
    perform(s, &first);
    return 0;
}
