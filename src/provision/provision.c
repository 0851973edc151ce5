/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/provision.h"

#include "provision/fields.h"

#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "provision/value.h"

#define TABLE(type, list)                                                                          \
    {                                                                                              \
        .fields = (list), .count = ARRAY_SIZE(list), .size = sizeof(type)                          \
    }
#define TEXT(type, member, json, longest, checker, wanted)                                         \
    {                                                                                              \
        .name = (json), .kind = FIELD_TEXT, .offset = offsetof(type, member), .max = (longest),    \
        .check = (checker), .what = (wanted)                                                       \
    }
#define NEED(type, member, json, longest, checker, wanted)                                         \
    {                                                                                              \
        .name = (json), .kind = FIELD_TEXT, .offset = offsetof(type, member), .max = (longest),    \
        .check = (checker), .what = (wanted), .required = true                                     \
    }
#define TEXTS(type, member, json, most, checker, wanted)                                           \
    {                                                                                              \
        .name = (json), .kind = FIELD_TEXTS, .offset = offsetof(type, member), .max = (most),      \
        .check = (checker), .what = (wanted)                                                       \
    }
#define PLAIN(type, member, json, of_kind, limit)                                                  \
    {                                                                                              \
        .name = (json), .kind = (of_kind), .offset = offsetof(type, member), .max = (limit)        \
    }
#define ITEMS(type, member, json, most, of_table)                                                  \
    {                                                                                              \
        .name = (json), .kind = FIELD_ITEMS, .offset = offsetof(type, member), .max = (most),      \
        .table = &(of_table)                                                                       \
    }
#define ENUM(type, member, json, words)                                                            \
    {                                                                                              \
        .name = (json), .kind = FIELD_ENUM, .offset = offsetof(type, member), .names = (words)     \
    }

static const char *const style_names[] = {"slipway-node", "cloud-init", NULL};
static const char *const kind_names[] = {"ethernet", "bond", "vlan", NULL};

#define T struct provision_user
static const struct field user_fields[] = {
    NEED(T, name, "name", 32, value_is_user, "a user name"),
    TEXTS(T, ssh_authorized_keys, "sshAuthorizedKeys", 64, value_is_public_key, "a public key"),
    TEXTS(T, groups, "groups", 32, value_is_user, "a group name"),
    TEXT(T, password_hash, "passwordHash", 255, value_is_password_hash, "a hash of crypt(5)"),
    TEXT(T, shell, "shell", 255, value_is_path, "an absolute path"),
    PLAIN(T, sudo, "sudo", FIELD_BOOL, 0),
};
static const struct field_table user_table = TABLE(T, user_fields);
#undef T

#define T struct provision_host_key
static const struct field host_key_fields[] = {
    NEED(T, type, "type", 16, value_is_host_key_type, "ed25519, ecdsa or rsa"),
    NEED(T, private, "private", 8192, value_is_pem, "a PEM block"),
    NEED(T, public, "public", 4096, value_is_public_key, "a public key"),
};
static const struct field_table host_key_table = TABLE(T, host_key_fields);
#undef T

#define T struct provision_file
static const struct field file_fields[] = {
    NEED(T, path, "path", 1024, value_is_path, "an absolute path"),
    PLAIN(T, mode, "mode", FIELD_MODE, 0644),
    TEXT(T, owner, "owner", 80, value_is_owner, "\"user\" or \"user:group\""),
    PLAIN(T, content, "content", FIELD_BYTES, 1 << 20),
    PLAIN(T, template, "template", FIELD_BOOL, 0),
};
static const struct field_table file_table = TABLE(T, file_fields);
#undef T

#define T struct provision_route
static const struct field route_fields[] = {
    NEED(T, to, "to", 64, value_is_prefix, "a subnet"),
    NEED(T, via, "via", 64, value_is_address, "an address"),
};
static const struct field_table route_table = TABLE(T, route_fields);
#undef T

