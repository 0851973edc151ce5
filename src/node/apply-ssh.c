/* SPDX-License-Identifier: Apache-2.0 */
/* Host keys of the SSH server. */
#include <dirent.h>
#include <string.h>

#include "base/str.h"
#include "node/apply.h"
#include "provision/hostkey.h"

#define SSH_DIR "/etc/ssh"

static bool is_host_key(const char *name)
{
    return strncmp(name, "ssh_host_", 9) == 0 &&
           (str_ends_with(name, "_key") || str_ends_with(name, "_key.pub"));
}

/* A key that came with the image is known to everybody who has the image. */
static void remove_old(const struct node *node)
{
    _autofree_ char *folder = node_path(node, SSH_DIR);
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (is_host_key(entry->d_name))
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

static int write_key(const struct node *node, const struct provision_host_key *key, struct err *err)
{
    char path[64], public_path[64];
    (void)snprintf(path, sizeof(path), SSH_DIR "/ssh_host_%s_key", key->type);
    (void)snprintf(public_path, sizeof(public_path), "%s.pub", path);
    _autofree_ char *line = str_format("%s\n", key->public);
    if (!line)
        return err_set(err, -ENOMEM, "out of memory");
    int r = node_write_text(node, path, key->private, 0600, err);
    return r < 0 ? r : node_write_text(node, public_path, line, 0644, err);
}

static int write_new_key(const struct node *node, const struct provision *p, struct err *err)
{
    _autofree_ char *hostname = provision_hostname(p);
    _autofree_ char *comment = hostname ? str_format("root@%s", hostname) : NULL;
    struct provision made = {0};
    struct provision_host_key *key = items_add(&made.host_keys, sizeof(*key));
    int r = comment && key ? hostkey_generate(&rng_system, comment, key) : -ENOMEM;
    r = r < 0 ? err_errno(err, r, "cannot make a host key") : write_key(node, key, err);
    provision_free(&made);
    return r;
}

int apply_host_keys(const struct node *node, const struct provision *p, struct err *err)
{
    remove_old(node);
    if (!p->host_keys.count)
        return write_new_key(node, p, err);
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->host_keys.count; i++)
        r = write_key(node, &p->host_keys.items[i], err);
    return r;
}
