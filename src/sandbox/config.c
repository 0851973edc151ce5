/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/config.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"

/* A field of one of the objects above: its name and how its value is taken over. */
struct field {
    const char *name;
    int (*set)(void *object, const json_t *value, struct err *err);
};

static const char *const firmware_names[] = {"bios", "uefi", NULL};
static const char *const boot_names[] = {"network", "disk", "firmware", NULL};
static const char *const accel_names[] = {"auto", "kvm", "tcg", NULL};
static const char *const disk_models[] = {"virtio", "scsi", "nvme", "ahci", NULL};
static const char *const nic_models[] = {"virtio", "e1000e", "e1000", "rtl8139", "vmxnet3", NULL};

const char *sandbox_firmware_name(enum sandbox_firmware firmware)
{
    return firmware_names[firmware];
}

/* Gives each member of a JSON object to its field; refuses members that are no field. */
static int take_fields(const struct field *fields, void *object, const json_t *json,
                       struct err *err)
{
    if (!json_is_object(json))
        return err_set(err, -EINVAL, "expected an object with fields");
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)json, name, value) {
        const struct field *f = fields;
        while (f->name && !str_eq(f->name, name))
            f++;
        if (!f->name)
            return err_set(err, -EINVAL, "%s: unknown field", name);
        int r = f->set(object, value, err);
        if (r < 0)
            return err_wrap(err, "%s", name);
    }
    return 0;
}

static int take_choice(const char *const names[], const json_t *value, unsigned *ret,
                       struct err *err)
{
    const char *text = json_string_value(value);
    for (unsigned i = 0; names[i]; i++) {
        if (str_eq(text, names[i])) {
            *ret = i;
            return 0;
        }
    }
    return err_set(err, -EINVAL, "expected one of %s, %s%s%s..., found \"%s\"", names[0], names[1],
                   names[2] ? ", " : "", names[2] ? names[2] : "", text ? text : "(no text)");
}

static int take_bool(const json_t *value, bool *ret, struct err *err)
{
    if (!json_is_boolean(value))
        return err_set(err, -EINVAL, "expected true or false");
    *ret = json_is_true(value);
    return 0;
}

static int take_number(const json_t *value, uint64_t min, uint64_t max, uint64_t *ret,
                       struct err *err)
{
    json_int_t n = json_integer_value(value);
    int r =
        json_is_integer(value) && n >= 0 && (uint64_t)n >= min && (uint64_t)n <= max ? 0 : -ERANGE;
    if (r == 0)
        *ret = (uint64_t)n;
    else if (json_is_string(value))
        r = str_parse_u64(json_string_value(value), min, max, ret);
    if (r < 0)
        return err_set(err, -EINVAL, "expected a whole number from %llu to %llu",
                       (unsigned long long)min, (unsigned long long)max);
    return 0;
}

static int take_size(const json_t *value, uint64_t unit, uint64_t *ret, struct err *err)
{
    uint64_t size = 0;
    const char *text = json_string_value(value);
    if (json_is_integer(value) && json_integer_value(value) > 0)
        size = (uint64_t)json_integer_value(value);
    else if (!text || str_parse_size(text, &size) < 0)
        return err_set(err, -EINVAL, "expected a size such as 8Gi, found \"%s\"",
                       text ? text : "(no text)");
    if (size == 0 || size % unit != 0)
        return err_set(err, -EINVAL, "expected a positive multiple of %llu bytes",
                       (unsigned long long)unit);
    *ret = size;
    return 0;
}

static int take_text(const json_t *value, char *dst, size_t size, struct err *err)
{
    const char *text = json_string_value(value);
    if (str_empty(text))
        return err_set(err, -EINVAL, "expected text");
    /* A comma would end the value on QEMU's command line, and other bytes help nobody. */
    for (const char *p = text; *p; p++) {
        if (*p == ',' || *p < 0x20 || *p > 0x7e)
            return err_set(err, -EINVAL, "expected printable ASCII without commas");
    }
    if (str_copy(dst, size, text) < 0)
        return err_set(err, -EINVAL, "longer than %zu characters", size - 1);
    return 0;
}

