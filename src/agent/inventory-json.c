/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inventory.h"

static void set(json_t *object, const char *name, json_t *value)
{
    /* Takes over the reference; a failure leaves the field out. */
    (void)json_object_set_new(object, name, value);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text[0])
        set(object, name, json_string(text));
}

static json_t *dmi_to_json(const struct inventory *inventory)
{
    json_t *dmi = json_object();
    set_text(dmi, "manufacturer", inventory->manufacturer);
    set_text(dmi, "product", inventory->product);
    set_text(dmi, "serial", inventory->serial);
    set_text(dmi, "uuid", inventory->uuid);
    set_text(dmi, "biosVersion", inventory->bios_version);
    return dmi;
}

static json_t *nic_to_json(const struct nic *nic)
{
    char mac[MAC_TEXT_SIZE];
    json_t *object = json_object();
    set_text(object, "name", nic->name);
    set_text(object, "mac", mac_text(nic->mac, mac));
    set_text(object, "driver", nic->driver);
    set_text(object, "pciAddress", nic->pci_address);
    if (nic->speed_mbps > 0)
        set(object, "speedMbps", json_integer(nic->speed_mbps));
    set(object, "carrier", json_boolean(nic->carrier));
    return object;
}

static json_t *disk_to_json(const struct disk *disk)
{
    json_t *object = json_object();
    set_text(object, "name", disk->name);
    set_text(object, "path", disk->path);
    set_text(object, "serial", disk->serial);
    set_text(object, "wwn", disk->wwn);
    set_text(object, "model", disk->model);
    set(object, "sizeBytes", json_integer((json_int_t)disk->size));
    set(object, "sectorSize", json_integer(disk->sector_size));
    set(object, "rotational", json_boolean(disk->rotational));
    set_text(object, "type", disk->type);
    set_text(object, "contents", disk->contents);
    return object;
}

static json_t *cpu_to_json(const struct inventory *inventory)
{
    json_t *cpu = json_object();
    set_text(cpu, "model", inventory->cpu_model);
    set(cpu, "count", json_integer(inventory->cpu_count));
    set(cpu, "sockets", json_integer(inventory->cpu_sockets));
    return cpu;
}

json_t *inventory_to_json(const struct inventory *inventory)
{
    json_t *object = json_object();
    json_t *nics = json_array(), *disks = json_array();
    for (size_t i = 0; i < inventory->nic_count; i++)
        (void)json_array_append_new(nics, nic_to_json(&inventory->nics[i]));
    for (size_t i = 0; i < inventory->disk_count; i++)
        (void)json_array_append_new(disks, disk_to_json(&inventory->disks[i]));
    set(object, "dmi", dmi_to_json(inventory));
    set(object, "architecture", json_string("amd64"));
    set(object, "firmware", json_string(inventory->efi ? "uefi" : "bios"));
    set(object, "secureBoot", json_boolean(inventory->secure_boot));
    set(object, "cpu", cpu_to_json(inventory));
    set(object, "memoryBytes", json_integer((json_int_t)inventory->memory_bytes));
    set(object, "nics", nics);
    set(object, "disks", disks);
    return object;
}
