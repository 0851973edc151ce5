/* SPDX-License-Identifier: Apache-2.0 */
/* What DHCP asks: which Machine is this, and what shall it boot? Answered from memory. */
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "boot/program.h"
#include "server/private.h"

static struct machine *find(struct server *server, const struct dhcp_query *query, bool *ambiguous)
{
    const struct machine_claim claim = {
        .macs = &query->mac,
        .mac_count = mac_is_unicast(query->mac) ? 1 : 0,
        .uuid = query->uuid,
    };
    return machine_find(server, &claim, ambiguous);
}

static void fill_servers(const ipv4 *from, size_t n, ipv4 *to, size_t *ret_count)
{
    *ret_count = n < DHCP_SERVERS_MAX ? n : DHCP_SERVERS_MAX;
    for (size_t i = 0; i < *ret_count; i++)
        to[i] = from[i];
}

/* Strings that must outlive the call are kept here until the next one. */
static void fill_host(struct server *server, const struct machine *machine,
                      const struct dhcp_query *query, struct dhcp_host *ret)
{
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    char *name = server->dhcp_name, *hostname = server->dhcp_hostname;
    (void)snprintf(name, sizeof(server->dhcp_name), "%s", machine->meta.name);
    (void)snprintf(hostname, sizeof(server->dhcp_hostname), "%s",
                   str_empty(effective.first_boot.hostname) ? machine->meta.name
                                                            : effective.first_boot.hostname);
    *ret = (struct dhcp_host){.name = name, .hostname = hostname};
    if (cidr_contains(query->network->subnet, effective.network.address.address))
        ret->address = effective.network.address.address;
    ret->router = effective.network.gateway;
    fill_servers(effective.network.dns, effective.network.n_dns, ret->dns, &ret->dns_count);
}

enum dhcp_lookup dhcp_view_find_host(void *data, const struct dhcp_query *query,
                                     struct dhcp_host *ret)
{
    struct server *server = data;
    bool ambiguous = false;
    _cleanup_(machine_freep) struct machine *machine = find(server, query, &ambiguous);
    if (ambiguous)
        return DHCP_HOST_AMBIGUOUS;
    if (!machine)
        return DHCP_HOST_UNKNOWN;
    if (machine->spec.approved == TRI_FALSE)
        return DHCP_HOST_REFUSED;
    fill_host(server, machine, query, ret);
    return DHCP_HOST_FOUND;
}

static void script_url(const struct server *server, const struct dhcp_query *query,
                       struct dhcp_boot *ret)
{
    char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
    (void)snprintf(ret->file, sizeof(ret->file), "http://%s:%u%s?mac=%s",
                   ipv4_text(query->network->server, address), (unsigned)server->config->http.port,
                   BOOT_PATH_IPXE, mac_text(query->mac, mac));
}

static void program_path(const struct server *server, const struct dhcp_query *query,
                         struct dhcp_boot *ret)
{
    const char *program = boot_program(query->firmware);
    char address[IPV4_TEXT_SIZE];
    if (!program)
        ret->boot = false;
    else if (query->firmware->kind == DHCP_CLIENT_HTTP)
        (void)snprintf(ret->file, sizeof(ret->file), "http://%s:%u/boot/%s",
                       ipv4_text(query->network->server, address),
                       (unsigned)server->config->http.port, program);
    else
        (void)snprintf(ret->file, sizeof(ret->file), "%s", program);
}

void dhcp_view_plan_boot(void *data, const struct dhcp_query *query, const struct dhcp_host *host,
                         struct dhcp_boot *ret)
{
    struct server *server = data;
    bool ambiguous = false;
    _cleanup_(machine_freep) struct machine *machine =
        host ? find(server, query, &ambiguous) : NULL;
    struct boot_plan plan = server_boot_plan(server, machine, query->network->answer_unknown);
    *ret = (struct dhcp_boot){.boot = plan.action != BOOT_NOTHING};
    if (!ret->boot)
        return;
    /* Booting the disk goes through iPXE too: leaving PXE without an answer takes firmware minutes.
     */
    if (query->firmware->kind == DHCP_CLIENT_IPXE)
        script_url(server, query, ret);
    else
        program_path(server, query, ret);
}
