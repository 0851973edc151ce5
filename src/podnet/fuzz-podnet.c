/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the Nodes say of themselves, no plan gives anybody a range that is not his. */
#include <jansson.h>
#include <stdlib.h>

#include "podnet/diff.h"
#include "podnet/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = 64 };

static const struct net_link links[] = {
    {.index = 1, .name = "lo", .loopback = true, .mtu = 65536},
    {.index = 2, .name = "eth0", .mtu = 1500},
};
static const struct net_address addresses[] = {{1, {0x7f000001, 8}}, {2, {0x0a000001, 24}}};

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool apart(struct cidr a, struct cidr b)
{
    return cidr_last(a) < cidr_first(b) || cidr_last(b) < cidr_first(a);
}

static void check_routes(const struct podnet_plan *plan, struct cidr pods, struct cidr own)
{
    size_t n = 0;
    struct net_route *all = podnet_all_routes(plan, 9, &n);
    require(all && n == plan->n_routes + plan->n_peers);
    for (size_t i = 0; i < n; i++) {
        struct cidr dest = all[i].dest;
        require(cidr_contains(pods, cidr_first(dest)) && cidr_contains(pods, cidr_last(dest)));
        require(apart(dest, own) && (i == 0 || cidr_last(all[i - 1].dest) < cidr_first(dest)));
        require(all[i].gateway != 0 && all[i].gateway != 0x0a000001);
    }
    free(all);
}

static void check_text(const struct podnet_plan *plan)
{
    json_t *list = json_loads(plan->conflist, 0, NULL);
    require(list && plan->rules);
    json_decref(list);
}

static size_t read_nodes(const json_t *list, struct podnet_node nodes[static NODES_MAX])
{
    size_t i, n = 0;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (n < NODES_MAX && podnet_node_read(item, &nodes[n]) == 0)
            n++;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct podnet_config config = {.pod_subnet = {0x0af40000, 16},
                                                .node_name = "node1"};
    static const struct podnet_host host = {
        .links = links, .n_links = 2, .addresses = addresses, .n_addresses = 2};
    struct podnet_config parsed;
    struct podnet_node nodes[NODES_MAX];
    struct podnet_plan plan = {0};
    (void)!podnet_config_parse((const char *)data, size, &parsed, NULL);
    json_t *list = json_loadb((const char *)data, size, 0, NULL);
    size_t n = read_nodes(list, nodes);
    require(podnet_plan_make(&config, nodes, n, &host, &plan) == 0);
    for (const char *c = buf_str(&plan.problems); *c; c++)
        require(*c == '\n' || (*c >= ' ' && *c <= '~'));
    for (size_t i = 0; !plan.waiting[0] && i < n; i++) {
        if (strcmp(nodes[i].name, "node1") == 0) {
            check_routes(&plan, config.pod_subnet, nodes[i].range);
            check_text(&plan);
            break;
        }
    }
    podnet_plan_clear(&plan);
    json_decref(list);
    return 0;
}
