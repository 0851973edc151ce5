/* SPDX-License-Identifier: Apache-2.0 */
/* The files of systemd-networkd, and resolv.conf where nobody else writes it. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/str.h"
#include "node/apply.h"
#include "provision/networkd.h"

#define NETWORK_DIR "/etc/systemd/network"

/* Files of an earlier configuration must not stay beside the new ones. */
static void remove_old(const struct node *node)
{
    _autofree_ char *folder = node_path(node, NETWORK_DIR);
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "10-slipway-", 11) == 0 ||
            strcmp(entry->d_name, "90-slipway-default.network") == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

static int write_files(const struct node *node, const struct networkd_files *files, struct err *err)
{
    for (size_t i = 0; i < files->list.count; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), NETWORK_DIR "/%s", files->list.items[i].name);
        int r = node_write_text(node, path, files->list.items[i].text, 0644, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool has_resolved(const struct node *node)
{
    return node_exists(node, "/usr/lib/systemd/systemd-resolved") ||
           node_exists(node, "/lib/systemd/systemd-resolved");
}

/* resolv.conf(5) has room for three servers. */
static void add_resolver(struct buf *out, const struct provision_link *link, unsigned *servers)
{
    if (link->search.count) {
        buf_adds(out, "search");
        for (size_t i = 0; i < link->search.count; i++)
            buf_printf(out, " %s", link->search.items[i]);
        buf_adds(out, "\n");
    }
    for (size_t i = 0; i < link->dns.count && *servers < 3; i++, (*servers)++)
        buf_printf(out, "nameserver %s\n", link->dns.items[i]);
}

static int write_resolver(const struct node *node, const struct provision *p, struct err *err)
{
    _autobuf_ struct buf out = BUF_INIT;
    unsigned servers = 0;
    for (size_t i = 0; i < p->links.count; i++)
        add_resolver(&out, &p->links.items[i], &servers);
    if (!servers || has_resolved(node))
        return 0;
    if (buf_error(&out))
        return err_set(err, buf_error(&out), "out of memory");
    return node_write_text(node, "/etc/resolv.conf", buf_str(&out), 0644, err);
}

int apply_network(const struct node *node, const struct provision *p, struct err *err)
{
    _autonetworkd_ struct networkd_files files = {0};
    int r = networkd_render(p, &files);
    if (r < 0)
        return err_set(err, r, "out of memory");
    remove_old(node);
    r = write_files(node, &files, err);
    return r < 0 ? r : write_resolver(node, p, err);
}
