/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boot path says of each Machine, prepared when the Machine or its Profile changes: a
 * packet is then answered without unpacking, decoding or waiting for anything. Loop thread only.
 */
#pragma once

#include "boot/plan.h"
#include "resource/machine.h"

struct boot_host {
    struct boot_plan plan; /* what it shall boot now */
    ipv4 address;          /* 0: none of its own */
    ipv4 gateway;          /* 0: the Network's */
    const char *name, *hostname;
    const ipv4 *dns;
    const struct mac *macs;
    size_t dns_count; /* 0: the Network's */
    size_t mac_count;
    enum machine_phase phase;
    bool refused; /* spec.approved is false: DHCP leaves it alone */
};

struct boot_hosts;

/* NULL when out of memory. */
struct boot_hosts *boot_hosts_new(void);
void boot_hosts_free(struct boot_hosts *hosts);

/*
 * Prepares a Machine, anew when it is there. held: it has to leave its Cluster before its disks may
 * be written. 0 or -ENOMEM: then it is not there any more.
 */
int boot_hosts_put(struct boot_hosts *hosts, const struct machine *machine,
                   const struct machine_spec *effective, bool held) _must_check_;
void boot_hosts_remove(struct boot_hosts *hosts, const char *name);

/* Borrowed until the Machine's next change; NULL when it is not there. */
const struct boot_host *boot_hosts_get(const struct boot_hosts *hosts, const char *name);
/* The Machine with this address among its spec.macAddresses. */
const struct boot_host *boot_hosts_by_mac(const struct boot_hosts *hosts, struct mac mac);

/* All of them, one after the other: begin with *cursor = 0. NULL at the end; see map_next(). */
const struct boot_host *boot_hosts_next(const struct boot_hosts *hosts, size_t *cursor);

/* How many Machines are in that phase. */
size_t boot_hosts_in_phase(const struct boot_hosts *hosts, enum machine_phase phase);

/* What the Machine shall boot now: boot_plan() of its facts. */
struct boot_plan boot_host_plan(const struct machine *machine, const struct machine_spec *effective,
                                bool held);
