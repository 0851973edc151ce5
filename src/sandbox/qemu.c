/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/qemu.h"

#include <inttypes.h>

/*
 * Emulation is slow at vector extensions, and code that picks them at run time runs at a fraction
 * of its speed (BLAKE2b: 6 MB/s with AVX2, 85 without). A model that has AES but lacks SSSE3 would
 * be no answer: libcrypto takes the one for a sign of the other. So: the plainest 64-bit model,
 * with the bit manipulation instructions, which help zstd (56 MB/s without, 90 with).
 */
#define EMULATED_CPU "qemu64,svm=off,popcnt=on,abm=on,bmi1=on,bmi2=on"

void qemu_tap_name(char dst[static SANDBOX_IFNAME_SIZE], unsigned index, size_t nic)
{
    (void)snprintf(dst, SANDBOX_IFNAME_SIZE, "vm%u-%zu", index, nic);
}

int qemu_find_ovmf(const char **ret_code, const char **ret_vars, struct err *err)
{
    static const char *const pairs[][2] = {
        {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
        {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
        {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        if (access(pairs[i][0], R_OK) == 0 && access(pairs[i][1], R_OK) == 0) {
            *ret_code = pairs[i][0];
            *ret_vars = pairs[i][1];
            return 0;
        }
    }
    return err_set(err, -ENOENT, "no UEFI firmware for machines: install the package ovmf");
}

/*
 * Boot priority: lower comes first, 0 means that the firmware is told nothing and its own
 * variables decide. A machine that tries the network first is what most racks are.
 */
static unsigned disk_bootindex(const struct sandbox_machine *m, size_t i)
{
    if (m->boot == SANDBOX_BOOT_FIRMWARE)
        return 0;
    return (unsigned)(m->boot == SANDBOX_BOOT_DISK ? 1 + i : 1 + m->nic_count + i);
}

static unsigned nic_bootindex(const struct sandbox_machine *m, size_t i)
{
    if (m->boot == SANDBOX_BOOT_FIRMWARE)
        return 0;
    return (unsigned)(m->boot == SANDBOX_BOOT_NETWORK ? 1 + i : 1 + m->disk_count + i);
}

static void add_firmware(const struct sandbox_machine *m, const struct qemu_host *host,
                         struct argv *a)
{
    if (m->firmware != SANDBOX_UEFI)
        return;
    argv_push(a, "-drive");
    argv_add(a, "if=pflash,unit=0,format=raw,readonly=on,file=%s", host->ovmf_code);
    argv_push(a, "-drive");
    argv_push(a, "if=pflash,unit=1,format=raw,file=vars.fd");
}

static void add_disk(const struct sandbox_machine *m, size_t i, struct argv *a)
{
    const struct sandbox_disk *disk = &m->disks[i];
    /*
     * The guest's flushes are not passed on to the host's disk: a power cut here is the end of the
     * QEMU process, which the host's page cache survives.
     */
    argv_push(a, "-drive");
    char rate[64] = "";
    if (disk->write_rate)
        (void)snprintf(rate, sizeof(rate), ",throttling.bps-write=%" PRIu64, disk->write_rate);
    argv_add(a, "if=none,id=disk%zu,file=disk%zu.raw,format=raw,cache=unsafe,discard=unmap%s", i, i,
             rate);
    char boot[32] = "";
    unsigned index = disk_bootindex(m, i);
    if (index)
        (void)snprintf(boot, sizeof(boot), ",bootindex=%u", index);
    char block[64] = "";
    if (disk->block_size != 512)
        (void)snprintf(block, sizeof(block), ",logical_block_size=%u,physical_block_size=%u",
                       disk->block_size, disk->block_size);
    argv_push(a, "-device");
    switch (disk->model) {
    case SANDBOX_DISK_SCSI:
        argv_add(a, "scsi-hd,bus=scsi.0,drive=disk%zu,serial=%s%s%s", i, disk->serial, block, boot);
        break;
    case SANDBOX_DISK_NVME:
        argv_add(a, "nvme,drive=disk%zu,serial=%s%s%s", i, disk->serial, block, boot);
        break;
    case SANDBOX_DISK_AHCI:
        argv_add(a, "ide-hd,bus=ide.%zu,drive=disk%zu,serial=%s%s", i, i, disk->serial, boot);
        break;
    case SANDBOX_DISK_VIRTIO:
        argv_add(a, "virtio-blk-pci,drive=disk%zu,serial=%s%s%s", i, disk->serial, block, boot);
        break;
    }
}

static void add_disks(const struct sandbox_machine *m, struct argv *a)
{
    bool scsi = false;
    for (size_t i = 0; i < m->disk_count; i++)
        scsi = scsi || m->disks[i].model == SANDBOX_DISK_SCSI;
    if (scsi) {
        argv_push(a, "-device");
        argv_push(a, "virtio-scsi-pci,id=scsi");
    }
    for (size_t i = 0; i < m->disk_count; i++)
        add_disk(m, i, a);
}

static void add_nic(const struct sandbox_machine *m, size_t i, unsigned index, struct argv *a)
{
    static const char *const devices[] = {"virtio-net-pci", "e1000e", "e1000", "rtl8139",
                                          "vmxnet3"};
    char tap[SANDBOX_IFNAME_SIZE];
    char mac[MAC_TEXT_SIZE];
    qemu_tap_name(tap, index, i);
    argv_push(a, "-netdev");
    argv_add(a, "tap,id=net%zu,ifname=%s,script=no,downscript=no", i, tap);
    argv_push(a, "-device");
    char boot[32] = "";
    unsigned priority = nic_bootindex(m, i);
    if (priority)
        (void)snprintf(boot, sizeof(boot), ",bootindex=%u", priority);
    argv_add(a, "%s,id=nic%zu,netdev=net%zu,mac=%s%s%s", devices[m->nics[i].model], i, i,
             mac_text(m->nics[i].mac, mac), m->rom ? "" : ",romfile=", boot);
}

static void add_channels(struct argv *a)
{
    argv_push(a, "-chardev");
    argv_push(a, "socket,id=console,path=console.sock,server=on,wait=off,logfile=console.log,"
                 "logappend=on");
    argv_push(a, "-serial");
    argv_push(a, "chardev:console");
    argv_push(a, "-qmp");
    argv_push(a, "unix:qmp.sock,server=on,wait=off");
}

/*
 * Without a screen SeaBIOS, and with it iPXE and boot loaders, print on the serial port, where the
 * console log keeps it.
 */
static void add_screen(const struct sandbox_machine *m, struct argv *a)
{
    argv_push(a, "-display");
    argv_push(a, "none");
    argv_push(a, "-vga");
    argv_push(a, m->vnc ? "std" : "none");
    if (m->vnc) {
        argv_push(a, "-vnc");
        argv_push(a, "unix:vnc.sock");
    }
}

void qemu_command(const struct sandbox_machine *m, const struct qemu_host *host, struct argv *a)
{
    argv_push(a, "qemu-system-x86_64");
    argv_push(a, "-nodefaults");
    argv_push(a, "-no-user-config");
    argv_push(a, "-name");
    argv_push(a, m->name);
    argv_push(a, "-machine");
    argv_add(a, "q35,graphics=%s", m->vnc ? "on" : "off");
    argv_push(a, "-accel");
    argv_push(a, host->kvm ? "kvm" : "tcg,thread=multi");
    argv_push(a, "-cpu");
    argv_push(a, host->kvm ? "host" : EMULATED_CPU);
    argv_push(a, "-smp");
    argv_add(a, "%u", m->cpus);
    argv_push(a, "-m");
    argv_add(a, "%llu", (unsigned long long)(m->memory >> 20));
    argv_push(a, "-uuid");
    argv_push(a, m->uuid);
    argv_push(a, "-smbios");
    argv_add(a, "type=1,manufacturer=Slipway,product=Sandbox,serial=%s,uuid=%s", m->serial,
             m->uuid);
    if (m->clock[0]) {
        argv_push(a, "-rtc");
        argv_add(a, "base=%.19s", m->clock); /* without the Z: QEMU takes UTC */
    }
    argv_push(a, "-boot");
    argv_push(a, "menu=off,splash-time=0,reboot-timeout=5000");
    argv_push(a, "-device");
    argv_push(a, "virtio-rng-pci");
    add_firmware(m, host, a);
    add_disks(m, a);
    for (size_t i = 0; i < m->nic_count; i++)
        add_nic(m, i, host->index, a);
    add_channels(a);
    add_screen(m, a);
}
