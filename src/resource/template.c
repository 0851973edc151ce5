/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/template.h"

#include "base/str.h"
#include "resource/format.h"
#include "resource/problem.h"

const char *const machine_role_values[] = {"none", "controlPlane", "worker", NULL};
const char *const handover_values[] = {"kexec", "reboot", NULL};
const char *const disk_type_values[] = {"nvme", "ssd", "hdd", "virtual", NULL};
const char *const bond_mode_values[] = {"active-backup", "802.3ad",   "balance-rr",
                                        "balance-xor",   "broadcast", "balance-tlb",
                                        "balance-alb",   NULL};
static const char *const file_encoding_values[] = {"text", "base64", NULL};

#define S struct root_disk
const struct field root_disk_fields[] = {
    F_STRING(S, serial, "serial", .max_length = 128, .doc = "Serial number of the disk."),
    F_STRING(S, wwn, "wwn", .max_length = 128, .doc = "World-wide name of the disk."),
    F_STRING(S, path, "path", .format = &format_path,
             .doc = "Where the disk is plugged in: its path under /dev/disk/by-path, as the "
                    "inventory shows it, or a pattern of such paths with * and ?. Names such as "
                    "/dev/sda are refused, because another disk may have them at the next start."),
    F_STRING(S, model, "model", .max_length = 128, .doc = "Model of the disk."),
    F_SIZE(S, min_size, "minSize", .doc = "The disk is at least this large."),
    F_SIZE(S, max_size, "maxSize", .doc = "The disk is at most this large."),
    F_ENUM(S, type, "type", disk_type_values, .doc = "Kind of disk."),
    F_TRI(S, rotational, "rotational", .doc = "Whether the disk has spinning platters."),
    {0}};
#undef S

static const struct field bond_fields[] = {
    F_ENUM(struct bond, mode, "mode", bond_mode_values, .flags = FIELD_REQUIRED,
           .doc = "Bonding mode of the kernel."),
    F_STRINGS(struct bond, interfaces, "interfaces", FIELD_UNIQUE, .max_items = 16,
              .format = &format_interface,
              .doc =
                  "Names (as status.inventory shows them) or MAC addresses of the cards; without "
                  "any, all that have a carrier in stage2."),
    {0}};

/* clang-format off */
#define NETWORK_FIELDS                                                                             \
    F_IPV4(struct machine_network, gateway, "gateway", .doc = "Default gateway.",                  \
           .late = "the Network's"),                                                               \
    F_IPV4S(struct machine_network, dns, "dns", FIELD_UNIQUE, .max_items = 8,                      \
            .doc = "Name servers.", .late = "the Network's"),                                      \
    F_STRINGS(struct machine_network, ntp, "ntp", FIELD_UNIQUE, .max_items = 8,                    \
              .format = &format_host, .doc = "Time servers.", .late = "the Network's"),            \
    F_STRINGS(struct machine_network, search, "search", FIELD_UNIQUE, .max_items = 16,             \
              .format = &format_hostname, .doc = "Domains that short names are looked up in."),    \
    F_INT(struct machine_network, vlan, "vlan", .min = 1, .max = 4094,                             \
          .doc = "VLAN id that the system tags its packets with.", .late = "untagged"),            \
    F_INT(struct machine_network, mtu, "mtu", .min = 576, .max = 9216,                             \
          .doc = "Largest packet in bytes.", .late = "the Network's"),                             \
    F_OBJECT(struct machine_network, bond, "bond", struct bond, bond_fields,                       \
             .flags = FIELD_ATOMIC, .doc = "Joins several cards into one link.")
/* clang-format on */

const struct field machine_network_fields[] = {
    F_CIDR(struct machine_network, address, "address",
           .doc = "Address with its prefix length, such as 10.0.0.5/24. DHCP gives it to the "
                  "machine, and the installed system keeps it.",
           .late = "from the Network's ranges"),
    NETWORK_FIELDS,
    {0}};

const struct field profile_network_fields[] = {NETWORK_FIELDS, {0}};

#define S struct first_boot_file
static const struct field file_fields[] = {
    F_STRING(S, path, "path", .format = &format_path, .flags = FIELD_REQUIRED,
             .doc = "Where the file goes."),
    F_STRING(S, content, "content", .format = &format_text, .max_length = 262144,
             .doc = "What is in it."),
    F_ENUM(S, encoding, "encoding", file_encoding_values,
           .doc = "How content is written: text as it is, or base64.", .late = "text"),
    F_BOOL(S, template, "template",
           .doc = "Whether {{ .variables }} in the content are replaced by the machine's values. "
                  "Without it the content is written as it is."),
    F_STRING(S, permissions, "permissions", .format = &format_mode,
             .doc = "Permissions in octal digits, quoted.", .late = "\"0644\""),
    F_STRING(S, owner, "owner", .format = &format_owner, .doc = "Owner, as user or user:group.",
             .late = "root:root"),
    {0}};
#undef S

