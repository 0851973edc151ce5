/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/network.h"

#include "resource/format.h"
#include "resource/problem.h"

const char *const network_mode_values[] = {"authoritative", "proxy", "off", NULL};
const char *const unknown_clients_values[] = {"ignore", "serve", NULL};

static const struct field range_fields[] = {
    F_IPV4(struct network_range, start, "start", .flags = FIELD_REQUIRED,
           .doc = "First address of the range."),
    F_IPV4(struct network_range, end, "end", .flags = FIELD_REQUIRED,
           .doc = "Last address of the range."),
    {0}};

static const struct field route_fields[] = {
    F_CIDR(struct network_route, destination, "destination", .flags = FIELD_REQUIRED,
           .doc = "Subnet that is reached this way."),
    F_IPV4(struct network_route, via, "via", .flags = FIELD_REQUIRED,
           .doc = "Router inside this Network."),
    {0}};

#define S struct network_spec
const struct field network_spec_fields[] = {
    F_CIDR(S, subnet, "subnet", .flags = FIELD_REQUIRED, .doc = "The subnet, such as 10.0.0.0/24."),
    F_STRING(S, interface, "interface", .format = &format_link,
             .doc = "Interface of the server that the subnet is on.",
             .late = "the one with an address in the subnet"),
    F_ENUM(S, mode, "mode", network_mode_values, .flags = FIELD_REQUIRED | FIELD_SELECTABLE,
           .doc = "How DHCP is served: authoritative gives addresses and is the subnet's only DHCP "
                  "server, proxy adds boot answers beside another DHCP server, off is silent."),
    F_OBJECTS(S, ranges, "ranges", struct network_range, range_fields, 0, .max_items = 64,
              .doc = "Addresses for machines that have none of their own."),
    F_IPV4(S, gateway, "gateway", .doc = "Default gateway."),
    F_IPV4S(S, dns, "dns", FIELD_UNIQUE, .max_items = 8, .doc = "Name servers."),
    F_IPV4S(S, ntp, "ntp", FIELD_UNIQUE, .max_items = 8, .doc = "Time servers."),
    F_STRING(S, domain, "domain", .format = &format_hostname, .doc = "Domain of the machines."),
    F_STRINGS(S, search, "search", FIELD_UNIQUE, .max_items = 16, .format = &format_hostname,
              .doc = "Domains that short names are looked up in."),
    F_OBJECTS(S, routes, "routes", struct network_route, route_fields, 0, .max_items = 32,
              .doc = "Routes beside the default one."),
    F_INT(S, lease_seconds, "leaseSeconds", .def = "3600", .min = 60, .max = 31536000,
          .doc = "How long a lease lasts."),
    F_INT(S, mtu, "mtu", .min = 576, .max = 9216, .doc = "Largest packet in bytes."),
    F_IPV4(S, server_address, "serverAddress", .doc = "Address that the server answers from.",
           .late = "the interface's address in the subnet"),
    F_IPV4(S, next_server, "nextServer", .doc = "Server that machines fetch their boot files from.",
           .late = "this server"),
    F_ENUM(S, unknown_clients, "unknownClients", unknown_clients_values, .def = "\"ignore\"",
           .doc = "What happens with clients that no Machine describes: ignore leaves them "
                  "unanswered, serve gives them an address and boots them into inventory, where "
                  "they become Machines in phase Discovered."),
    {0}};
#undef S

#define S struct network_status
const struct field network_status_fields[] = {
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this status is about."),
    F_OBJECTS(S, conditions, "conditions", struct condition, condition_fields, 0, .max_items = 32,
              .doc = "Conditions of the Network."),
    F_INT(S, pool_size, "poolSize", .doc = "Number of addresses in the ranges."),
    F_INT(S, leases_active, "leasesActive", .doc = "Number of leases that are in use."),
    {0}};
#undef S

static const struct field network_fields[] = {
    F_OBJECT(struct network, spec, "spec", struct network_spec, network_spec_fields,
             .flags = FIELD_REQUIRED, .doc = "What the Network should be."),
    F_OBJECT(struct network, status, "status", struct network_status, network_status_fields,
             .doc = "What the server knows about the Network."),
    {0}};

static const struct column network_columns[] = {
    {"Subnet", "string", ".spec.subnet", "The subnet", 0},
    {"Mode", "string", ".spec.mode", "How DHCP is served", 0},
    {"Leases", "integer", ".status.leasesActive", "Leases that are in use", 0},
    {"Pool", "integer", ".status.poolSize", "Addresses in the ranges", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since the Network was created", 0},
    {"Interface", "string", ".spec.interface", "Interface of the server", 1},
    {"Gateway", "string", ".spec.gateway", "Default gateway", 1},
    {"UnknownClients", "string", ".spec.unknownClients", "What unknown clients get", 1},
    {0}};

static void check_inside(const struct network_spec *spec, ipv4 address, const char *path,
                         struct problems *problems)
{
    char text[CIDR_TEXT_SIZE];
    if (address && !cidr_contains(spec->subnet, address))
        problem_add(problems, PROBLEM_INVALID, path, "outside spec.subnet %s",
                    cidr_text(spec->subnet, text));
}

static void check_range(const struct network_spec *spec, size_t i, struct problems *problems)
{
    const struct network_range *range = &spec->ranges[i];
    char path[64];
    (void)snprintf(path, sizeof(path), "spec.ranges[%zu].start", i);
    check_inside(spec, range->start, path, problems);
    (void)snprintf(path, sizeof(path), "spec.ranges[%zu].end", i);
    check_inside(spec, range->end, path, problems);
    if (range->end < range->start)
        problem_add(problems, PROBLEM_INVALID, path, "below spec.ranges[%zu].start", i);
    for (size_t k = 0; k < i; k++) {
        const struct network_range *other = &spec->ranges[k];
        if (range->start <= other->end && other->start <= range->end) {
            (void)snprintf(path, sizeof(path), "spec.ranges[%zu]", i);
            problem_add(problems, PROBLEM_INVALID, path, "overlaps spec.ranges[%zu]", k);
            return;
        }
    }
}

static void network_check(const void *object, struct problems *problems)
{
    const struct network_spec *spec = &((const struct network *)object)->spec;
    if (spec->subnet.address != cidr_first(spec->subnet)) {
        char text[CIDR_TEXT_SIZE];
        struct cidr subnet = {cidr_first(spec->subnet), spec->subnet.prefix};
        problem_add(problems, PROBLEM_INVALID, "spec.subnet",
                    "has bits behind its prefix; the subnet is %s", cidr_text(subnet, text));
    }
    check_inside(spec, spec->gateway, "spec.gateway", problems);
    for (size_t i = 0; i < spec->n_ranges; i++)
        check_range(spec, i, problems);
    for (size_t i = 0; i < spec->n_routes; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "spec.routes[%zu].via", i);
        check_inside(spec, spec->routes[i].via, path, problems);
    }
}

const struct kind kind_network = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "Network",
    .singular = "network",
    .plural = "networks",
    .short_names = (const char *const[]){"net", NULL},
    .categories = (const char *const[]){"slipway", NULL},
    .doc = "A subnet that Slipway serves DHCP on.",
    .has_status = true,
    .fields = network_fields,
    .columns = network_columns,
    .size = sizeof(struct network),
    .check = network_check,
};

int network_decode(const json_t *json, struct network **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_network, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void network_free(struct network *network)
{
    object_free(network);
}