/* ---- disks ---- */

static int disk_size(void *object, const json_t *value, struct err *err)
{
    return take_size(value, 512, &((struct sandbox_disk *)object)->size, err);
}

static int disk_model(void *object, const json_t *value, struct err *err)
{
    unsigned model = 0;
    int r = take_choice(disk_models, value, &model, err);
    ((struct sandbox_disk *)object)->model = model;
    return r;
}

static int disk_serial(void *object, const json_t *value, struct err *err)
{
    struct sandbox_disk *disk = object;
    return take_text(value, disk->serial, sizeof(disk->serial), err);
}

static int disk_block_size(void *object, const json_t *value, struct err *err)
{
    uint64_t size = 0;
    int r = take_number(value, 512, 4096, &size, err);
    if (r == 0 && size != 512 && size != 4096)
        r = err_set(err, -EINVAL, "expected 512 or 4096");
    ((struct sandbox_disk *)object)->block_size = (uint32_t)size;
    return r;
}

static int disk_write_rate(void *object, const json_t *value, struct err *err)
{
    return take_size(value, 1, &((struct sandbox_disk *)object)->write_rate, err);
}

static const struct field disk_fields[] = {
    {"size", disk_size},
    {"model", disk_model},
    {"serial", disk_serial},
    {"blockSize", disk_block_size},
    {"writeRate", disk_write_rate},
    {NULL, NULL},
};

static int take_disk(struct sandbox_disk *disk, const json_t *json, struct err *err)
{
    disk->block_size = 512;
    if (!json_is_object(json))
        return disk_size(disk, json, err);
    int r = take_fields(disk_fields, disk, json, err);
    if (r == 0 && disk->size == 0)
        r = err_set(err, -EINVAL, "size: missing");
    return r;
}

/* ---- NICs ---- */

static int nic_mac(void *object, const json_t *value, struct err *err)
{
    struct sandbox_nic *nic = object;
    const char *text = json_string_value(value);
    if (!text || mac_parse(text, &nic->mac) < 0 || !mac_is_unicast(nic->mac))
        return err_set(err, -EINVAL, "not a MAC address of one machine: \"%s\"",
                       text ? text : "(no text)");
    return 0;
}

static int nic_model(void *object, const json_t *value, struct err *err)
{
    unsigned model = 0;
    int r = take_choice(nic_models, value, &model, err);
    ((struct sandbox_nic *)object)->model = model;
    return r;
}

static int nic_link(void *object, const json_t *value, struct err *err)
{
    return take_bool(value, &((struct sandbox_nic *)object)->link, err);
}

static const struct field nic_fields[] = {
    {"mac", nic_mac},
    {"model", nic_model},
    {"link", nic_link},
    {NULL, NULL},
};

/* ---- machines ---- */

static int machine_name(void *object, const json_t *value, struct err *err)
{
    struct sandbox_machine *m = object;
    const char *text = json_string_value(value);
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n > SANDBOX_NAME_MAX || text[0] == '-' || text[n - 1] == '-' ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
        return err_set(err, -EINVAL, "not a name of lower-case letters, digits and '-': \"%s\"",
                       text ? text : "(no text)");
    return str_copy(m->name, sizeof(m->name), text);
}

static int machine_firmware(void *object, const json_t *value, struct err *err)
{
    unsigned firmware = 0;
    int r = take_choice(firmware_names, value, &firmware, err);
    ((struct sandbox_machine *)object)->firmware = firmware;
    return r;
}

static int machine_boot(void *object, const json_t *value, struct err *err)
{
    unsigned boot = 0;
    int r = take_choice(boot_names, value, &boot, err);
    ((struct sandbox_machine *)object)->boot = boot;
    return r;
}

