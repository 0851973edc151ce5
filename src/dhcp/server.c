/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/server.h"

#include <errno.h>

#include "dhcp/server-private.h"
#include "net/raw.h"

static void on_timer(uv_timer_t *timer)
{
    struct dhcp_server *s = timer->data;
    int64_t now = clock_now(s->clock);
    dhcp_leases_expire(s->leases, now);
    dhcp_held_expire(s, now);
    dhcp_probes_step(s, now);
    dhcp_flush(s);
    dhcp_timer_set(s);
}

static int64_t held_deadline(const struct dhcp_server *s)
{
    struct list *first = list_first(&s->held);
    if (!first)
        return INT64_MAX;
    return container_of(first, struct dhcp_held, list)->since + HELD_TIMEOUT_MS;
}

void dhcp_timer_set(struct dhcp_server *s)
{
    if (s->closing)
        return;
    int64_t at = dhcp_probes_deadline(s), held = held_deadline(s);
    int64_t expiry = dhcp_leases_next_expiry(s->leases);
    at = held < at ? held : at;
    at = expiry < at ? expiry : at;
    if (at == INT64_MAX) {
        (void)uv_timer_stop(&s->timer);
        return;
    }
    int64_t wait = at - clock_now(s->clock);
    (void)uv_timer_start(&s->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* Reads all our addresses anew; on failure the old list stays. */
static int read_own_addresses(struct dhcp_server *s)
{
    _autofree_ struct net_address *list = NULL;
    size_t count = 0;
    int r = net_addresses(s->net_fd, &list, &count);
    if (r < 0)
        return r;
    ipv4 *own = calloc(count ? count : 1, sizeof(*own));
    if (!own)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        own[i] = list[i].address.address;
    free(s->own);
    s->own = own;
    s->own_count = count;
    return 0;
}

static void ignore_event(void *data, const struct net_event *event)
{
    (void)data;
    (void)event;
}

/* Whatever changed: looking again is simple, and rare enough. */
static void on_link_events(uv_poll_t *poll, int status, int events)
{
    struct dhcp_server *s = poll->data;
    (void)status;
    (void)events;
    /* failures leave what was known before; the next event tries again */
    if (net_events_read(s->events.fd, ignore_event, NULL) < 0 || read_own_addresses(s) < 0)
        s->counters.link_errors++;
    dhcp_listeners_refresh(s);
}

static int open_sockets(struct dhcp_server *s, struct err *err)
{
    int r = net_open(&s->net_fd);
    if (r == 0)
        r = net_events_open(&s->events.fd);
    if (r < 0)
        return err_errno(err, r, "open netlink");
    r = raw_open_send(&s->send_fd);
    if (r < 0)
        return err_errno(err, r, "open a packet socket (needs CAP_NET_RAW)");
    r = read_own_addresses(s);
    return r < 0 ? err_errno(err, r, "read addresses") : 0;
}

static int start_handles(struct dhcp_server *s, struct err *err)
{
    int r = uv_timer_init(s->loop, &s->timer);
    if (r < 0)
        return err_errno(err, r, "make a timer");
    s->timer.data = s;
    s->handles++;
    r = uv_poll_init(s->loop, &s->events.poll, s->events.fd);
    if (r < 0)
        return err_errno(err, r, "watch netlink");
    s->events.poll.data = s;
    s->handles++;
    r = uv_poll_start(&s->events.poll, UV_READABLE, on_link_events);
    return r < 0 ? err_errno(err, r, "watch netlink") : 0;
}

static void destroy(struct dhcp_server *s)
{
    dhcp_leases_free(s->leases);
    dhcp_networks_free(&s->networks);
    dhcp_commit_free(s);
    dhcp_probes_free(s);
    cleanup_fd(&s->net_fd);
    cleanup_fd(&s->send_fd);
    cleanup_fd(&s->events.fd);
    free(s->own);
    free(s);
}

int dhcp_server_new(const struct dhcp_server_options *options, struct dhcp_server **ret,
                    struct err *err)
{
    struct dhcp_server *s = calloc(1, sizeof(*s));
    if (!s)
        return err_errno(err, -ENOMEM, "make the DHCP server");
    s->loop = options->loop;
    s->clock = options->clock ? options->clock : &clock_system;
    s->rng = options->rng ? options->rng : &rng_system;
    s->hooks = options->hooks;
    s->net_fd = s->send_fd = s->events.fd = -1;
    s->batch = 1;
    list_init(&s->listeners);
    list_init(&s->held);
    list_init(&s->probes);
    s->leases = dhcp_leases_new();
    int r = s->leases ? open_sockets(s, err) : err_errno(err, -ENOMEM, "make the lease table");
    if (r < 0) {
        destroy(s);
        return r;
    }
    r = start_handles(s, err);
    if (r < 0) {
        dhcp_server_close(s, NULL, NULL);
        return r;
    }
    *ret = s;
    return 0;
}

int dhcp_server_set_networks(struct dhcp_server *s, const struct dhcp_network *networks,
                             size_t count, struct err *err)
{
    struct dhcp_networks next = {0};
    int r = dhcp_networks_check(networks, count, err);
    if (r < 0)
        return r;
    r = dhcp_networks_copy(networks, count, &next);
    if (r < 0)
        return err_errno(err, r, "copy Networks");
    struct dhcp_networks before = s->networks;
    s->networks = next;
    r = dhcp_listeners_update(s, err);
    if (r == 0)
        r = dhcp_networks_set_pools(&s->networks, s->leases, err);
    if (r < 0) {
        s->networks = before;
        dhcp_networks_free(&next);
        struct err again = ERR_INIT;
        if (dhcp_listeners_update(s, &again) < 0)
            (void)err_wrap(err, "and the interfaces from before: %s", err_text(&again));
        return r;
    }
    dhcp_networks_free(&before);
    dhcp_timer_set(s);
    return 0;
}

struct dhcp_leases *dhcp_server_leases(struct dhcp_server *s)
{
    return s->leases;
}

const struct dhcp_server_counters *dhcp_server_counters(const struct dhcp_server *s)
{
    return &s->counters;
}

void dhcp_server_released(struct dhcp_server *s)
{
    if (s->handles)
        s->handles--;
    if (s->handles || !s->closing)
        return;
    void (*on_closed)(void *data) = s->on_closed;
    void *data = s->closed_data;
    destroy(s);
    if (on_closed)
        on_closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    dhcp_server_released(handle->data);
}

void dhcp_server_close(struct dhcp_server *s, void (*on_closed)(void *data), void *data)
{
    s->closing = true;
    s->on_closed = on_closed;
    s->closed_data = data;
    dhcp_listeners_close(s);
    if (s->events.poll.data) {
        (void)uv_poll_stop(&s->events.poll);
        uv_close((uv_handle_t *)&s->events.poll, on_handle_closed);
    }
    if (s->timer.data) {
        (void)uv_timer_stop(&s->timer);
        uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    }
    if (!s->handles)
        dhcp_server_released(s);
}
