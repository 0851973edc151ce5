/* SPDX-License-Identifier: Apache-2.0 */
/* Network: a subnet that Slipway serves DHCP on. */
#pragma once

#include "resource/kind.h"

enum network_mode { NETWORK_MODE_UNSET, NETWORK_AUTHORITATIVE, NETWORK_PROXY, NETWORK_OFF };
extern const char *const network_mode_values[];

enum unknown_clients { UNKNOWN_CLIENTS_UNSET, UNKNOWN_CLIENTS_IGNORE, UNKNOWN_CLIENTS_SERVE };
extern const char *const unknown_clients_values[];

struct network_range {
    ipv4 start, end; /* both included */
};

struct network_route {
    struct cidr destination;
    ipv4 via;
};

struct network_spec {
    struct cidr subnet;
    const char *interface; /* NULL: the one that has an address in the subnet */
    enum network_mode mode;
    const struct network_range *ranges; /* the pool for machines without an address of their own */
    size_t n_ranges;
    ipv4 gateway;
    const ipv4 *dns;
    size_t n_dns;
    const ipv4 *ntp;
    size_t n_ntp;
    const char *domain;
    const char *const *search;
    size_t n_search;
    const struct network_route *routes;
    size_t n_routes;
    int64_t lease_seconds;                /* default 3600 */
    int64_t mtu;                          /* 0: not said */
    ipv4 server_address;                  /* 0: the interface's address in the subnet */
    ipv4 next_server;                     /* boot server that clients are sent to; 0: this server */
    enum unknown_clients unknown_clients; /* default ignore */
};

struct network_status {
    int64_t observed_generation;
    const struct condition *conditions;
    size_t n_conditions;
    int64_t pool_size;
    int64_t leases_active;
};

struct network {
    struct meta meta;
    struct network_spec spec;
    struct network_status status;
};

extern const struct field network_spec_fields[];
extern const struct field network_status_fields[];

int network_decode(const json_t *json, struct network **ret, struct err *err) _must_check_;
void network_free(struct network *network);
DEFINE_CLEANUP(struct network *, network_free)