static int machine_memory(void *object, const json_t *value, struct err *err)
{
    return take_size(value, (uint64_t)1 << 20, &((struct sandbox_machine *)object)->memory, err);
}

static int machine_cpus(void *object, const json_t *value, struct err *err)
{
    uint64_t cpus = 0;
    int r = take_number(value, 1, 64, &cpus, err);
    ((struct sandbox_machine *)object)->cpus = (uint32_t)cpus;
    return r;
}

static int machine_serial(void *object, const json_t *value, struct err *err)
{
    struct sandbox_machine *m = object;
    return take_text(value, m->serial, sizeof(m->serial), err);
}

static int machine_uuid(void *object, const json_t *value, struct err *err)
{
    static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    struct sandbox_machine *m = object;
    const char *text = json_string_value(value);
    bool good = text && strlen(text) == sizeof(shape) - 1;
    for (size_t i = 0; good && shape[i]; i++)
        good = shape[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
    if (!good)
        return err_set(err, -EINVAL, "not a UUID: \"%s\"", text ? text : "(no text)");
    return str_copy(m->uuid, sizeof(m->uuid), text);
}

static int machine_clock(void *object, const json_t *value, struct err *err)
{
    struct sandbox_machine *m = object;
    const char *text = json_string_value(value);
    int64_t ms = 0;
    if (!text || clock_parse(text, &ms) < 0 || ms < 0)
        return err_set(err, -EINVAL, "expected a time such as 2001-01-01T00:00:00Z, found \"%s\"",
                       text ? text : "(no text)");
    return str_copy(m->clock, sizeof(m->clock), text);
}

static int machine_vnc(void *object, const json_t *value, struct err *err)
{
    return take_bool(value, &((struct sandbox_machine *)object)->vnc, err);
}

static int machine_rom(void *object, const json_t *value, struct err *err)
{
    return take_bool(value, &((struct sandbox_machine *)object)->rom, err);
}

static int machine_disks(void *object, const json_t *value, struct err *err)
{
    struct sandbox_machine *m = object;
    if (!json_is_array(value) || json_array_size(value) > SANDBOX_DISKS_MAX)
        return err_set(err, -EINVAL, "expected a list of at most %d disks", SANDBOX_DISKS_MAX);
    m->disk_count = json_array_size(value);
    for (size_t i = 0; i < m->disk_count; i++) {
        int r = take_disk(&m->disks[i], json_array_get(value, i), err);
        if (r < 0)
            return err_wrap(err, "[%zu]", i);
    }
    return 0;
}

static int machine_nics(void *object, const json_t *value, struct err *err)
{
    struct sandbox_machine *m = object;
    if (!json_is_array(value) || json_array_size(value) > SANDBOX_NICS_MAX)
        return err_set(err, -EINVAL, "expected a list of at most %d NICs", SANDBOX_NICS_MAX);
    m->nic_count = json_array_size(value);
    for (size_t i = 0; i < m->nic_count; i++) {
        m->nics[i].link = true;
        int r = take_fields(nic_fields, &m->nics[i], json_array_get(value, i), err);
        if (r < 0)
            return err_wrap(err, "[%zu]", i);
    }
    return 0;
}

static const struct field machine_fields[] = {
    {"name", machine_name},
    {"firmware", machine_firmware},
    {"boot", machine_boot},
    {"memory", machine_memory},
    {"cpus", machine_cpus},
    {"serial", machine_serial},
    {"uuid", machine_uuid},
    {"clock", machine_clock},
    {"vnc", machine_vnc},
    {"rom", machine_rom},
    {"disks", machine_disks},
    {"nics", machine_nics},
    {NULL, NULL},
};

/* Repeatable bytes for a thing that the configuration does not name. */
static void derive(const char *name, const char *purpose, uint8_t *dst, size_t len)
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, 16);
    (void)crypto_generichash_update(&state, (const uint8_t *)name, strlen(name) + 1);
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose));
    uint8_t hash[16];
    (void)crypto_generichash_final(&state, hash, sizeof(hash));
    memcpy(dst, hash, len);
}

