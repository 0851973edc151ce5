/* SPDX-License-Identifier: Apache-2.0 */
/* What DHCP asks: which Machine is this, and what shall it boot? Answered from memory. */
#include "base/log.h"
#include "base/str.h"
#include "boot/ipxe.h"
#include "boot/program.h"
#include "server/private.h"

static const struct boot_host *find(struct server *server, const struct dhcp_query *query,
                                    bool *ambiguous)
{
    const struct boot_host *host = machines_boot_host_by_mac(server, query->mac);
    if (host)
        return host;
    const struct machine_claim claim = {
        .macs = &query->mac,
        .mac_count = mac_is_unicast(query->mac) ? 1 : 0,
        .uuid = query->uuid,
    };
    const char *name = machine_find_name(server, &claim, ambiguous);
    return name ? machines_boot_host(server, name) : NULL;
}

static void fill_host(const struct boot_host *host, const struct dhcp_query *query,
                      struct dhcp_host *ret)
{
    *ret = (struct dhcp_host){.name = host->name, .hostname = host->hostname};
    if (cidr_contains(query->network->subnet, host->address))
        ret->address = host->address;
    ret->router = host->gateway;
    ret->dns_count = host->dns_count < DHCP_SERVERS_MAX ? host->dns_count : DHCP_SERVERS_MAX;
    for (size_t i = 0; i < ret->dns_count; i++)
        ret->dns[i] = host->dns[i];
}

enum dhcp_lookup dhcp_view_find_host(void *data, const struct dhcp_query *query,
                                     struct dhcp_host *ret)
{
    bool ambiguous = false;
    const struct boot_host *host = find(data, query, &ambiguous);
    if (ambiguous)
        return DHCP_HOST_AMBIGUOUS;
    if (!host)
        return DHCP_HOST_UNKNOWN;
    if (host->refused)
        return DHCP_HOST_REFUSED;
    fill_host(host, query, ret);
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
    const struct boot_host *known = host ? find(server, query, &ambiguous) : NULL;
    struct boot_plan plan = known ? known->plan : boot_plan_unknown(query->network->answer_unknown);
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
