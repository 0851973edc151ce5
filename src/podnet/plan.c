/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"

/* What the functions below pass along. */
struct planner {
    const struct podnet_config *config;
    const struct podnet_host *host;
    const struct podnet_node *own;
    const struct net_link *link;       /* which carries our InternalIP */
    const struct podnet_node **sorted; /* by range: those whose range is in the Cluster's */
    size_t n_sorted;
    struct podnet_plan *plan;
};

void podnet_plan_clear(struct podnet_plan *plan)
{
    free(plan->conflist);
    free(plan->rules);
    free(plan->routes);
    free(plan->peers);
    buf_free(&plan->problems);
    *plan = (struct podnet_plan){0};
}

static void refuse(struct planner *p, const struct podnet_node *node, const char *format, ...)
    _printf_(3, 4);

static void refuse(struct planner *p, const struct podnet_node *node, const char *format, ...)
{
    char name[PODNET_NAME_SIZE];
    va_list args;
    buf_printf(&p->plan->problems, "Node %s gets no route: ",
               log_quote(name, sizeof(name), node->name, strlen(node->name)));
    va_start(args, format);
    buf_vprintf(&p->plan->problems, format, args);
    va_end(args);
    buf_addc(&p->plan->problems, '\n');
}

static void wait_for(struct planner *p, const char *format, ...) _printf_(2, 3);

static void wait_for(struct planner *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->plan->waiting, sizeof(p->plan->waiting), format, args);
    va_end(args);
}

static bool within(struct cidr outer, struct cidr inner)
{
    return inner.prefix >= outer.prefix && cidr_contains(outer, cidr_first(inner));
}

static bool overlap(struct cidr a, struct cidr b)
{
    return a.prefix < b.prefix ? within(a, b) : within(b, a);
}

static const struct net_link *link_by_index(const struct podnet_host *host, int index)
{
    for (size_t i = 0; i < host->n_links; i++) {
        if (host->links[i].index == index)
            return &host->links[i];
    }
    return NULL;
}

/* The link with exactly this address. */
static const struct net_link *link_with(const struct podnet_host *host, ipv4 address)
{
    for (size_t i = 0; i < host->n_addresses; i++) {
        if (host->addresses[i].address.address == address)
            return link_by_index(host, host->addresses[i].ifindex);
    }
    return NULL;
}

/* Whether Nodes may be found on this subnet of ours: not where pods are, and not only ourselves. */
static bool leads_to_nodes(const struct planner *p, const struct net_address *a)
{
    const struct net_link *link = link_by_index(p->host, a->ifindex);
    return link && !link->loopback && a->address.prefix < 32 &&
           !str_eq(link->name, PODNET_BRIDGE) && !str_eq(link->name, PODNET_TUNNEL) &&
           !cidr_contains(p->config->pod_subnet, a->address.address);
}