/* QEMU's 52:54:00 and three bytes from the machine's name and the NIC's place. */
static void default_mac(struct sandbox_machine *m, size_t i)
{
    char purpose[16];
    (void)snprintf(purpose, sizeof(purpose), "nic%zu", i);
    m->nics[i].mac = (struct mac){{0x52, 0x54, 0x00}};
    derive(m->name, purpose, m->nics[i].mac.b + 3, 3);
}

/* From the name: it stays the same. */
static void default_uuid(struct sandbox_machine *m)
{
    uint8_t b[16];
    derive(m->name, "uuid", b, sizeof(b));
    (void)str_uuid4(b, m->uuid);
}

static void fill_defaults(struct sandbox_machine *m)
{
    static const struct mac none;
    if (m->memory == 0)
        m->memory = (uint64_t)1 << 30;
    if (m->cpus == 0)
        m->cpus = 2;
    if (!m->serial[0])
        (void)snprintf(m->serial, sizeof(m->serial), "SANDBOX-%.*s", 56, m->name);
    if (!m->uuid[0])
        default_uuid(m);
    for (size_t i = 0; i < m->nic_count; i++) {
        if (mac_eq(m->nics[i].mac, none))
            default_mac(m, i);
    }
    for (size_t i = 0; i < m->disk_count; i++) {
        if (!m->disks[i].serial[0])
            (void)snprintf(m->disks[i].serial, sizeof(m->disks[i].serial), "%.*s-%zu", 18, m->name,
                           i);
    }
}

int sandbox_machine_parse(const json_t *json, struct sandbox_machine *ret, struct err *err)
{
    struct sandbox_machine m = {.disk_count = 1, .nic_count = 1, .rom = true};
    m.disks[0] = (struct sandbox_disk){.size = (uint64_t)8 << 30, .block_size = 512};
    m.nics[0].link = true;
    int r = take_fields(machine_fields, &m, json, err);
    if (r == 0 && !m.name[0])
        r = err_set(err, -EINVAL, "name: missing");
    if (r < 0)
        return m.name[0] ? err_wrap(err, "machine %s", m.name) : r;
    fill_defaults(&m);
    *ret = m;
    return 0;
}

/* ---- the network ---- */

static int network_address(void *object, const json_t *value, struct err *err)
{
    struct sandbox_network *n = object;
    const char *text = json_string_value(value);
    if (!text || cidr_parse(text, &n->address) < 0 || n->address.prefix < 8 ||
        n->address.prefix > 30 || n->address.address == cidr_first(n->address) ||
        n->address.address == cidr_last(n->address))
        return err_set(err, -EINVAL,
                       "expected an address within its subnet, such as 10.77.0.1/24, found \"%s\"",
                       text ? text : "(no text)");
    return 0;
}

static int network_nat(void *object, const json_t *value, struct err *err)
{
    return take_bool(value, &((struct sandbox_network *)object)->nat, err);
}

static int network_accel(void *object, const json_t *value, struct err *err)
{
    unsigned accel = 0;
    int r = take_choice(accel_names, value, &accel, err);
    ((struct sandbox_network *)object)->accel = accel;
    return r;
}

static int machines_elsewhere(void *object, const json_t *value, struct err *err)
{
    (void)object;
    return json_is_array(value) ? 0 : err_set(err, -EINVAL, "expected a list of machines");
}

static const struct field network_fields[] = {
    {"network", network_address},     {"nat", network_nat}, {"accelerator", network_accel},
    {"machines", machines_elsewhere}, {NULL, NULL},
};

int sandbox_network_parse(const json_t *json, struct sandbox_network *ret, struct err *err)
{
    struct sandbox_network n = {.address = {.address = 0x0a4d0001, .prefix = 24}};
    int r = take_fields(network_fields, &n, json, err);
    if (r == 0)
        *ret = n;
    return r;
}