#define T struct provision_link
static const struct field link_fields[] = {
    ENUM(T, kind, "kind", kind_names),
    TEXT(T, name, "name", 15, value_is_interface, "an interface name"),
    PLAIN(T, mac, "macAddress", FIELD_MAC, 0),
    TEXT(T, parent, "parent", 15, value_is_interface, "an interface name"),
    PLAIN(T, vlan_id, "vlan", FIELD_UINT, 4094),
    PLAIN(T, members, "members", FIELD_MACS, 16),
    TEXT(T, bond_mode, "bondMode", 16, value_is_bond_mode, "a bond mode"),
    PLAIN(T, dhcp4, "dhcp4", FIELD_BOOL, 0),
    PLAIN(T, dhcp6, "dhcp6", FIELD_BOOL, 0),
    TEXTS(T, addresses, "addresses", 32, value_is_prefix, "an address with prefix length"),
    TEXTS(T, gateways, "gateways", 2, value_is_address, "an address"),
    ITEMS(T, routes, "routes", 64, route_table),
    TEXTS(T, dns, "dns", 16, value_is_address, "an address"),
    TEXTS(T, search, "search", 16, value_is_fqdn, "a domain"),
    PLAIN(T, mtu, "mtu", FIELD_UINT, 65535),
    PLAIN(T, optional, "optional", FIELD_BOOL, 0),
};
static const struct field_table link_table = TABLE(T, link_fields);
#undef T

#define T struct provision_variable
static const struct field variable_fields[] = {
    NEED(T, name, "name", 64, value_is_variable, "a variable name"),
    NEED(T, value, "value", 4096, NULL, NULL),
};
static const struct field_table variable_table = TABLE(T, variable_fields);
#undef T

#define T struct provision
static const struct field provision_fields[] = {
    ENUM(T, style, "style", style_names),
    NEED(T, machine, "machine", 253, value_is_machine, "a Machine name"),
    PLAIN(T, generation, "generation", FIELD_UINT, 0x7fffffff),
    TEXT(T, server, "server", 520, value_is_url, "an http URL"),
    TEXT(T, server_key, "serverKey", 43, value_is_key, "a public key in base64url"),
    TEXT(T, phone_home_token, "phoneHomeToken", 128, value_is_token, "a token"),
    TEXT(T, hostname, "hostname", 63, value_is_hostname, "a host name"),
    TEXT(T, fqdn, "fqdn", 253, value_is_fqdn, "a domain name"),
    TEXT(T, machine_id, "machineId", 32, value_is_machine_id, "32 lower-case hex digits"),
    TEXT(T, timezone, "timezone", 64, value_is_timezone, "a time zone"),
    ITEMS(T, users, "users", 64, user_table),
    ITEMS(T, host_keys, "hostKeys", 8, host_key_table),
    ITEMS(T, files, "files", 256, file_table),
    TEXTS(T, commands, "commands", 256, value_is_command, "a command"),
    TEXTS(T, ntp, "ntp", 16, value_is_server, "a host name or an address"),
    ITEMS(T, links, "links", 32, link_table),
    ITEMS(T, variables, "variables", 128, variable_table),
};
static const struct field_table provision_table = TABLE(T, provision_fields);
#undef T

void provision_free(struct provision *p)
{
    fields_free(&provision_table, p);
}

static bool mac_is_set(struct mac mac)
{
    static const struct mac none;
    return !mac_eq(mac, none);
}

static const struct provision_link *find_named(const struct provision *p, const char *name)
{
    for (size_t i = 0; i < p->links.count; i++) {
        if (p->links.items[i].name && str_eq(p->links.items[i].name, name))
            return &p->links.items[i];
    }
    return NULL;
}

