/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-init's NoCloud meta-data and user-data (docs.cloud-init.io, modules reference). */
#include <string.h>

#include "base/str.h"
#include "provision/render.h"

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static int set_text(json_t *object, const char *key, const char *text)
{
    return text ? set(object, key, json_string(text)) : 0;
}

static json_t *texts_json(const struct texts *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(list->items[i]));
    return array;
}

/* The object when nothing failed, else NULL with the reference dropped. */
static json_t *unless_failed(json_t *object, int failed)
{
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

json_t *provision_meta_data(const struct provision *p)
{
    _autofree_ char *instance = provision_instance_id(p);
    _autofree_ char *hostname = provision_hostname(p);
    if (!instance || !hostname)
        return NULL;
    return json_pack("{s:s, s:s}", "instance-id", instance, "local-hostname",
                     p->fqdn ? p->fqdn : hostname);
}

static json_t *user_json(const struct provision_user *user)
{
    json_t *json = json_object();
    int failed = set_text(json, "name", user->name);
    bool root = str_eq(user->name, "root");
    if (user->ssh_authorized_keys.count)
        failed |= set(json, "ssh_authorized_keys", texts_json(&user->ssh_authorized_keys));
    if (user->groups.count && !root)
        failed |= set(json, "groups", texts_json(&user->groups));
    if (user->password_hash)
        failed |= set(json, "lock_passwd", json_false());
    failed |= set_text(json, "hashed_passwd", user->password_hash);
    if (!root)
        failed |= set_text(json, "shell", user->shell ? user->shell : "/bin/bash");
    if (user->sudo && !root)
        failed |= set_text(json, "sudo", "ALL=(ALL) NOPASSWD:ALL");
    return unless_failed(json, failed);
}

static int set_users(json_t *root, const struct provision *p)
{
    if (!p->users.count)
        return 0;
    json_t *array = json_array();
    int failed = 0;
    for (size_t i = 0; i < p->users.count; i++) {
        failed |= json_array_append_new(array, user_json(&p->users.items[i]));
        /* Images forbid root's keys unless told otherwise. */
        if (str_eq(p->users.items[i].name, "root"))
            failed |= set(root, "disable_root", json_false());
    }
    return set(root, "users", array) | failed;
}

static int set_host_keys(json_t *root, const struct provision *p)
{
    if (!p->host_keys.count)
        return 0;
    json_t *keys = json_object();
    int failed = 0;
    for (size_t i = 0; i < p->host_keys.count; i++) {
        const struct provision_host_key *key = &p->host_keys.items[i];
        char name[32];
        (void)snprintf(name, sizeof(name), "%s_private", key->type);
        failed |= set_text(keys, name, key->private);
        (void)snprintf(name, sizeof(name), "%s_public", key->type);
        failed |= set_text(keys, name, key->public);
    }
    return set(root, "ssh_keys", keys) | failed;
}

static json_t *file_json(const struct provision_file *file)
{
    char mode[8];
    (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)file->mode);
    _autofree_ char *content = str_base64(file->content.data, file->content.len);
    json_t *json = json_object();
    int failed = set_text(json, "path", file->path);
    failed |= set_text(json, "permissions", mode);
    failed |= set_text(json, "encoding", "b64");
    failed |= content ? set_text(json, "content", content) : -1;
    if (file->owner) {
        failed |= set_text(json, "owner", file->owner);
        /* Users are made after files are written, unless those are deferred. */
        if (strncmp(file->owner, "root", 4) != 0)
            failed |= set(json, "defer", json_true());
    }
    return unless_failed(json, failed);
}

static int set_files(json_t *root, const struct provision *p)
{
    if (!p->files.count)
        return 0;
    json_t *array = json_array();
    int failed = 0;
    for (size_t i = 0; i < p->files.count; i++)
        failed |= json_array_append_new(array, file_json(&p->files.items[i]));
    return set(root, "write_files", array) | failed;
}

/* The server validates the token once; the keys posted become the Machine's known host keys. */
static int set_phone_home(json_t *root, const struct provision *p)
{
    if (!p->phone_home_token || !p->server)
        return 0;
    _autofree_ char *url = str_format("%s/v1/phone-home/%s", p->server, p->phone_home_token);
    if (!url)
        return -1;
    json_t *json =
        json_pack("{s:s, s:i, s:[s,s,s,s,s,s]}", "url", url, "tries", 30, "post", "pub_key_rsa",
                  "pub_key_ecdsa", "pub_key_ed25519", "instance_id", "hostname", "fqdn");
    return set(root, "phone_home", json);
}

json_t *provision_user_data(const struct provision *p)
{
    _autofree_ char *hostname = provision_hostname(p);
    json_t *root = json_object();
    int failed = hostname ? set_text(root, "hostname", hostname) : -1;
    failed |= set_text(root, "fqdn", p->fqdn);
    failed |= set(root, "preserve_hostname", json_false());
    failed |= set(root, "manage_etc_hosts", json_string("localhost"));
    failed |= set_text(root, "timezone", p->timezone);
    failed |= set_users(root, p);
    failed |= set_host_keys(root, p);
    failed |= set_files(root, p);
    if (p->commands.count)
        failed |= set(root, "runcmd", texts_json(&p->commands));
    if (p->ntp.count)
        failed |=
            set(root, "ntp", json_pack("{s:b, s:o}", "enabled", 1, "servers", texts_json(&p->ntp)));
    failed |= set_phone_home(root, p);
    return unless_failed(root, failed);
}
