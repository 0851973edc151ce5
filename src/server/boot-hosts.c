/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot-hosts.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"

struct boot_hosts {
    struct map *by_name; /* owns the hosts */
    struct map *by_mac;
    size_t in_phase[MACHINE_RELEASED + 1];
};

struct boot_hosts *boot_hosts_new(void)
{
    struct boot_hosts *hosts = calloc(1, sizeof(*hosts));
    if (!hosts)
        return NULL;
    hosts->by_name = map_new();
    hosts->by_mac = map_new();
    if (hosts->by_name && hosts->by_mac)
        return hosts;
    boot_hosts_free(hosts);
    return NULL;
}

void boot_hosts_free(struct boot_hosts *hosts)
{
    if (!hosts)
        return;
    map_free(hosts->by_mac);
    map_free_with(hosts->by_name, free);
    free(hosts);
}

struct boot_plan boot_host_plan(const struct machine *machine, const struct machine_spec *effective,
                                bool held)
{
    const struct boot_facts facts = {
        .known = true,
        .rejected = effective->approved == TRI_FALSE,
        .has_image = !str_empty(effective->image),
        .releasing = machine_release_is_open(machine),
        .released = machine_is_released(machine),
        .member = held,
        .install_generation = (uint64_t)effective->install_generation,
        .installed_generation = (uint64_t)machine->status.installed_generation,
    };
    return boot_plan(&facts);
}

static void *append(char **at, const void *src, size_t size)
{
    void *start = *at;
    if (size)
        *at = mempcpy(start, src, size);
    return start;
}

/* One piece of memory: what a packet needs of a Machine lies together. */
static struct boot_host *host_new(const struct machine *machine,
                                  const struct machine_network *network, const char *hostname)
{
    size_t dns_size = network->n_dns * sizeof(ipv4);
    size_t macs_size = machine->spec.n_mac_addresses * sizeof(struct mac);
    size_t name_size = strlen(machine->meta.name) + 1;
    size_t hostname_size = str_empty(hostname) ? 0 : strlen(hostname) + 1;
    struct boot_host *host =
        calloc(1, sizeof(*host) + dns_size + macs_size + name_size + hostname_size);
    if (!host)
        return NULL;
    char *at = (char *)(host + 1); /* aligned for the addresses, which come first */
    host->dns = append(&at, network->dns, dns_size);
    host->macs = append(&at, machine->spec.mac_addresses, macs_size);
    host->name = append(&at, machine->meta.name, name_size);
    host->hostname = hostname_size ? append(&at, hostname, hostname_size) : host->name;
    host->dns_count = network->n_dns;
    host->mac_count = machine->spec.n_mac_addresses;
    return host;
}

static struct boot_host *prepare(const struct machine *machine,
                                 const struct machine_spec *effective, bool held)
{
    struct boot_host *host = host_new(machine, &effective->network, effective->first_boot.hostname);
    if (!host)
        return NULL;
    host->phase = machine->status.phase;
    host->refused = machine->spec.approved == TRI_FALSE;
    host->address = effective->network.address.address;
    host->gateway = effective->network.gateway;
    host->plan = boot_host_plan(machine, effective, held);
    return host;
}

/* An address that another Machine has taken over meanwhile stays with that one. */
static void remove_macs(struct boot_hosts *hosts, const struct boot_host *host)
{
    for (size_t i = 0; i < host->mac_count; i++) {
        if (boot_hosts_by_mac(hosts, host->macs[i]) == host)
            (void)map_remove(hosts->by_mac, &host->macs[i], sizeof(host->macs[i]));
    }
}

static int put_macs(struct boot_hosts *hosts, struct boot_host *host)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < host->mac_count; i++)
        r = map_put(hosts->by_mac, &host->macs[i], sizeof(host->macs[i]), host, NULL);
    return r;
}

int boot_hosts_put(struct boot_hosts *hosts, const struct machine *machine,
                   const struct machine_spec *effective, bool held)
{
    struct boot_host *host = prepare(machine, effective, held);
    if (!host)
        return -ENOMEM;
    boot_hosts_remove(hosts, host->name);
    int r = map_puts(hosts->by_name, host->name, host, NULL);
    if (r < 0) {
        free(host);
        return r;
    }
    hosts->in_phase[host->phase]++;
    r = put_macs(hosts, host);
    if (r < 0)
        boot_hosts_remove(hosts, host->name);
    return r;
}

void boot_hosts_remove(struct boot_hosts *hosts, const char *name)
{
    struct boot_host *old = map_removes(hosts->by_name, name);
    if (!old)
        return;
    hosts->in_phase[old->phase]--;
    remove_macs(hosts, old);
    free(old);
}

const struct boot_host *boot_hosts_next(const struct boot_hosts *hosts, size_t *cursor)
{
    struct map_entry_view e;
    return map_next(hosts->by_name, cursor, &e) ? e.value : NULL;
}

const struct boot_host *boot_hosts_by_mac(const struct boot_hosts *hosts, struct mac mac)
{
    return map_get(hosts->by_mac, &mac, sizeof(mac));
}

const struct boot_host *boot_hosts_get(const struct boot_hosts *hosts, const char *name)
{
    return map_gets(hosts->by_name, name);
}

size_t boot_hosts_in_phase(const struct boot_hosts *hosts, enum machine_phase phase)
{
    return hosts->in_phase[phase];
}
