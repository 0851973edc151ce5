/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/apply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/nftables.h"
#include "podnet/apply-links.h"
#include "podnet/outcome.h"

enum { CONFLIST_MAX = 64 << 10, NFT_TIMEOUT_MS = 15000 };

void podnet_applied_clear(struct podnet_applied *applied)
{
    free(applied->rules);
    *applied = (struct podnet_applied){0};
}

static int run_nft(const char *script, struct podnet_outcome *outcome)
{
    const char *const argv[] = {"nft", "-f", "-", NULL};
    struct proc_options options = {
        .input = script, .input_len = strlen(script), .timeout_ms = NFT_TIMEOUT_MS};
    struct err err = ERR_INIT;
    int r = proc_run(argv, &options, NULL, &err);
    if (r == -ENOENT)
        buf_adds(&outcome->troubles,
                 "pods' traffic is not masqueraded: nft is missing (package nftables)\n");
    else if (r < 0)
        buf_printf(&outcome->troubles, "pods' traffic is not masqueraded: %s\n", err_text(&err));
    return r;
}

/* Once at the start, after a change, and when somebody flushed all tables. */
static int apply_rules(const struct podnet_plan *plan, struct podnet_applied *applied,
                       struct podnet_outcome *outcome)
{
    if (str_eq(applied->rules, plan->rules) && nftables_has_table(PODNET_TABLE) == 1)
        return 0;
    int r = run_nft(plan->rules, outcome);
    if (r == 0)
        r = str_replace(&applied->rules, plan->rules);
    if (r == 0)
        outcome_changed(outcome, "masquerading rules applied (table ip " PODNET_TABLE ")");
    return r;
}

static int conflist_path(const struct podnet_config *config, char path[static PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/" PODNET_FILE, config->conf_dir);
    return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool file_holds(const char *path, const char *text)
{
    _autofree_ char *there = NULL;
    return file_read(path, CONFLIST_MAX, &there, NULL, NULL) == 0 && str_eq(there, text);
}

static int write_conflist(const struct podnet_config *config, const char *text,
                          struct podnet_outcome *outcome)
{
    char path[PATH_MAX];
    struct err err = ERR_INIT;
    int r = conflist_path(config, path);
    if (r < 0 || file_holds(path, text))
        return r;
    r = dir_make(config->conf_dir, 0755, &err);
    if (r == 0)
        r = file_write_atomic(path, text, strlen(text), 0644, &err);
    if (r < 0)
        buf_printf(&outcome->troubles, "pods cannot start: %s\n", err_text(&err));
    else
        outcome_changed(outcome, "%s written", path);
    return r;
}

int podnet_apply(int net, const struct podnet_config *config, const struct podnet_plan *plan,
                 struct podnet_applied *applied, struct podnet_outcome *outcome)
{
    int first = 0;
    outcome_first(&first, apply_links(net, plan, outcome));
    outcome_first(&first, apply_rules(plan, applied, outcome));
    if (applied->rules)
        outcome_first(&first, write_conflist(config, plan->conflist, outcome));
    return first;
}

static int remove_bridge(int net, struct podnet_outcome *outcome)
{
    struct net_link link;
    int r = net_link_by_name(net, PODNET_BRIDGE, &link);
    if (r == -ENODEV || (r == 0 && !str_eq(link.kind, "bridge")))
        return 0;
    if (r == 0)
        r = net_link_delete(net, link.index);
    if (r < 0)
        return outcome_trouble(outcome, r, "cannot remove the bridge " PODNET_BRIDGE);
    outcome_changed(outcome, "bridge " PODNET_BRIDGE " removed");
    return 0;
}

static int remove_conflist(const struct podnet_config *config, struct podnet_outcome *outcome)
{
    char path[PATH_MAX];
    int r = conflist_path(config, path);
    if (r == 0 && unlink(path) < 0)
        r = -errno;
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return outcome_trouble(outcome, r, "cannot remove %s", path);
    outcome_changed(outcome, "%s removed", path);
    return 0;
}

/* No new pods first, and their bridge last. */
int podnet_remove(int net, const struct podnet_config *config, struct podnet_outcome *outcome)
{
    int first = 0;
    outcome_first(&first, remove_conflist(config, outcome));
    outcome_first(&first, apply_links(net, NULL, outcome));
    if (nftables_has_table(PODNET_TABLE) == 1) {
        int r = run_nft(podnet_no_rules, outcome);
        if (r == 0)
            outcome_changed(outcome, "table ip " PODNET_TABLE " removed");
        outcome_first(&first, r);
    }
    outcome_first(&first, remove_bridge(net, outcome));
    return first;
}
