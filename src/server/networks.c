/* SPDX-License-Identifier: Apache-2.0 */
/* Network resources: kept as decoded values, and turned into what the DHCP server serves. */
#include <inttypes.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "net/link.h"
#include "resource/condition.h"
#include "server/follow.h"
#include "server/private.h"

enum { STATUS_INTERVAL_MS = 15000 };

struct networks {
    struct server *server;
    struct follow *follow;
    struct map *by_name; /* struct network */
    uv_timer_t timer;    /* refreshes what status says of leases */
    char problem[512];   /* why DHCP does not serve what is wanted; "" when it does */
};

/* ---- from resource to DHCP's values ---- */

static void fill_lists(const struct network_spec *spec, struct dhcp_network *n)
{
    n->dns_count = spec->n_dns < DHCP_SERVERS_MAX ? spec->n_dns : DHCP_SERVERS_MAX;
    for (size_t i = 0; i < n->dns_count; i++)
        n->dns[i] = spec->dns[i];
    n->ntp_count = spec->n_ntp < DHCP_SERVERS_MAX ? spec->n_ntp : DHCP_SERVERS_MAX;
    for (size_t i = 0; i < n->ntp_count; i++)
        n->ntp[i] = spec->ntp[i];
    n->search_count = spec->n_search < DHCP_SEARCH_MAX ? spec->n_search : DHCP_SEARCH_MAX;
    for (size_t i = 0; i < n->search_count; i++)
        n->search[i] = spec->search[i];
    n->range_count = spec->n_ranges < DHCP_RANGES_MAX ? spec->n_ranges : DHCP_RANGES_MAX;
    for (size_t i = 0; i < n->range_count; i++)
        n->ranges[i] = (struct dhcp_range){spec->ranges[i].start, spec->ranges[i].end};
    n->route_count = spec->n_routes < DHCP_ROUTES_MAX ? spec->n_routes : DHCP_ROUTES_MAX;
    for (size_t i = 0; i < n->route_count; i++)
        n->routes[i] = (struct dhcp_route){spec->routes[i].destination, spec->routes[i].via};
}

static enum dhcp_mode mode_of(enum network_mode mode)
{
    switch (mode) {
    case NETWORK_PROXY:
        return DHCP_MODE_PROXY;
    case NETWORK_OFF:
        return DHCP_MODE_OFF;
    case NETWORK_MODE_UNSET:
    case NETWORK_AUTHORITATIVE:
        break;
    }
    return DHCP_MODE_AUTHORITATIVE;
}

struct host_addresses {
    struct net_address *items;
    size_t count;
    struct net_link *links;
    size_t link_count;
};

static void host_addresses_free(struct host_addresses *a)
{
    free(a->items);
    free(a->links);
}

static int host_addresses_read(struct host_addresses *ret)
{
    _autofd_ int fd = -1;
    int r = net_open(&fd);
    if (r == 0)
        r = net_addresses(fd, &ret->items, &ret->count);
    if (r == 0)
        r = net_links(fd, &ret->links, &ret->link_count);
    return r;
}

static const char *link_name(const struct host_addresses *a, int index)
{
    for (size_t i = 0; i < a->link_count; i++) {
        if (a->links[i].index == index)
            return a->links[i].name;
    }
    return NULL;
}

/* Fills what the resource leaves to be found: the interface, and our address in the subnet. */
static void find_interface(const struct host_addresses *a, const struct network_spec *spec,
                           struct dhcp_network *n)
{
    n->interface = spec->interface;
    n->server = spec->server_address;
    for (size_t i = 0; i < a->count; i++) {
        const char *name = link_name(a, a->items[i].ifindex);
        if (!cidr_contains(spec->subnet, a->items[i].address.address) || !name)
            continue;
        if (spec->interface && !str_eq(spec->interface, name))
            continue;
        if (!n->interface)
            n->interface = name;
        if (n->server == 0)
            n->server = a->items[i].address.address;
    }
}

static void fill_network(const struct network *network, const struct host_addresses *a,
                         struct dhcp_network *n)
{
    const struct network_spec *spec = &network->spec;
    *n = (struct dhcp_network){
        .name = network->meta.name,
        .mode = mode_of(spec->mode),
        .subnet = spec->subnet,
        .answer_unknown = spec->unknown_clients == UNKNOWN_CLIENTS_SERVE,
        .probe = true,
        .lease_seconds = (uint32_t)spec->lease_seconds,
        .router = spec->gateway,
        .domain = spec->domain,
        .mtu = (uint16_t)spec->mtu,
    };
    fill_lists(spec, n);
    find_interface(a, spec, n);
}

/* ---- serving ---- */

static int serve(struct networks *self, const struct host_addresses *a, struct err *err)
{
    size_t count = map_count(self->by_name), i = 0, cursor = 0;
    struct map_entry_view e;
    _autofree_ struct dhcp_network *list = calloc(count ? count : 1, sizeof(*list));
    if (!list)
        return err_set(err, -ENOMEM, "out of memory");
    while (map_next(self->by_name, &cursor, &e) && i < count) {
        fill_network(e.value, a, &list[i]);
        if (list[i].mode != DHCP_MODE_OFF && list[i].server == 0)
            log_warn(
                "Network %s: no interface here has an address in its subnet; it is served once "
                "one has, or name one with spec.interface and spec.serverAddress",
                list[i].name);
        else
            i++;
    }
    return dhcp_server_set_networks(self->server->dhcp, list, i, err);
}

