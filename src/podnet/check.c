/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "podnet/host.h"
#include "podnet/session.h"

enum { NODES_MAX = 64 << 20, ANSWER_MS = 15000 };

/* ---- where the Nodes come from ---- */

struct nodes {
    struct podnet_node *list;
    size_t count;
};

static int nodes_from_file(const char *path, struct nodes *ret, struct err *err)
{
    _autofree_ char *text = NULL;
    size_t len = 0, i;
    json_t *item;
    int r = file_read(path, NODES_MAX, &text, &len, err);
    if (r < 0)
        return r;
    json_auto_t *object = json_loadb(text, len, 0, NULL);
    const json_t *items = json_object_get(object, "items");
    if (!json_is_array(items))
        return err_set(err, -EINVAL, "%s: expected a NodeList in JSON", path);
    ret->list = calloc(json_array_size(items) + 1, sizeof(*ret->list));
    if (!ret->list)
        return err_set(err, -ENOMEM, "out of memory");
    json_array_foreach (items, i, item) {
        if (podnet_node_read(item, &ret->list[ret->count]) == 0)
            ret->count++;
    }
    return 0;
}

static void on_answer(void *user)
{
    uv_stop(user);
}

static void on_timeout(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Asks until the first list is complete, or until it makes no sense to wait longer. */
static int ask(struct podnet_session *session, uv_loop_t *loop, struct nodes *ret, struct err *err)
{
    uv_timer_t timer;
    int r = podnet_session_refresh(session, err);
    if (r < 0)
        return r;
    (void)uv_timer_init(loop, &timer);
    (void)uv_timer_start(&timer, on_timeout, ANSWER_MS, 0);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT); /* the timer is on this stack */
    if (!podnet_session_is_synced(session))
        return err_set(err, -ETIMEDOUT, "the API server does not tell its Nodes");
    r = podnet_session_nodes(session, &ret->list, &ret->count);
    return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int nodes_from_server(const char *kubeconfig, struct nodes *ret, struct err *err)
{
    uv_loop_t loop;
    struct podnet_session *session = NULL;
    struct podnet_session_options options = {.loop = &loop,
                                             .kubeconfig = kubeconfig,
                                             .user = &loop,
                                             .changed = on_answer,
                                             .refused = on_answer};
    int r = uv_loop_init(&loop);
    if (r < 0)
        return err_errno(err, r, "cannot start");
    r = podnet_session_new(&options, &session);
    if (r == 0)
        r = ask(session, &loop, ret, err);
    podnet_session_free(session);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return r;
}

/* ---- how it is shown ---- */

static const char *link_name(const struct podnet_host *host, int index)
{
    for (size_t i = 0; i < host->n_links; i++) {
        if (host->links[i].index == index)
            return host->links[i].name;
    }
    return "?";
}

static json_t *routes_json(const struct podnet_plan *plan, const struct podnet_host *host)
{
    char dest[CIDR_TEXT_SIZE], gateway[IPV4_TEXT_SIZE];
    json_t *routes = json_array();
    for (size_t i = 0; i < plan->n_routes; i++) {
        const struct net_route *r = &plan->routes[i];
        (void)json_array_append_new(
            routes, json_pack("{s:s, s:s, s:s}", "destination", cidr_text(r->dest, dest), "gateway",
                              ipv4_text(r->gateway, gateway), "link", link_name(host, r->ifindex)));
    }
    for (size_t i = 0; i < plan->n_peers; i++) {
        const struct podnet_peer *p = &plan->peers[i];
        (void)json_array_append_new(
            routes, json_pack("{s:s, s:s, s:s}", "destination", cidr_text(p->range, dest),
                              "gateway", ipv4_text(p->node, gateway), "link", PODNET_TUNNEL));
    }
    return routes;
}

static json_t *lines_json(const char *lines)
{
    json_t *list = json_array();
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1)
        (void)json_array_append_new(list, json_stringn(lines, (size_t)(end - lines)));
    return list;
}

static int print_json(const struct podnet_plan *plan, const struct podnet_config *config,
                      const struct podnet_host *host)
{
    _autofree_ char *path = str_format("%s/" PODNET_FILE, config->conf_dir);
    json_auto_t *object = json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:o, s:{s:s?, s:s?}, s:s?}", "node", config->node_name,
        "waiting", plan->waiting, "tunnel", plan->tunnel.name, "mtu", (int)plan->mtu, "routes",
        routes_json(plan, host), "problems", lines_json(buf_str(&plan->problems)), "file", "path",
        path, "text", plan->conflist, "rules", plan->rules);
    _autofree_ char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    return text && puts(text) >= 0 ? 0 : -ENOMEM;
}

static void print_routes(const struct podnet_plan *plan, const struct podnet_host *host)
{
    char dest[CIDR_TEXT_SIZE], gateway[IPV4_TEXT_SIZE];
    printf("%-18s  %-15s  %s\n", "POD RANGE", "NODE", "LINK");
    for (size_t i = 0; i < plan->n_routes; i++)
        printf("%-18s  %-15s  %s\n", cidr_text(plan->routes[i].dest, dest),
               ipv4_text(plan->routes[i].gateway, gateway),
               link_name(host, plan->routes[i].ifindex));
    for (size_t i = 0; i < plan->n_peers; i++)
        printf("%-18s  %-15s  " PODNET_TUNNEL "\n", cidr_text(plan->peers[i].range, dest),
               ipv4_text(plan->peers[i].node, gateway));
}

static int print_text(const struct podnet_plan *plan, const struct podnet_config *config,
                      const struct podnet_host *host)
{
    (void)fputs(buf_str(&plan->problems), stdout);
    if (plan->waiting[0]) {
        printf("Waiting: %s.\n", plan->waiting);
        return 0;
    }
    print_routes(plan, host);
    printf("\nMTU of pods: %u\n\n%s/" PODNET_FILE ":\n%s\nnft -f -:\n%s", plan->mtu,
           config->conf_dir, plan->conflist, plan->rules);
    return 0;
}

static int show(const struct podnet_check_options *options, const struct podnet_config *config,
                const struct nodes *nodes, bool *ret_waits, struct err *err)
{
    _autosnapshot_ struct podnet_snapshot snapshot = {0};
    _autoplan_ struct podnet_plan plan = {0};
    _autofd_ int net = -1;
    int r = net_open(&net);
    if (r < 0)
        return err_errno(err, r, "cannot ask the kernel");
    r = podnet_snapshot_take(net, config->bin_dir, &snapshot, err);
    if (r < 0)
        return r;
    r = podnet_plan_make(config, nodes->list, nodes->count, &snapshot.host, &plan);
    if (r == 0)
        r = options->json ? print_json(&plan, config, &snapshot.host)
                          : print_text(&plan, config, &snapshot.host);
    if (r == 0 && fflush(stdout) != 0)
        r = -EIO;
    *ret_waits = plan.waiting[0];
    return r < 0 ? err_errno(err, r, "cannot show the plan") : 0;
}

int podnet_check(const struct podnet_check_options *options, bool *ret_waits, struct err *err)
{
    struct podnet_config config;
    struct nodes nodes = {0};
    int r = podnet_config_load(options->config, &config, err);
    if (r == 0)
        r = options->nodes ? nodes_from_file(options->nodes, &nodes, err)
                           : nodes_from_server(options->kubeconfig, &nodes, err);
    if (r == 0)
        r = show(options, &config, &nodes, ret_waits, err);
    free(nodes.list);
    return r;
}
