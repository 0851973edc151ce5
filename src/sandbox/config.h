/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox consists of, as plain values: read from JSON (a configuration file's content, or
 * what command line flags were turned into) with every default filled in.
 *
 *     network: 10.77.0.1/24        # the bridge's own address, where the server listens
 *     nat: false                   # outbound access for the machines
 *     accelerator: auto            # auto, kvm, tcg
 *     machines:
 *     - name: node1
 *       firmware: bios             # bios, uefi
 *       boot: network              # network first, disk first, or as the firmware likes
 *       memory: 1Gi
 *       cpus: 2
 *       disks: [8Gi, {size: 16Gi, model: nvme, serial: FAST1, writeRate: 100Mi}]
 *       nics: [{mac: "52:54:00:12:34:56", model: virtio, link: true}]
 *       serial: NODE-1
 *       clock: 2001-01-01T00:00:00Z  # at power-on, as with an empty battery
 *       uuid: 1b4e28ba-2fa1-41d2-883f-0016d3cca427
 *       rom: true                  # the NICs' option ROMs (iPXE); false: the firmware's own PXE
 *       vnc: false
 *
 * A MAC address, serial number or UUID that is not given is derived from the machine's name, so it
 * is the same in every run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum { SANDBOX_NAME_MAX = 63, SANDBOX_DISKS_MAX = 8, SANDBOX_NICS_MAX = 8 };

enum sandbox_accel { SANDBOX_ACCEL_AUTO, SANDBOX_ACCEL_KVM, SANDBOX_ACCEL_TCG };
enum sandbox_firmware { SANDBOX_BIOS, SANDBOX_UEFI };
enum sandbox_boot { SANDBOX_BOOT_NETWORK, SANDBOX_BOOT_DISK, SANDBOX_BOOT_FIRMWARE };
enum sandbox_disk_model {
    SANDBOX_DISK_VIRTIO,
    SANDBOX_DISK_SCSI,
    SANDBOX_DISK_NVME,
    SANDBOX_DISK_AHCI
};
enum sandbox_nic_model {
    SANDBOX_NIC_VIRTIO,
    SANDBOX_NIC_E1000E,
    SANDBOX_NIC_E1000,
    SANDBOX_NIC_RTL8139,
    SANDBOX_NIC_VMXNET3
};

struct sandbox_disk {
    uint64_t size; /* bytes, a multiple of 512 */
    enum sandbox_disk_model model;
    uint32_t block_size; /* logical: 512 or 4096 */
    uint64_t write_rate; /* bytes a second; 0: as fast as the host */
    char serial[21];
};

struct sandbox_nic {
    struct mac mac;
    enum sandbox_nic_model model;
    bool link; /* carrier at power-on */
};

struct sandbox_machine {
    char name[SANDBOX_NAME_MAX + 1]; /* a DNS label */
    enum sandbox_firmware firmware;
    enum sandbox_boot boot;
    uint64_t memory; /* bytes, a multiple of 1 MiB */
    uint32_t cpus;
    char serial[65];
    char uuid[UUID_TEXT_SIZE];
    char clock[CLOCK_TEXT_SIZE]; /* what its hardware clock says at power-on; "": the truth */
    bool rom;
    bool vnc;
    struct sandbox_disk disks[SANDBOX_DISKS_MAX];
    size_t disk_count;
    struct sandbox_nic nics[SANDBOX_NICS_MAX];
    size_t nic_count;
};

struct sandbox_network {
    struct cidr address; /* the bridge's own address within its subnet */
    bool nat;
    enum sandbox_accel accel;
};

/*
 * One machine from its JSON object. 0 or a negative errno with the field's path in err
 * ("disks[1].size: ..."). Pure.
 */
int sandbox_machine_parse(const json_t *json, struct sandbox_machine *ret, struct err *err)
    _must_check_;

/*
 * The network part of a configuration; its "machines" are left to the caller, who gives each to
 * sandbox_machine_parse(). Refuses fields that no configuration has. Pure.
 */
int sandbox_network_parse(const json_t *json, struct sandbox_network *ret, struct err *err)
    _must_check_;

/*
 * What the flag --machine says, as the JSON object of a machine:
 * "NAME[,FIELD=VALUE...]", with disk=SIZE[/MODEL[/SERIAL[/BLOCKSIZE[/WRITERATE]]]] and
 * nic=[MODEL][/MAC[/down]] as often as there are disks and NICs. The caller owns *ret. Pure.
 */
int sandbox_machine_flag(const char *text, json_t **ret, struct err *err) _must_check_;

const char *sandbox_firmware_name(enum sandbox_firmware firmware);
