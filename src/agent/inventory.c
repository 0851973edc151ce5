/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inventory.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/disks.h"
#include "agent/sysfs.h"
#include "base/file.h"
#include "base/str.h"

#define SECURE_BOOT_VARIABLE "/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
enum { CPUINFO_MAX = 8 << 20, ETHERNET = 1, VARIABLE_ATTRIBUTES = 4 };

bool inventory_text_is_real(const char *text)
{
    static const char *const fillers[] = {
        "none",
        "default string",
        "to be filled by o.e.m.",
        "system serial number",
        "0",
        "1234567890",
        "0123456789",
        "not specified",
        "not applicable",
        "chassis serial number",
        "n/a",
        "oem",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009", /* one board maker's UUID on every board */
    };
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
        if (strcasecmp(text, fillers[i]) == 0)
            return false;
    }
    return text[strspn(text, " .0-")] != '\0';
}

static void read_dmi(const char *sys, const char *name, char *dst, size_t size)
{
    (void)sysfs_text(dst, size, "%s/class/dmi/id/%s", sys, name);
    if (!inventory_text_is_real(dst))
        dst[0] = '\0';
}

static void read_cpus(const char *sys, const char *proc, struct inventory *inventory)
{
    char path[256];
    _autofree_ char *text = NULL;
    inventory->cpu_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    inventory->cpu_sockets = 1;
    for (unsigned i = 0; i < inventory->cpu_count; i++) {
        unsigned package = (unsigned)sysfs_number(
            "%s/devices/system/cpu/cpu%u/topology/physical_package_id", sys, i);
        if (package + 1 > inventory->cpu_sockets && package < 1024)
            inventory->cpu_sockets = package + 1;
    }
    (void)snprintf(path, sizeof(path), "%s/cpuinfo", proc);
    if (file_read(path, CPUINFO_MAX, &text, NULL, NULL) < 0)
        return;
    const char *model = strstr(text, "model name");
    model = model ? strchr(model, ':') : NULL;
    if (!model)
        return;
    model += 1 + strspn(model + 1, " \t");
    (void)snprintf(inventory->cpu_model, sizeof(inventory->cpu_model), "%.*s",
                   (int)strcspn(model, "\n"), model);
}

static void read_memory(const char *proc, struct inventory *inventory)
{
    char path[256];
    _autofree_ char *text = NULL;
    (void)snprintf(path, sizeof(path), "%s/meminfo", proc);
    if (file_read(path, 1 << 16, &text, NULL, NULL) < 0)
        return;
    const char *total = strstr(text, "MemTotal:");
    if (total)
        inventory->memory_bytes = strtoull(total + strlen("MemTotal:"), NULL, 10) * 1024;
}

static bool read_secure_boot(const char *sys)
{
    char path[256];
    _autofree_ char *data = NULL;
    size_t len = 0;
    (void)snprintf(path, sizeof(path), "%s" SECURE_BOOT_VARIABLE, sys);
    return file_read(path, 64, &data, &len, NULL) == 0 && len == VARIABLE_ATTRIBUTES + 1 &&
           data[VARIABLE_ATTRIBUTES] == 1;
}

void inventory_system(const char *sys, const char *proc, struct inventory *inventory)
{
    char path[256];
    struct stat st;
    read_dmi(sys, "sys_vendor", inventory->manufacturer, sizeof(inventory->manufacturer));
    read_dmi(sys, "product_name", inventory->product, sizeof(inventory->product));
    read_dmi(sys, "product_serial", inventory->serial, sizeof(inventory->serial));
    read_dmi(sys, "product_uuid", inventory->uuid, sizeof(inventory->uuid));
    read_dmi(sys, "bios_version", inventory->bios_version, sizeof(inventory->bios_version));
    for (char *p = inventory->uuid; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    read_cpus(sys, proc, inventory);
    read_memory(proc, inventory);
    (void)snprintf(path, sizeof(path), "%s/firmware/efi", sys);
    inventory->efi = stat(path, &st) == 0;
    inventory->secure_boot = read_secure_boot(sys);
}

static bool read_nic(const char *sys, const char *name, struct nic *ret)
{
    char text[32], device[64];
    struct nic nic = {.speed_mbps = -1};
    if (sysfs_number("%s/class/net/%s/type", sys, name) != ETHERNET ||
        !sysfs_link_name(device, sizeof(device), "%s/class/net/%s/device", sys, name)[0])
        return false;
    if (str_copy(nic.name, sizeof(nic.name), name) < 0 ||
        mac_parse(sysfs_text(text, sizeof(text), "%s/class/net/%s/address", sys, name), &nic.mac) <
            0)
        return false;
    (void)sysfs_link_name(nic.driver, sizeof(nic.driver), "%s/class/net/%s/device/driver", sys,
                          name);
    /* A virtio adapter's PCI function is its parent. */
    if (str_after(device, "virtio")) {
        char path[256], real[4096];
        (void)snprintf(path, sizeof(path), "%s/class/net/%s/device/..", sys, name);
        const char *slash = realpath(path, real) ? strrchr(real, '/') : NULL;
        (void)snprintf(device, sizeof(device), "%.40s", slash ? slash + 1 : "");
    }
    (void)snprintf(nic.pci_address, sizeof(nic.pci_address), "%.31s", device);
    nic.carrier = sysfs_number("%s/class/net/%s/carrier", sys, name) == 1;
    int speed = (int)sysfs_number("%s/class/net/%s/speed", sys, name);
    if (speed > 0)
        nic.speed_mbps = speed;
    *ret = nic;
    return true;
}

void inventory_nics(const char *sys, struct inventory *inventory)
{
    char path[256];
    inventory->nic_count = 0;
    (void)snprintf(path, sizeof(path), "%s/class/net", sys);
    struct dirent **names = NULL;
    int count = scandir(path, &names, NULL, versionsort);
    for (int i = 0; i < count; i++) {
        if (inventory->nic_count < NICS_MAX &&
            read_nic(sys, names[i]->d_name, &inventory->nics[inventory->nic_count]))
            inventory->nic_count++;
        free(names[i]);
    }
    free(names);
}

void inventory_disks(const char *sys, const char *dev, struct inventory *inventory)
{
    inventory->disk_count = disks_list(sys, dev, inventory->disks, DISKS_MAX);
}

bool inventory_uuid_bytes(const struct inventory *inventory, uint8_t ret[static 16])
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    char hex[33];
    size_t n = 0;
    for (const char *p = inventory->uuid; *p && n < 32; p++) {
        if (*p != '-')
            hex[n++] = *p;
    }
    hex[n] = '\0';
    uint8_t bytes[16];
    if (str_unhex(hex, bytes, sizeof(bytes)) < 0)
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        ret[i] = bytes[order[i]];
    return true;
}