/* The index of the link on whose subnet the address is; 0 when it is behind a router. */
static int link_towards(const struct planner *p, ipv4 address)
{
    const struct net_address *best = NULL;
    for (size_t i = 0; i < p->host->n_addresses; i++) {
        const struct net_address *a = &p->host->addresses[i];
        if (!cidr_contains(a->address, address) || !leads_to_nodes(p, a))
            continue;
        if (!best || a->address.prefix > best->address.prefix ||
            (a->address.prefix == best->address.prefix && a->ifindex == p->link->index))
            best = a;
    }
    return best ? best->ifindex : 0;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct podnet_node *x = *(const struct podnet_node *const *)a;
    const struct podnet_node *y = *(const struct podnet_node *const *)b;
    if (x->range.address != y->range.address)
        return x->range.address < y->range.address ? -1 : 1;
    if (x->range.prefix != y->range.prefix)
        return x->range.prefix < y->range.prefix ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Whether the Node has a range that can be its own; a line when it cannot. */
static bool has_range(struct planner *p, const struct podnet_node *node)
{
    char text[CIDR_TEXT_SIZE];
    if (node->foreign)
        refuse(p, node, "it has no IPv4 podCIDR");
    else if (node->range.prefix && !within(p->config->pod_subnet, node->range))
        refuse(p, node, "its podCIDR %s is not in the Cluster's subnet",
               cidr_text(node->range, text));
    else
        return node->range.prefix;
    return false;
}

/* All are sorted before any is left out, so that the lines about them have an order, too. */
static int sort_nodes(struct planner *p, const struct podnet_node *nodes, size_t n)
{
    p->sorted = calloc(n + 1, sizeof(*p->sorted));
    if (!p->sorted)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        p->sorted[i] = &nodes[i];
    qsort(p->sorted, n, sizeof(*p->sorted), compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (has_range(p, p->sorted[i]))
            p->sorted[p->n_sorted++] = p->sorted[i];
    }
    return 0;
}

/*
 * Who takes the i-th Node's range away from it: a Node whose range overlaps and that is at least as
 * old. NULL when nobody. As ranges are nested or apart, the others of its group are neighbours.
 */
static const struct podnet_node *rival(const struct planner *p, size_t begin, size_t end, size_t i)
{
    const struct podnet_node *node = p->sorted[i];
    for (size_t k = begin; k < end; k++) {
        const struct podnet_node *other = p->sorted[k];
        if (k != i && other->created <= node->created && overlap(node->range, other->range))
            return other;
    }
    return NULL;
}

static size_t group_end(const struct planner *p, size_t begin)
{
    size_t end = begin + 1; /* the widest range comes first */
    while (end < p->n_sorted && within(p->sorted[begin]->range, p->sorted[end]->range))
        end++;
    return end;
}

/* Takes those with a rival out of the sorted Nodes. -EEXIST when one of them is our own. */
static int drop_rivals(struct planner *p)
{
    size_t kept = 0;
    bool ours = false;
    const struct podnet_node **left = calloc(p->n_sorted + 1, sizeof(*left));
    if (!left)
        return -ENOMEM;
    for (size_t begin = 0, end; begin < p->n_sorted; begin = end) {
        end = group_end(p, begin);
        for (size_t i = begin; i < end; i++) {
            const struct podnet_node *node = p->sorted[i], *by = rival(p, begin, end, i);
            char text[CIDR_TEXT_SIZE], name[PODNET_NAME_SIZE];
            if (!by)
                left[kept++] = node;
            else
                refuse(p, node, "its podCIDR %s overlaps that of Node %s",
                       cidr_text(node->range, text),
                       log_quote(name, sizeof(name), by->name, strlen(by->name)));
            ours = ours || (by && node == p->own);
        }
    }
    free(p->sorted);
    p->sorted = left;
    p->n_sorted = kept;
    return ours ? -EEXIST : 0;
}

/* NULL when the address can be another Node's, else what is wrong with it. */
static const char *bad_address(const struct planner *p, ipv4 address)
{
    if (!address)
        return "it has no IPv4 InternalIP";
    if (address >> 24 == 0 || address >> 24 == 127 || address >> 28 >= 14)
        return "its InternalIP is no machine's address";
    if (cidr_contains(p->config->pod_subnet, address))
        return "its InternalIP is in the pods' subnet";
    if (address == p->own->address || link_with(p->host, address))
        return "its InternalIP is this machine's";
    return NULL;
}

static void add_route(struct planner *p, const struct podnet_node *node, int ifindex)
{
    p->plan->routes[p->plan->n_routes++] = (struct net_route){.dest = node->range,
                                                              .gateway = node->address,
                                                              .ifindex = ifindex,
                                                              .protocol = PODNET_PROTOCOL};
}

static void add_peer(struct planner *p, const struct podnet_node *node)
{
    p->plan->peers[p->plan->n_peers++] = (struct podnet_peer){
        .node = node->address,
        .address = cidr_first(node->range),
        .mac = podnet_tunnel_mac(node->range),
        .range = node->range,
    };
}

static int add_nodes(struct planner *p)
{
    p->plan->routes = calloc(p->n_sorted + 1, sizeof(*p->plan->routes));
    p->plan->peers = calloc(p->n_sorted + 1, sizeof(*p->plan->peers));
    if (!p->plan->routes || !p->plan->peers)
        return -ENOMEM;
    for (size_t i = 0; i < p->n_sorted; i++) {
        const struct podnet_node *node = p->sorted[i];
        if (node == p->own)
            continue;
        const char *problem = bad_address(p, node->address);
        int ifindex = problem ? 0 : link_towards(p, node->address);
        if (problem)
            refuse(p, node, "%s", problem);
        else if (ifindex)
            add_route(p, node, ifindex);
        else
            add_peer(p, node);
    }
    return 0;
}

struct mac podnet_tunnel_mac(struct cidr range)
{
    ipv4 a = cidr_first(range);
    return (struct mac){
        {0x0e, 0x53, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
}

static void add_tunnel(struct planner *p)
{
    struct podnet_plan *plan = p->plan;
    uint32_t inside =
        p->link->mtu > 2 * PODNET_VXLAN_OVERHEAD ? p->link->mtu - PODNET_VXLAN_OVERHEAD : 0;
    plan->mtu = p->config->mtu ? p->config->mtu : plan->n_peers ? inside : p->link->mtu;
    if (!plan->n_peers)
        return;
    plan->tunnel = (struct net_vxlan){.name = PODNET_TUNNEL,
                                      .id = PODNET_VXLAN_ID,
                                      .port = PODNET_VXLAN_PORT,
                                      .local = p->own->address,
                                      .mac = podnet_tunnel_mac(p->own->range),
                                      .mtu = inside};
    plan->tunnel_address = cidr_first(p->own->range);
}

static int write_texts(struct planner *p)
{
    p->plan->conflist =
        podnet_conflist(p->own->range, p->plan->mtu, p->host->has_portmap, p->host->has_bandwidth);
    p->plan->rules = podnet_rules(p->config->pod_subnet);
    return p->plan->conflist && p->plan->rules ? 0 : -ENOMEM;
}

/* Whether our own Node is known, and where; else what is waited for. */
static bool find_own(struct planner *p, const struct podnet_node *nodes, size_t n)
{
    char text[CIDR_TEXT_SIZE];
    for (size_t i = 0; i < n && !p->own; i++) {
        if (str_eq(nodes[i].name, p->config->node_name))
            p->own = &nodes[i];
    }
    if (!p->own)
        wait_for(p, "there is no Node %s yet", p->config->node_name);
    else if (p->own->foreign)
        wait_for(p, "Node %s has no IPv4 podCIDR", p->own->name);
    else if (!p->own->range.prefix)
        wait_for(p, "Node %s has no podCIDR yet (kube-controller-manager gives it)", p->own->name);
    else if (!within(p->config->pod_subnet, p->own->range))
        wait_for(p, "the podCIDR %s of Node %s is not in the Cluster's subnet",
                 cidr_text(p->own->range, text), p->own->name);
    else if (!p->own->address)
        wait_for(p, "Node %s has no IPv4 InternalIP yet", p->own->name);
    else if (!(p->link = link_with(p->host, p->own->address)))
        wait_for(p, "the InternalIP %s of Node %s is on no link of this machine",
                 ipv4_text(p->own->address, text), p->own->name);
    return p->link;
}

static int make(struct planner *p, const struct podnet_node *nodes, size_t n)
{
    if (!find_own(p, nodes, n))
        return 0;
    int r = sort_nodes(p, nodes, n);
    if (r == 0)
        r = drop_rivals(p);
    if (r == -EEXIST) {
        wait_for(p, "the podCIDR of Node %s is another Node's, too", p->own->name);
        return 0;
    }
    if (r == 0)
        r = add_nodes(p);
    if (r < 0)
        return r;
    add_tunnel(p);
    return write_texts(p);
}

int podnet_plan_make(const struct podnet_config *config, const struct podnet_node *nodes,
                     size_t n_nodes, const struct podnet_host *host, struct podnet_plan *ret)
{
    _autoplan_ struct podnet_plan plan = {0};
    struct planner p = {.config = config, .host = host, .plan = &plan};
    int r = make(&p, nodes, n_nodes);
    free(p.sorted);
    if (r == 0)
        r = buf_error(&plan.problems);
    if (r < 0)
        return r;
    *ret = plan;
    plan = (struct podnet_plan){0};
    return 0;
}
