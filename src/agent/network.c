/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "dhcp/client-link.h"
#include "net/link.h"

enum {
    LINKS_MAX = 64,
    RESCAN_MS = 1000,   /* also without an event: drivers may still be loading */
    RESTART_MS = 10000, /* a negotiation without answer starts again, for ports that were blocked */
    ROUTE_METRIC = 100,
    ETHERNET = 1,
};

/* Two probes and a short wait: an address that somebody uses is found, and a boot loses 0.1 s. */
static const struct arp_timing probe_timing = {
    .wait_ms = 0, .min_ms = 30, .max_ms = 30, .announce_ms = 60, .probes = 2};

struct link {
    struct net_link net;
    struct dhcp_client_link *dhcp; /* NULL: not negotiating */
    int64_t asked_at;
    bool bound;
    unsigned misses;
};

struct network {
    struct network_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what other threads see: current, in_use, text, change */
    pthread_cond_t changed;
    struct network_link current;
    bool in_use;
    bool change;
    char text[512]; /* the state of every link, for people */
    int wake;       /* eventfd */
    /* The thread's own: */
    int net, events;
    struct link links[LINKS_MAX];
    size_t count;
    int used; /* index of the link whose lease is applied, -1: none */
    int64_t started;
};

int network_choose(const struct network_candidate *candidates, size_t count, int64_t since_start_ms)
{
    int best = -1;
    for (size_t i = 0; i < count; i++) {
        const struct network_candidate *c = &candidates[i];
        if (c->boot && c->carrier && !c->bound && c->misses == 0 &&
            since_start_ms < NETWORK_BOOT_PATIENCE_MS)
            return -1;
        if (!c->bound)
            continue;
        const struct network_candidate *b = best < 0 ? NULL : &candidates[best];
        if (!b || c->misses < b->misses || (c->misses == b->misses && c->boot && !b->boot))
            best = (int)i;
    }
    return best;
}

static void stop_dhcp(struct network *n, size_t i)
{
    struct link *link = &n->links[i];
    if (n->used == (int)i) {
        (void)!dhcp_lease_revoke(n->net, link->net.index,
                                 &dhcp_client_link_client(link->dhcp)->lease);
        n->used = -1;
    }
    if (link->dhcp)
        dhcp_client_link_free(TAKE_PTR(link->dhcp));
    link->bound = false;
}

static void start_dhcp(struct network *n, struct link *link, int64_t now)
{
    struct dhcp_client_link_options options = {.ifindex = link->net.index,
                                               .interface = link->net.name,
                                               .has_uuid = n->options.has_uuid,
                                               .mac = link->net.mac,
                                               .probe = &probe_timing,
                                               .rng = n->options.rng};
    memcpy(options.uuid, n->options.uuid, sizeof(options.uuid));
    struct err err = ERR_INIT;
    link->asked_at = now;
    if (dhcp_client_link_new(&options, &link->dhcp, &err) < 0)
        log_warn("%s: %s", link->net.name, err_text(&err));
    else
        log_debug("%s has a carrier: asking for an address", link->net.name);
}

static struct link *find_link(struct network *n, int index)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->links[i].net.index == index)
            return &n->links[i];
    }
    return NULL;
}

static bool is_adapter(const struct net_link *link)
{
    return !link->loopback && link->type == ETHERNET && link->kind[0] == '\0' &&
           link->master == 0 && mac_is_unicast(link->mac);
}

static void note_link(struct network *n, const struct net_link *seen)
{
    struct link *link = find_link(n, seen->index);
    if (!link && n->count < LINKS_MAX) {
        link = &n->links[n->count++];
        *link = (struct link){.net = *seen};
        if (!seen->up && net_link_set_up(n->net, seen->index, true) < 0)
            log_warn("%s: cannot be brought up", seen->name);
    }
    if (link)
        link->net = *seen;
}

