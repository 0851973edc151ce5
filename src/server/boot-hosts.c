/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot-hosts.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"

struct boot_hosts {
    struct map *by_name;
    size_t in_phase[MACHINE_RELEASED + 1];
};

struct boot_hosts *boot_hosts_new(void)
{
    struct boot_hosts *hosts = calloc(1, sizeof(*hosts));
    if (hosts)
        hosts->by_name = map_new();
    if (hosts && !hosts->by_name) {
        free(hosts);
        return NULL;
    }
    return hosts;
}

void boot_hosts_free(struct boot_hosts *hosts)
{
    if (!hosts)
        return;
    map_free_with(hosts->by_name, free);
    free(hosts);
}

struct boot_plan boot_host_plan(const struct machine *machine, const struct machine_spec *effective)
{
    const struct boot_facts facts = {
        .known = true,
        .rejected = effective->approved == TRI_FALSE,
        .has_image = !str_empty(effective->image),
        .released =
            machine->status.phase == MACHINE_RELEASING || machine->status.phase == MACHINE_RELEASED,
        .install_generation = (uint64_t)effective->install_generation,
        .installed_generation = (uint64_t)machine->status.installed_generation,
    };
    return boot_plan(&facts);
}

static struct boot_host *host_new(const char *name, const char *hostname)
{
    size_t name_size = strlen(name) + 1;
    size_t hostname_size = str_empty(hostname) ? 0 : strlen(hostname) + 1;
    struct boot_host *host = calloc(1, sizeof(*host) + name_size + hostname_size);
    if (!host)
        return NULL;
    memcpy(host->name, name, name_size);
    host->hostname = host->name;
    if (hostname_size)
        host->hostname = memcpy(host->name + name_size, hostname, hostname_size);
    return host;
}

static struct boot_host *prepare(const struct machine *machine,
                                 const struct machine_spec *effective)
{
    const struct machine_network *network = &effective->network;
    struct boot_host *host = host_new(machine->meta.name, effective->first_boot.hostname);
    if (!host)
        return NULL;
    host->phase = machine->status.phase;
    host->refused = machine->spec.approved == TRI_FALSE;
    host->address = network->address.address;
    host->gateway = network->gateway;
    host->dns_count =
        network->n_dns < ARRAY_SIZE(host->dns) ? network->n_dns : ARRAY_SIZE(host->dns);
    for (size_t i = 0; i < host->dns_count; i++)
        host->dns[i] = network->dns[i];
    host->plan = boot_host_plan(machine, effective);
    return host;
}

int boot_hosts_put(struct boot_hosts *hosts, const struct machine *machine,
                   const struct machine_spec *effective)
{
    void *old = NULL;
    struct boot_host *host = prepare(machine, effective);
    if (!host)
        return -ENOMEM;
    if (map_puts(hosts->by_name, host->name, host, &old) < 0) {
        free(host);
        return -ENOMEM;
    }
    hosts->in_phase[host->phase]++;
    if (old)
        hosts->in_phase[((struct boot_host *)old)->phase]--;
    free(old);
    return 0;
}

void boot_hosts_remove(struct boot_hosts *hosts, const char *name)
{
    struct boot_host *old = map_removes(hosts->by_name, name);
    if (old)
        hosts->in_phase[old->phase]--;
    free(old);
}

const struct boot_host *boot_hosts_get(const struct boot_hosts *hosts, const char *name)
{
    return map_gets(hosts->by_name, name);
}

size_t boot_hosts_in_phase(const struct boot_hosts *hosts, enum machine_phase phase)
{
    return hosts->in_phase[phase];
}