static int check_link_kind(const struct provision *p, const struct provision_link *link, size_t i,
                           struct err *err)
{
    const char *kind = kind_names[link->kind];
    if (link->kind == PROVISION_ETHERNET && link->name)
        return err_set(err, -EINVAL, "links[%zu].name: ethernet keeps its name", i);
    if (link->kind == PROVISION_ETHERNET && !mac_is_unicast(link->mac))
        return err_set(err, -EINVAL, "links[%zu].macAddress: %s needs one", i, kind);
    if (link->kind != PROVISION_ETHERNET && !link->name)
        return err_set(err, -EINVAL, "links[%zu].name: a %s needs one", i, kind);
    if (link->name && strncmp(link->name, "nic", 3) == 0)
        return err_set(err, -EINVAL, "links[%zu].name: names that start with nic are taken", i);
    if (link->kind == PROVISION_BOND && !link->members.count)
        return err_set(err, -EINVAL, "links[%zu].members: a bond needs one", i);
    for (size_t k = 0; k < link->members.count; k++) {
        if (!mac_is_unicast(link->members.items[k]))
            return err_set(err, -EINVAL, "links[%zu].members[%zu]: not one machine's", i, k);
    }
    if (link->kind != PROVISION_VLAN)
        return 0;
    if (!link->vlan_id)
        return err_set(err, -EINVAL, "links[%zu].vlan: missing", i);
    if (!link->parent == !mac_is_set(link->mac))
        return err_set(err, -EINVAL, "links[%zu]: a vlan has either macAddress or parent", i);
    if (link->parent && (!find_named(p, link->parent) || str_eq(link->parent, link->name)))
        return err_set(err, -EINVAL, "links[%zu].parent: no link named %s", i, link->parent);
    return 0;
}

/* Two gateways of one family would be two default routes. */
static int check_gateways(const struct provision_link *link, size_t i, struct err *err)
{
    if (link->gateways.count < 2 || value_address_family(link->gateways.items[0]) !=
                                        value_address_family(link->gateways.items[1]))
        return 0;
    return err_set(err, -EINVAL, "links[%zu].gateways: two of one family", i);
}

static bool same_link(const struct provision_link *a, const struct provision_link *b)
{
    if (a->name || b->name)
        return a->name && b->name && str_eq(a->name, b->name);
    return mac_eq(a->mac, b->mac);
}

static int check_link(const struct provision *p, size_t i, struct err *err)
{
    const struct provision_link *link = &p->links.items[i];
    int r = check_link_kind(p, link, i, err);
    if (r == 0)
        r = check_gateways(link, i, err);
    for (size_t k = 0; r == 0 && k < i; k++) {
        if (same_link(link, &p->links.items[k]))
            r = err_set(err, -EINVAL, "links[%zu]: the same interface as links[%zu]", i, k);
    }
    return r;
}

/* What the table cannot see: how values belong together. */
static int check_together(const struct provision *p, struct err *err)
{
    for (size_t i = 0; i < p->links.count; i++) {
        int r = check_link(p, i, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 1; i < p->users.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(p->users.items[i].name, p->users.items[k].name))
                return err_set(err, -EINVAL, "users[%zu].name: %s was there before", i,
                               p->users.items[i].name);
        }
    }
    return 0;
}

int provision_check(const struct provision *p, struct err *err)
{
    int r = fields_check(&provision_table, p, err);
    return r < 0 ? r : check_together(p, err);
}

int provision_build(const struct provision *p, char **ret_text)
{
    json_t *json = fields_write(&provision_table, p);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return -ENOMEM;
    *ret_text = text;
    return 0;
}

int provision_parse(const char *text, size_t len, struct provision *ret, struct err *err)
{
    if (len > PROVISION_JSON_MAX)
        return err_set(err, -EINVAL, "longer than %zu bytes", PROVISION_JSON_MAX);
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return err_set(err, -EINVAL, "not JSON: %s", error.text);
    struct provision p;
    int r = fields_read(&provision_table, json, &p, err);
    json_decref(json);
    if (r < 0)
        return r;
    r = check_together(&p, err);
    if (r < 0) {
        provision_free(&p);
        return r;
    }
    *ret = p;
    return 0;
}

char *provision_instance_id(const struct provision *p)
{
    return str_format("%s-%u", p->machine, p->generation);
}

char *provision_hostname(const struct provision *p)
{
    if (p->hostname)
        return strdup(p->hostname);
    return strndup(p->machine, strcspn(p->machine, "."));
}
