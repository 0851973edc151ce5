/* SPDX-License-Identifier: Apache-2.0 */
/* Host name, machine id, time zone and time servers. */
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/str.h"
#include "node/apply.h"

enum { HOSTS_MAX = 1 << 20 };

/* Appends the old hosts without their lines for 127.0.1.1, then the one for this host. */
static void new_hosts(const char *old, const struct provision *p, const char *hostname,
                      struct buf *out)
{
    for (const char *s = old; *s;) {
        size_t n = strcspn(s, "\n");
        bool own = strncmp(s, "127.0.1.1", 9) == 0 && (s[9] == ' ' || s[9] == '\t');
        if (!own)
            buf_printf(out, "%.*s\n", (int)n, s);
        s += n + (s[n] == '\n');
    }
    if (!strstr(old, "127.0.0.1"))
        buf_adds(out, "127.0.0.1 localhost\n");
    buf_printf(out, "127.0.1.1 %s%s%s\n", p->fqdn ? p->fqdn : "", p->fqdn ? " " : "", hostname);
}

static int write_hosts(const struct node *node, const struct provision *p, const char *hostname,
                       struct err *err)
{
    _autofree_ char *old = NULL;
    _autobuf_ struct buf hosts = BUF_INIT;
    int r = node_read(node, "/etc/hosts", HOSTS_MAX, &old, NULL, err);
    if (r < 0 && r != -ENOENT)
        return r;
    new_hosts(old ? old : "", p, hostname, &hosts);
    if (buf_error(&hosts))
        return err_set(err, buf_error(&hosts), "out of memory");
    return node_write_text(node, "/etc/hosts", buf_str(&hosts), 0644, err);
}

int apply_hostname(const struct node *node, const struct provision *p, struct err *err)
{
    _autofree_ char *hostname = provision_hostname(p);
    _autofree_ char *line = hostname ? str_format("%s\n", hostname) : NULL;
    if (!line)
        return err_set(err, -ENOMEM, "out of memory");
    int r = node_write_text(node, "/etc/hostname", line, 0644, err);
    if (r == 0)
        r = write_hosts(node, p, hostname, err);
    if (r == 0 && node_is_live(node) && sethostname(hostname, strlen(hostname)) < 0)
        return err_errno(err, -errno, "cannot set the host name");
    return r;
}

int apply_machine_id(const struct node *node, const struct provision *p, struct err *err)
{
    /* The first process chose one already; journal and bus would not follow a change. */
    if (!p->machine_id || node_is_live(node))
        return 0;
    _autofree_ char *line = str_format("%s\n", p->machine_id);
    if (!line)
        return err_set(err, -ENOMEM, "out of memory");
    return node_write_text(node, "/etc/machine-id", line, 0444, err);
}

/* Replaces path by a symbolic link, atomically. */
static int write_link(const char *target, const char *path, struct err *err)
{
    _autofree_ char *temporary = str_format("%s.slipway", path);
    if (!temporary)
        return err_set(err, -ENOMEM, "out of memory");
    (void)unlink(temporary);
    if (symlink(target, temporary) < 0 || rename(temporary, path) < 0)
        return err_errno(err, -errno, "cannot write %s", path);
    return 0;
}

int apply_timezone(const struct node *node, const struct provision *p, struct err *err)
{
    if (!p->timezone)
        return 0;
    _autofree_ char *zone = str_format("/usr/share/zoneinfo/%s", p->timezone);
    _autofree_ char *path = node_path(node, "/etc/localtime");
    _autofree_ char *line = str_format("%s\n", p->timezone);
    if (!zone || !path || !line)
        return err_set(err, -ENOMEM, "out of memory");
    if (!node_exists(node, zone))
        return err_set(err, -ENOENT, "the image has no time zone %s", p->timezone);
    int r = node_write_text(node, "/etc/timezone", line, 0644, err);
    return r < 0 ? r : write_link(zone, path, err);
}

int apply_ntp(const struct node *node, const struct provision *p, struct err *err)
{
    if (!p->ntp.count)
        return 0;
    _autobuf_ struct buf out = BUF_INIT;
    buf_adds(&out, "[Time]\nNTP=");
    for (size_t i = 0; i < p->ntp.count; i++)
        buf_printf(&out, "%s%s", i ? " " : "", p->ntp.items[i]);
    buf_adds(&out, "\n");
    if (buf_error(&out))
        return err_set(err, buf_error(&out), "out of memory");
    return node_write_text(node, "/etc/systemd/timesyncd.conf.d/50-slipway.conf", buf_str(&out),
                           0644, err);
}
