/* SPDX-License-Identifier: Apache-2.0 */
/* slipway-podnet: the network between the pods of a Cluster, on one Node. */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "podnet/apply.h"
#include "podnet/check.h"
#include "podnet/daemon.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_WAITING = 3 };

struct arguments {
    const char *config, *kubeconfig, *nodes;
    bool check, remove, json;
};

static const char help_text[] =
    "Usage: slipway-podnet [OPTIONS]\n"
    "\n"
    "Keeps the network between the pods of a Cluster on this Node: writes the configuration of "
    "the\n"
    "CNI plugins, routes to the pods of all other Nodes, and masquerades what leaves the pods'\n"
    "network. systemd starts it; people need only --check.\n"
    "\n"
    "Options:\n"
    "  --check            Print what would be done, and do nothing\n"
    "  -o, --output json  --check: print JSON\n"
    "  --nodes FILE       --check: take Nodes from this file (kubectl get nodes -o json) instead\n"
    "                     of asking the API server\n"
    "  --remove           Remove all that was ever applied, and the bridge of the pods\n"
    "  --config FILE      Read this instead of /etc/kubernetes/slipway-podnet.json\n"
    "  --kubeconfig FILE  Read this instead of /etc/kubernetes/kubelet.conf\n"
    "  -v, --verbose      Say more\n"
    "  -h, --help         Show this text\n"
    "  --version          Show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 (--check) there is nothing to be done yet.\n";

static int failed(const struct err *err)
{
    log_error("%s", err_text(err));
    return EXIT_FAILED;
}

static int usage(const char *problem)
{
    log_error("%s. Try: slipway-podnet --help", problem);
    return EXIT_USAGE;
}

static int run_check(const struct arguments *a)
{
    struct podnet_check_options options = {
        .config = a->config, .kubeconfig = a->kubeconfig, .nodes = a->nodes, .json = a->json};
    struct err err = ERR_INIT;
    bool waits = false;
    if (podnet_check(&options, &waits, &err) < 0)
        return failed(&err);
    return waits ? EXIT_WAITING : 0;
}

/* A configuration that is gone or damaged is no reason to leave things lying around. */
static int run_remove(const struct arguments *a)
{
    static const char usual[] = "{\"podSubnet\":\"10.244.0.0/16\",\"nodeName\":\"none\"}";
    _autooutcome_ struct podnet_outcome outcome = {0};
    _autofd_ int net = -1;
    struct podnet_config config;
    struct err err = ERR_INIT;
    int r = podnet_config_load(a->config, &config, &err);
    if (r < 0 && r != -ENOMEM)
        r = podnet_config_parse(usual, sizeof(usual) - 1, &config, &err);
    if (r < 0)
        return failed(&err);
    r = net_open(&net);
    if (r < 0) {
        (void)err_errno(&err, r, "cannot ask the kernel");
        return failed(&err);
    }
    r = podnet_remove(net, &config, &outcome);
    (void)fputs(buf_str(&outcome.changes), stdout);
    (void)fputs(buf_str(&outcome.troubles), stderr);
    return r < 0 ? EXIT_FAILED : 0;
}

static int run_daemon(const struct arguments *a)
{
    struct podnet_daemon_options options = {.config = a->config, .kubeconfig = a->kubeconfig};
    struct err err = ERR_INIT;
    return podnet_daemon_run(&options, &err) < 0 ? failed(&err) : 0;
}

/* -1: go on; else the exit status. */
static int take_option(int option, struct arguments *a)
{
    switch (option) {
    case 'c':
        a->check = true;
        return -1;
    case 'r':
        a->remove = true;
        return -1;
    case 'n':
        a->nodes = optarg;
        return -1;
    case 'f':
        a->config = optarg;
        return -1;
    case 'k':
        a->kubeconfig = optarg;
        return -1;
    case 'o':
        a->json = true;
        return str_eq(optarg, "json") ? -1 : usage("--output knows only json");
    case 'v':
        log_init(LOG_LEVEL_DEBUG, LOG_STYLE_AUTO);
        return -1;
    case 'h':
        return fputs(help_text, stdout) < 0 ? EXIT_FAILED : 0;
    case 'V':
        return puts("slipway-podnet " SLIPWAY_VERSION) < 0 ? EXIT_FAILED : 0;
    default:
        return usage("unknown option or a value is missing");
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'},        {"remove", no_argument, NULL, 'r'},
        {"nodes", required_argument, NULL, 'n'},  {"config", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'}, {"kubeconfig", required_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {0}};
    struct arguments a = {.config = "/etc/kubernetes/slipway-podnet.json",
                          .kubeconfig = "/etc/kubernetes/kubelet.conf"};
    log_init(LOG_LEVEL_INFO, LOG_STYLE_AUTO);
    (void)signal(SIGPIPE, SIG_IGN); /* nft that ends early is an error, not our end */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:hv", options, NULL)) != -1;) {
        int status = take_option(option, &a);
        if (status >= 0)
            return status;
    }
    if (optind < argc)
        return usage("there are no arguments");
    if (a.check && a.remove)
        return usage("--check and --remove exclude each other");
    if (!a.check && (a.json || a.nodes))
        return usage("--output and --nodes belong to --check");
    if (sodium_init() < 0) {
        log_error("libsodium does not start");
        return EXIT_FAILED;
    }
    return a.check ? run_check(&a) : a.remove ? run_remove(&a) : run_daemon(&a);
}