static void apply(struct networks *self)
{
    struct host_addresses addresses = {0};
    struct err err = ERR_INIT;
    int r = host_addresses_read(&addresses);
    if (r < 0)
        err_errno(&err, r, "cannot list this host's addresses");
    else if (self->server->dhcp)
        r = serve(self, &addresses, &err);
    machines_reserve_addresses(self->server);
    host_addresses_free(&addresses);
    bool same = str_eq(self->problem, r < 0 ? err_text(&err) : "");
    (void)snprintf(self->problem, sizeof(self->problem), "%s", r < 0 ? err_text(&err) : "");
    if (r < 0 && !same)
        log_error("DHCP keeps what it served before: %s", self->problem);
}

/* ---- status ---- */

struct status_update {
    int64_t now;
    int64_t pool, active;
    int64_t generation;
    bool served;
    char message[512];
};

static int write_status(void *data, json_t *object, struct err *err)
{
    const struct status_update *u = data;
    (void)err;
    int r = object_set(object, "status.poolSize", json_integer((json_int_t)u->pool));
    if (r == 0)
        r = object_set(object, "status.leasesActive", json_integer((json_int_t)u->active));
    if (r == 0)
        r = object_set(object, "status.observedGeneration",
                       json_integer((json_int_t)u->generation));
    if (r == 0)
        r = object_set_condition(object, "Served", u->served ? CONDITION_TRUE : CONDITION_FALSE,
                                 u->served ? "Serving" : "NotServed", u->message, u->now);
    return r;
}

static void status_done(void *data, int rc, json_t *object, const struct err *err)
{
    (void)rc, (void)object, (void)err;
    free(data);
}

static struct networks_use use_of(const struct networks *self, const struct network *network)
{
    struct networks_use sum = {.name = network->meta.name};
    struct dhcp_leases *leases = self->server->dhcp ? dhcp_server_leases(self->server->dhcp) : NULL;
    for (size_t i = 0; leases && i < network->spec.n_ranges; i++) {
        struct dhcp_range range = {network->spec.ranges[i].start, network->spec.ranges[i].end};
        struct dhcp_pool_use use = dhcp_leases_pool_use(leases, range);
        sum.size += use.size;
        sum.taken += use.taken;
    }
    return sum;
}

static void update_status(struct networks *self, const struct network *network)
{
    struct status_update *u = calloc(1, sizeof(*u));
    if (!u)
        return;
    u->now = clock_wall(self->server->clock);
    u->generation = network->meta.generation;
    u->served = self->problem[0] == '\0' && network->spec.mode != NETWORK_OFF;
    (void)snprintf(u->message, sizeof(u->message), "%s",
                   self->problem[0] ? self->problem
                                    : (u->served ? "DHCP answers here" : "spec.mode is off"));
    struct networks_use use = use_of(self, network);
    u->pool = (int64_t)use.size;
    u->active = (int64_t)use.taken;
    if (store_mutate(self->server->store, &kind_network, STORE_STATUS, network->meta.name,
                     write_status, status_done, u) < 0)
        free(u);
}

static void update_all(struct networks *self)
{
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(self->by_name, &cursor, &e))
        update_status(self, e.value);
}

static void on_timer(uv_timer_t *timer)
{
    struct networks *self = timer->data;
    apply(self);
    update_all(self);
}

/* ---- following ---- */

static void forget(struct networks *self, const char *name)
{
    struct network *old = map_removes(self->by_name, name);
    if (old)
        network_free(old);
}

static void on_object(void *data, enum store_change change, json_t *object)
{
    struct networks *self = data;
    struct network *network = NULL;
    const char *name = object_name(object);
    void *old = NULL;
    if (change == STORE_DELETED) {
        forget(self, name);
        return;
    }
    if (network_decode(object, &network, NULL) < 0 ||
        map_puts(self->by_name, name, network, &old) < 0) {
        network_free(network);
        return;
    }
    if (old)
        network_free(old);
}

static void on_settled(void *data)
{
    struct networks *self = data;
    apply(self);
    update_all(self);
}

int networks_new(struct server *server, struct err *err)
{
    struct networks *self = calloc(1, sizeof(*self));
    if (!self)
        return err_set(err, -ENOMEM, "out of memory");
    self->server = server;
    server->networks = self;
    self->by_name = map_new();
    if (!self->by_name)
        return err_set(err, -ENOMEM, "out of memory");
    (void)uv_timer_init(&server->loop, &self->timer);
    self->timer.data = self;
    (void)uv_timer_start(&self->timer, on_timer, STATUS_INTERVAL_MS, STATUS_INTERVAL_MS);
    const struct follow_options follow = {
        .loop = &server->loop,
        .store = server->store,
        .kind = &kind_network,
        .data = self,
        .on_object = on_object,
        .on_settled = on_settled,
    };
    int r = follow_new(&follow, &self->follow);
    return r < 0 ? err_errno(err, r, "cannot follow Networks") : 0;
}

static void network_free_value(void *value)
{
    network_free(value);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct networks *self = handle->data;
    map_free_with(self->by_name, network_free_value);
    free(self);
}

void networks_free(struct server *server)
{
    struct networks *self = server->networks;
    if (!self)
        return;
    server->networks = NULL;
    follow_free(self->follow);
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}

const struct network *networks_of_address(const struct server *server, ipv4 address)
{
    size_t cursor = 0;
    struct map_entry_view e;
    const struct network *best = NULL;
    while (map_next(server->networks->by_name, &cursor, &e)) {
        const struct network *network = e.value;
        if (cidr_contains(network->spec.subnet, address) &&
            (!best || network->spec.subnet.prefix > best->spec.subnet.prefix))
            best = network;
    }
    return best;
}

const char *networks_problem(const struct server *server)
{
    return server->networks->problem;
}

bool networks_next_use(const struct server *server, size_t *cursor, struct networks_use *ret)
{
    struct map_entry_view e;
    if (!map_next(server->networks->by_name, cursor, &e))
        return false;
    *ret = use_of(server->networks, e.value);
    return true;
}