static void rescan(struct network *n, int64_t now)
{
    _autofree_ struct net_link *seen = NULL;
    size_t count = 0;
    if (net_links(n->net, &seen, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (is_adapter(&seen[i]))
            note_link(n, &seen[i]);
    }
    for (size_t i = 0; i < n->count; i++) {
        struct link *link = &n->links[i];
        bool silent = link->dhcp && !link->bound && now - link->asked_at > RESTART_MS;
        if (link->dhcp && (!link->net.carrier || silent))
            stop_dhcp(n, i);
        if (!link->dhcp && link->net.carrier)
            start_dhcp(n, link, now);
    }
}

static void on_dhcp_event(struct network *n, size_t i, enum dhcp_client_event event)
{
    struct link *link = &n->links[i];
    const struct dhcp_client *client = dhcp_client_link_client(link->dhcp);
    if (event == DHCP_CLIENT_BOUND) {
        link->bound = true;
        if (n->used == (int)i)
            n->used = -1; /* the lease changed: apply it again */
    } else if (event == DHCP_CLIENT_RENEWED && n->used == (int)i) {
        (void)!dhcp_lease_apply(n->net, link->net.index, &client->lease, ROUTE_METRIC,
                                clock_now(&clock_system));
    } else if (event == DHCP_CLIENT_LOST || event == DHCP_CLIENT_CONFLICT) {
        log_warn("%s: address lost: %s", link->net.name, client->why);
        if (n->used == (int)i)
            (void)!dhcp_lease_revoke(n->net, link->net.index, &client->lease);
        n->used = n->used == (int)i ? -1 : n->used;
        link->bound = false;
    }
}

static void use_link(struct network *n, int i, int64_t now)
{
    struct link *link = &n->links[i];
    const struct dhcp_client_lease *lease = &dhcp_client_link_client(link->dhcp)->lease;
    if (dhcp_lease_apply(n->net, link->net.index, lease, ROUTE_METRIC, now) < 0) {
        log_warn("%s: the address cannot be set", link->net.name);
        link->misses++;
        return;
    }
    n->used = i;
    char address[CIDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];
    log_info("%s (%s): address %s", link->net.name, mac_text(link->net.mac, mac),
             cidr_text(lease->address, address));
}

/* Applies the choice; after a change of mind the lease of the link that is left goes first. */
static void choose(struct network *n, int64_t now)
{
    struct network_candidate candidates[LINKS_MAX];
    for (size_t i = 0; i < n->count; i++) {
        const struct link *link = &n->links[i];
        candidates[i] = (struct network_candidate){
            .bound = link->bound,
            .carrier = link->net.carrier,
            .boot = n->options.has_boot_mac && mac_eq(link->net.mac, n->options.boot_mac),
            .misses = link->misses};
    }
    int best = network_choose(candidates, n->count, now - n->started);
    if (best < 0 || best == n->used || (n->used >= 0 && !n->change))
        return;
    if (n->used >= 0)
        (void)!dhcp_lease_revoke(n->net, n->links[n->used].net.index,
                                 &dhcp_client_link_client(n->links[n->used].dhcp)->lease);
    n->used = -1;
    use_link(n, best, now);
}

static void publish(struct network *n)
{
    struct buf text _autobuf_ = BUF_INIT_MAX(sizeof(n->text) - 1);
    for (size_t i = 0; i < n->count; i++) {
        const struct link *link = &n->links[i];
        const char *state = !link->net.carrier ? "no carrier" : "no answer to DHCP yet";
        buf_printf(&text, "%s%s: %s", i ? ", " : "", link->net.name,
                   link->bound ? "has an address" : state);
    }
    n->in_use = n->used >= 0;
    if (n->in_use) {
        const struct link *link = &n->links[n->used];
        n->current = (struct network_link){.mac = link->net.mac,
                                           .lease = dhcp_client_link_client(link->dhcp)->lease};
        (void)!str_copy(n->current.name, sizeof(n->current.name), link->net.name);
    }
    (void)snprintf(n->text, sizeof(n->text), "%s",
                   n->count ? buf_str(&text) : "no network adapter was found");
    (void)pthread_cond_broadcast(&n->changed);
}

/* Waits for whatever comes first: an answer, a change of a link, a deadline, a wish to change. */
static void wait_for_something(struct network *n, struct pollfd *polls)
{
    int timeout = RESCAN_MS;
    polls[0] = (struct pollfd){.fd = n->events, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = n->wake, .events = POLLIN};
    for (size_t i = 0; i < n->count; i++) {
        struct dhcp_client_link *dhcp = n->links[i].dhcp;
        int due = dhcp ? dhcp_client_link_timeout(dhcp) : -1;
        if (due >= 0 && due < timeout)
            timeout = due;
        polls[2 + i] =
            (struct pollfd){.fd = dhcp ? dhcp_client_link_fd(dhcp) : -1, .events = POLLIN};
    }
    (void)poll(polls, 2 + n->count, timeout);
}

static void ignore_event(void *data, const struct net_event *event)
{
    (void)data;
    (void)event;
}

static void dispatch(struct network *n)
{
    for (size_t i = 0; i < n->count; i++) {
        enum dhcp_client_event event = DHCP_CLIENT_NOTHING;
        if (n->links[i].dhcp && dhcp_client_link_dispatch(n->links[i].dhcp, &event) == 0)
            on_dhcp_event(n, i, event);
    }
}

static void *run(void *data)
{
    struct network *n = data;
    struct pollfd polls[2 + LINKS_MAX] = {0};
    int64_t rescan_at = 0;
    for (;;) {
        int64_t now = clock_now(&clock_system);
        bool event = polls[0].revents != 0;
        if (event)
            (void)!net_events_read(n->events, ignore_event, NULL);
        if (event || now >= rescan_at) {
            rescan(n, now);
            rescan_at = now + RESCAN_MS;
        }
        dispatch(n);
        (void)pthread_mutex_lock(&n->lock);
        if (n->change && n->used >= 0)
            n->links[n->used].misses++;
        choose(n, now);
        n->change = false;
        publish(n);
        (void)pthread_mutex_unlock(&n->lock);
        wait_for_something(n, polls);
        uint64_t count;
        if (polls[1].revents)
            (void)!read(n->wake, &count, sizeof(count));
    }
    return NULL;
}

int network_start(const struct network_options *options, struct network **ret, struct err *err)
{
    struct network *n = calloc(1, sizeof(*n));
    if (!n)
        return err_set(err, -ENOMEM, "out of memory");
    n->options = *options;
    n->used = -1;
    n->started = clock_now(&clock_system);
    n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&n->lock, NULL);
    (void)pthread_cond_init(&n->changed, &attributes);
    int r = net_open(&n->net);
    if (r == 0)
        r = net_events_open(&n->events);
    if (r == 0)
        r = -pthread_create(&n->thread, NULL, run, n);
    if (r < 0) {
        free(n);
        return err_errno(err, r, "cannot watch the network links");
    }
    *ret = n;
    return 0;
}

int network_wait(struct network *network, int timeout_ms, struct network_link *ret, struct err *err)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&network->lock);
    int r = 0;
    while (!network->in_use && r == 0)
        r = pthread_cond_timedwait(&network->changed, &network->lock, &until);
    if (network->in_use)
        *ret = network->current;
    else
        (void)err_set(err, -ETIMEDOUT, "no network yet: %s", network->text);
    bool in_use = network->in_use;
    (void)pthread_mutex_unlock(&network->lock);
    return in_use ? 0 : -ETIMEDOUT;
}

void network_change(struct network *network)
{
    uint64_t one = 1;
    (void)pthread_mutex_lock(&network->lock);
    network->change = true;
    (void)pthread_mutex_unlock(&network->lock);
    (void)!write(network->wake, &one, sizeof(one));
}
