/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-host.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/proc.h"
#include "base/str.h"
#include "net/link.h"
#include "node/addresses.h"
#include "node/cluster-kubeadm.h"
#include "resource/format.h"

enum { VERSION_MS = 60000 };

/* ---- the name ---- */

int up_host_name(const char *hostname, char *dst, size_t size)
{
    if (str_copy(dst, size, hostname) < 0)
        return -EINVAL;
    for (char *c = dst; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return format_name.check(dst) ? 0 : -EINVAL;
}

static int find_name(const struct node_configuration *c, struct up_host *ret, struct err *err)
{
    char name[256] = "";
    if (c->node_name)
        return str_copy(ret->name, sizeof(ret->name), c->node_name);
    if (gethostname(name, sizeof(name) - 1) < 0)
        return err_errno(err, -errno, "this host's name");
    int r = up_host_name(name, ret->name, sizeof(ret->name));
    return r < 0 ? err_set(err, r, "this host's name is not one for a Node: \"%s\"; say nodeName",
                           name)
                 : 0;
}

/* ---- the address ---- */

/* The address that the kernel would use towards `to`; nothing is sent. 0: there is no way. */
static ipv4 address_towards(ipv4 to)
{
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(to)};
    struct sockaddr_in here = {0};
    socklen_t len = sizeof(here);
    _autofd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&there, sizeof(there)) < 0 ||
        getsockname(fd, (struct sockaddr *)&here, &len) < 0)
        return 0;
    return ntohl(here.sin_addr.s_addr);
}

/* A name is for kubeadm to look up: the way out is then the best guess. */
static ipv4 way_to(const char *seeder)
{
    static const ipv4 somewhere = 0xc0000201; /* 192.0.2.1, which is nobody's: RFC 5737 */
    char host[NODE_SEEDER_SIZE];
    ipv4 to;
    if (!seeder || node_seeder_normalize(seeder, host) < 0)
        return somewhere;
    *strrchr(host, ':') = '\0';
    return ipv4_parse(host, &to) < 0 ? somewhere : to;
}

static bool is_on(const struct net_address *address, int ifindex, ipv4 wanted)
{
    ipv4 a = address->address.address;
    if (ifindex)
        return address->ifindex == ifindex && a >> 16 != 0xa9fe;
    return wanted ? a == wanted : a >> 24 != 127 && a >> 16 != 0xa9fe;
}

/* The first address of the link, or the wanted one, or (neither is given) any that leads out. */
static int choose(int fd, int ifindex, ipv4 wanted, struct up_host *ret)
{
    _autofree_ struct net_address *addresses = NULL;
    size_t n = 0;
    int r = net_addresses(fd, &addresses, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct cidr found = addresses[i].address;
        if (!is_on(&addresses[i], ifindex, wanted))
            continue;
        ret->address = found.address;
        ret->subnet = (struct cidr){cidr_first(found), found.prefix};
        return 0;
    }
    return r < 0 ? r : -EADDRNOTAVAIL;
}

static int find_address(const struct node_configuration *c, struct up_host *ret, struct err *err)
{
    struct net_link link = {.index = 0};
    char text[IPV4_TEXT_SIZE];
    ipv4 wanted = c->bind.address;
    _autofd_ int fd = -1;
    int r = net_open(&fd);
    if (r == 0 && c->bind.interface)
        r = net_link_by_name(fd, c->bind.interface, &link);
    if (r < 0)
        return err_errno(err, r, "bind.interface %s", c->bind.interface ? c->bind.interface : "");
    if (!wanted && !c->bind.interface)
        wanted = address_towards(way_to(c->seeder));
    r = choose(fd, wanted ? 0 : link.index, wanted, ret);
    if (r == -EADDRNOTAVAIL && c->bind.address)
        return err_set(err, r, "bind.address %s is not an address of this host",
                       ipv4_text(wanted, text));
    return r < 0 ? err_errno(err, r, "an address for this node; say bind.address") : 0;
}

int up_host_look(const struct node_configuration *configuration, struct up_host *ret,
                 struct err *err)
{
    char path[256];
    *ret = (struct up_host){0};
    int r = find_name(configuration, ret, err);
    if (r == 0)
        r = find_address(configuration, ret, err);
    ret->has_crictl = proc_find("crictl", path, sizeof(path));
    return r;
}

bool up_host_is_taken(const struct node *node)
{
    return node_exists(node, "/etc/kubernetes/kubelet.conf") ||
           node_exists(node, "/etc/kubernetes/admin.conf");
}

/* ---- kubeadm ---- */

static void free_environment(char ***environment)
{
    cluster_environment_free(*environment);
}

int up_kubeadm_version(const char *kubeadm, char *ret, size_t size, struct err *err)
{
    const char *const command[] = {kubeadm, "version", "--output=short", NULL};
    _cleanup_(free_environment) char **environment = cluster_environment(NULL);
    _autobuf_ struct buf output = BUF_INIT_MAX(4096);
    struct proc_options options = {
        .output = &output, .timeout_ms = VERSION_MS, .env = (const char *const *)environment};
    int r = environment ? proc_run(command, &options, NULL, err) : -ENOMEM;
    if (r < 0)
        return r == -ENOENT ? err_set(err, r, "there is no %s on this host", kubeadm) : r;
    char text[64] = "";
    size_t len = strcspn(buf_str(&output), "\r\n");
    if (len < sizeof(text))
        memcpy(text, buf_str(&output), len);
    if (!format_kube_version.check(text))
        return err_set(err, -EBADMSG, "%s tells no version", kubeadm);
    return str_copy(ret, size, text);
}