#define S struct first_boot_user
static const struct field user_fields[] = {
    F_STRING(S, name, "name", .format = &format_user, .flags = FIELD_REQUIRED,
             .doc = "Login name."),
    F_STRINGS(S, groups, "groups", FIELD_UNIQUE, .max_items = 32, .format = &format_user,
              .doc = "Groups that the user is in beside his own."),
    F_STRING(S, shell, "shell", .format = &format_path, .doc = "Login shell.", .late = "/bin/bash"),
    F_STRING(S, password_hash, "passwordHash", .max_length = 256,
             .doc = "Password as crypt(5) hashes it.", .late = "no password"),
    F_STRINGS(S, ssh_authorized_keys, "sshAuthorizedKeys", FIELD_UNIQUE, .max_items = 64,
              .format = &format_ssh_key, .max_length = 16384,
              .doc = "SSH keys that may log in as this user."),
    F_BOOL(S, sudo, "sudo", .doc = "Whether the user may become root without a password."),
    {0}};
#undef S

#define S struct first_boot
const struct field first_boot_fields[] = {
    F_STRING(S, hostname, "hostname", .format = &format_hostname, .doc = "Host name.",
             .late = "the Machine's name"),
    F_STRINGS(S, ssh_authorized_keys, "sshAuthorizedKeys", FIELD_UNIQUE, .max_items = 64,
              .format = &format_ssh_key, .max_length = 16384,
              .doc = "SSH keys that may log in as root."),
    F_OBJECTS(S, users, "users", struct first_boot_user, user_fields, 0, .max_items = 64,
              .doc = "Users to create."),
    F_OBJECTS(S, files, "files", struct first_boot_file, file_fields, 0, .max_items = 128,
              .doc = "Files to write."),
    F_STRINGS(
        S, commands, "commands", 0, .max_items = 128, .format = &format_text, .max_length = 16384,
        .doc = "Shell commands to run, in this order. {{ .variables }} in them are replaced."),
    F_STRING(S, timezone, "timezone", .format = &format_timezone,
             .doc = "Time zone, such as Europe/Berlin.", .late = "UTC"),
    {0}};
#undef S

const struct field template_fields[] = {TEMPLATE_FIELDS,
                                        F_OBJECT(struct machine_spec, network, "network",
                                                 struct machine_network, profile_network_fields),
                                        {0}};

static void check_file(const struct first_boot_file *file, size_t i, struct problems *problems)
{
    if (file->encoding != FILE_ENCODING_BASE64 || !file->content)
        return;
    _autofree_ uint8_t *data = NULL;
    size_t len;
    if (str_unbase64(file->content, SIZE_MAX, &data, &len) == 0)
        return;
    char path[64];
    (void)snprintf(path, sizeof(path), "spec.firstBoot.files[%zu].content", i);
    problem_add(problems, PROBLEM_INVALID, path, "not base64, as encoding says");
}

static void check_root_disk(const struct root_disk *disk, struct problems *problems)
{
    if (disk->path && !str_after(disk->path, "/dev/disk/by-path/"))
        problem_add(problems, PROBLEM_INVALID, "spec.rootDisk.path",
                    "not below /dev/disk/by-path/: only those names stay with a disk");
    if (disk->max_size && disk->min_size > disk->max_size)
        problem_add(problems, PROBLEM_INVALID, "spec.rootDisk.minSize",
                    "above spec.rootDisk.maxSize");
}

void template_check(const struct machine_spec *spec, struct problems *problems)
{
    check_root_disk(&spec->root_disk, problems);
    for (size_t i = 0; i < spec->first_boot.n_files; i++)
        check_file(&spec->first_boot.files[i], i, problems);
    const struct machine_network *net = &spec->network;
    if (net->address.address && net->address.prefix < 31 &&
        (net->address.address == cidr_first(net->address) ||
         net->address.address == cidr_last(net->address)))
        problem_add(problems, PROBLEM_INVALID, "spec.network.address",
                    "the subnet's own or broadcast address, not a machine's");
    if (net->gateway && net->address.address && !cidr_contains(net->address, net->gateway))
        problem_add(problems, PROBLEM_INVALID, "spec.network.gateway",
                    "outside the subnet of spec.network.address");
}

static bool bytes_zero(const char *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void inherit_list(const struct field *field, char *dst, const char *src)
{
    size_t *dst_count = (size_t *)(void *)(dst + field->count_offset);
    const size_t *src_count = (const size_t *)(const void *)(src + field->count_offset);
    if (*dst_count)
        return;
    const void *items;
    *dst_count = *src_count;
    memcpy(&items, src + field->offset, sizeof(items));
    memcpy(dst + field->offset, &items, sizeof(items));
}

void fields_inherit(const struct field *fields, void *dst, const void *src)
{
    for (const struct field *f = fields; f->name; f++) {
        char *to = (char *)dst + f->offset;
        const char *from = (const char *)src + f->offset;
        if (field_is_list(f) || f->type == FIELD_MAP)
            inherit_list(f, dst, src);
        else if (f->type == FIELD_OBJECT && !(f->flags & FIELD_ATOMIC))
            fields_inherit(f->fields, to, from);
        else if (bytes_zero(to, f->size)) /* absent is all zero bits in every type used here */
            memcpy(to, from, f->size);
    }
}
